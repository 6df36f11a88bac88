"""How well an encoder finds what it has not seen: held-out queries against all of their corpus."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from huohou.data.pairs import PairSet
from huohou.measure.gaussian import SCORES, SEARCHABLE, search_vectors
from huohou.measure.retrieval import Ranking, measures, place
from huohou.models.encoder import Encoder, Vectors
from huohou.probe.search import flat, ranking_of
from huohou.recipes.embedding.gradient import Cut, Learner
from huohou.recipes.embedding.rows import Row, update_of
from huohou.recipes.embedding.together import encoded
from huohou.recipes.order import updates_of

METRIC = "ndcg@10"
KS = (5, 10, 100)


def ranking(encoder: Encoder, pairs: PairSet, score: str) -> Ranking:
    """Where the positives of each query stand among all passages; queries without one left out."""
    used = [query for query in pairs.queries if query.positives]
    queries = encoded(encoder, [query.text for query in used], "query")
    passages = encoded(encoder, [one.text for one in pairs.passages], "document")
    relevant = [[pairs.index[id] for id in query.positives] for query in used]
    gains = [query.gains for query in used]
    if score in SEARCHABLE:
        found = (
            search_vectors(score, *queries, "query").astype(np.float32),
            search_vectors(score, *passages, "passage").astype(np.float32),
        )
        return ranking_of(*found, relevant, gains)
    return _one_by_one(queries, passages, score, relevant, gains)


def _one_by_one(
    queries: Vectors,
    passages: Vectors,
    score: str,
    relevant: Sequence[Sequence[int]],
    gains: Sequence[Sequence[float]],
) -> Ranking:
    """The same for a score that no inner product gives."""
    owner, columns, weights = flat(relevant, gains)
    scores: NDArray[np.floating] = SCORES[score](*queries, *passages)
    better, ties = place(scores, owner, columns)
    return Ranking(better, ties, len(scores[0]), owner, weights)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out queries over their corpus. rows: the same in tokens; batch: rows of an update;
    score: one of ``measure.gaussian.SCORES``."""

    pairs: PairSet
    rows: Sequence[Row]
    batch: int
    score: str

    def metrics(self, learner: Learner, cut: Cut) -> dict[str, float]:
        """Means over the queries, and the loss on their batches, negatives included."""
        ks = [k for k in KS if k < len(self.pairs.passages)]
        found = measures(ranking(learner.encoder, self.pairs, self.score), ks)
        told = {name: float(values.mean()) for name, values in found.items()}
        return {"loss": loss(learner, self.rows, cut, self.batch)} | told


@torch.no_grad()
def loss(learner: Learner, rows: Sequence[Row], cut: Cut, batch: int) -> float:
    """Mean loss of rows in batches of the size that is trained, in their order."""
    training, total = learner.training, 0.0
    learner.eval()
    try:
        with torch.random.fork_rng([]):
            torch.manual_seed(0)  # of negatives that are drawn: the same at each evaluation
            for chosen in updates_of(list(range(len(rows))), batch):
                update = update_of([rows[i] for i in chosen])
                found = learner.encode(update.texts, cut, 0)
                total += float(learner.judge(update, found)) * len(chosen)
    finally:
        learner.train(training)
    return total / len(rows)
