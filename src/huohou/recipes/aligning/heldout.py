"""Questions that were held out, before and after: the whole corpus, and the candidates."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.measure.retrieval import Ranking, measures
from huohou.models.encoder import Encoder
from huohou.recipes.aligning import ranked
from huohou.recipes.aligning.construct import Construction
from huohou.recipes.aligning.corpus import Corpus
from huohou.recipes.aligning.objective import Objective

METRIC = "ndcg@10"
KS = (1, 5, 10, 100)


@dataclass(frozen=True, slots=True)
class Seen:
    """One model on the held-out questions.

    values: measure to its value for each question, over the whole corpus; scores: [samples, k] of
    the candidates; coverage: share of the corpus' scores that came from entities.
    """

    ranking: Ranking
    values: dict[str, NDArray[np.float64]]
    scores: NDArray[np.float32]
    coverage: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The held-out questions. trained_on: how many of them training has seen, 0 unless forced."""

    corpus: Corpus
    built: Construction
    objective: Objective
    trained_on: int = 0

    def look(self, encoder: Encoder) -> Seen:
        """Rank the whole corpus, and the candidates, with a model as it is."""
        ranking, covered = self.corpus.against_all(encoder)
        scores, _ = self.corpus.candidates(encoder, self.built.samples)
        return Seen(ranking, measures(ranking, KS), scores, covered)

    def metrics(self, seen: Seen) -> dict[str, float]:
        """Means, named as evaluations are in a record; eval_loss is that of the candidates."""
        import torch

        found = {f"eval_{name}": float(v.mean()) for name, v in seen.values.items()}
        loss = float(self.objective(torch.from_numpy(seen.scores)))
        found = {"eval_loss": loss, **found}
        if self.trained_on:
            found["eval_trained_on"] = float(self.trained_on)
        return found

    @property
    def groups(self) -> list[Hashable]:
        """What questions belong together by: the document that answers them, as in scorecards.

        Questions of one passage are then always drawn together.
        """
        pairs = self.corpus.pairs
        return [pairs.documents_of(query)[0] for query in pairs.queries]

    def document(self, before: Seen, after: Seen, after_is: str) -> dict[str, Any]:
        """Everything of both: ``heldout.json``. after_is: stage2 or blend."""
        mark = {"trained_on_eval": bool(self.trained_on)}
        tables = {
            when: ranked.table(seen.scores, trained_on_eval=bool(self.trained_on))
            for when, seen in (("before", before), ("after", after))
        }
        return {
            "schema": 1,
            "metric": METRIC,
            "passages": len(self.corpus.passages),
            "score": self.corpus.score,
            "after_is": after_is,
            "entity_coverage": {"before": before.coverage, "after": after.coverage},
            **mark,
            "measures": [
                {"name": name, "before": float(v.mean()), "after": float(after.values[name].mean())}
                | mark
                for name, v in before.values.items()
            ],
            "candidates": {"negatives": self.built.negatives, **tables},
            "queries": self._rows(before, after),
        }

    def _rows(self, before: Seen, after: Seen) -> list[dict[str, Any]]:
        """Each question: its metric and the expected place of its best answer, before and after."""
        values = before.values[METRIC], after.values[METRIC]
        places = _first_place(before.ranking), _first_place(after.ranking)
        rows, groups = [], self.groups
        for i, query in enumerate(self.corpus.pairs.queries):
            row = {"id": query.id, "question": query.text, "group": groups[i]}
            row |= {"before": float(values[0][i]), "after": float(values[1][i])}
            row |= {"place_before": float(places[0][i]), "place_after": float(places[1][i])}
            if self.trained_on:
                row["trained_on_eval"] = True
            rows.append(row)
        return rows


def _first_place(ranking: Ranking) -> NDArray[np.float64]:
    """Place of each question's best answer, the middle of a tie."""
    places = ranking.better + ranking.ties / 2 + 1
    found = np.full(len(ranking), np.inf)
    np.minimum.at(found, ranking.owner, places)
    return found


def values_of(seen: Seen) -> Sequence[float]:
    """The measure that decides, question by question."""
    found: list[float] = seen.values[METRIC].tolist()
    return found
