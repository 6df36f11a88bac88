"""Questions and passages as an encoder sees them: scored against candidates, or against all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from huohou.data.pairs import PairSet
from huohou.errors import ModelError
from huohou.measure.retrieval import Ranking, place
from huohou.models.encoder import Encoder
from huohou.models.encoder_text import Tokens
from huohou.probe.search import TIE
from huohou.recipes.aligning.construct import Sample
from huohou.recipes.aligning.encoding import encode, tokens_of
from huohou.recipes.aligning.similarity import Vectors, coverage, similarity

ROWS = 256  # questions scored at once


@dataclass(frozen=True, slots=True)
class Corpus:
    """A PairSet in tokens. places: question id to its place; score: see ``similarity.SCORES``;
    max_tokens: with padding, of texts encoded at once."""

    pairs: PairSet
    queries: Sequence[Tokens]
    passages: Sequence[Tokens]
    places: dict[str, int]
    score: str
    max_tokens: int

    @staticmethod
    def of(encoder: Encoder, pairs: PairSet, score: str, max_tokens: int) -> "Corpus":
        """Tokenise; the entities' places as well where the score needs them."""
        by_entity = score != "sentence"
        sides = [
            tokens_of(
                encoder, [t.text for t in one], [t.entities for t in one], name, by_entity=by_entity
            )
            for one, name in ((pairs.queries, "query"), (pairs.passages, "document"))
        ]
        places = {query.id: i for i, query in enumerate(pairs.queries)}
        return Corpus(pairs, sides[0], sides[1], places, score, max_tokens)

    @property
    def questions(self) -> dict[str, str]:
        """Question id to its text."""
        return {query.id: query.text for query in self.pairs.queries}

    def candidates(
        self, encoder: Encoder, samples: Sequence[Sample]
    ) -> tuple[NDArray[np.float32], float]:
        """Scores [samples, candidates], the ground truth first, and the share of them that came
        from entities. Raises ModelError for NaN."""
        named = sorted({self.pairs.index[one] for s in samples for one in s.candidates})
        docs = self._encoded(encoder, [self.passages[i] for i in named])
        asked = [self.places[sample.query] for sample in samples]
        queries = self._encoded(encoder, [self.queries[i] for i in asked])
        at = {place: i for i, place in enumerate(named)}
        columns = torch.tensor([[at[self.pairs.index[c]] for c in s.candidates] for s in samples])
        scores, used = [], []
        for part in torch.arange(len(samples)).split(ROWS):
            few = columns[part].unique()
            found, entity = similarity(queries.take(part), docs.take(few), self.score)
            own = torch.searchsorted(few, columns[part])
            scores.append(found.gather(1, own))
            used.append(entity.gather(1, own))
        return torch.cat(scores).float().numpy(), coverage(torch.cat(used))

    def against_all(
        self, encoder: Encoder, progress: Callable[[int], None] = lambda _: None
    ) -> tuple[Ranking, float]:
        """Where each question's positives stand among all passages, and the share of scores that
        came from entities. Raises ModelError for NaN."""
        docs = self._encoded(encoder, self.passages)
        queries = self._encoded(encoder, self.queries)
        better, ties, owner, gains = [], [], [], []
        covered = 0.0
        for part in torch.arange(len(self.queries)).split(ROWS):
            scores, used = similarity(queries.take(part), docs, self.score)
            rows, columns, weights = self._relevant(part.tolist())
            found = place(scores.float().numpy(), rows, columns, TIE)
            better.append(found[0])
            ties.append(found[1])
            owner.append(rows + int(part[0]))
            gains.append(weights)
            covered += coverage(used) * len(part)
            progress(int(part[-1]) + 1)
        joined = [np.concatenate(one) for one in (better, ties, owner, gains)]
        ranking = Ranking(joined[0], joined[1], len(self.passages), joined[2], joined[3])
        return ranking, covered / max(1, len(self.queries))

    def _relevant(self, questions: Sequence[int]) -> tuple[Any, Any, Any]:
        """Row, column and gain of each positive of some questions."""
        rows, columns, gains = [], [], []
        for row, i in enumerate(questions):
            query = self.pairs.queries[i]
            for k, one in enumerate(query.positives):
                rows.append(row)
                columns.append(self.pairs.index[one])
                gains.append(query.gains[k] if query.gains else 1.0)
        return np.array(rows), np.array(columns), np.array(gains)

    def _encoded(self, encoder: Encoder, rows: Sequence[Tokens]) -> Vectors:
        found = encode(encoder, rows, self.max_tokens)
        vectors = Vectors(found.sentence.cpu(), found.entities.cpu(), found.owner.cpu())
        lost = vectors.sentence.isnan().any(1)
        if lost.any():
            raise ModelError("align.nan_vectors", count=int(lost.sum()), of=len(rows))
        return vectors
