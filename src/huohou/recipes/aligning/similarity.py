"""How alike questions and passages are: by their sentences, or by the entities in them.

Entity scores are cosines between entity vectors, over all pairs of one question's and one
passage's entities: their mean (``mean_pairs``), or the mean over the question's entities of the
best among the passage's (``max_sim``, as late interaction does: Khattab & Zaharia 2020, arXiv
2004.12832). Where one side has no entity the sentences decide. How often that was so is always
reported: a path that never fires improves nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

SCORES = ("sentence", "mean_pairs", "max_sim")


@dataclass(frozen=True, slots=True)
class Vectors:
    """Texts as unit vectors. sentence: [N, d]; entities: [M, d]; owner: [M], which text each
    entity is in, 0..N-1. No entities at all: M = 0."""

    sentence: Tensor
    entities: Tensor
    owner: Tensor

    @staticmethod
    def of_sentences(sentence: Tensor) -> "Vectors":
        """Texts without entities."""
        none = torch.zeros(0, dtype=torch.long, device=sentence.device)
        return Vectors(sentence, sentence[:0], none)

    def take(self, places: Tensor) -> "Vectors":
        """Some of the texts, each at most once, in that order, with their entities."""
        new = torch.full((len(self.sentence),), -1, device=self.sentence.device)
        new[places] = torch.arange(len(places), device=self.sentence.device)
        kept = new[self.owner] >= 0
        return Vectors(self.sentence[places], self.entities[kept], new[self.owner[kept]])

    def counts(self) -> Tensor:
        """Entities of each text; [N]."""
        return torch.bincount(self.owner, minlength=len(self.sentence))


def similarity(queries: Vectors, docs: Vectors, score: str = "sentence") -> tuple[Tensor, Tensor]:
    """Scores [Q, D] and which of them came from entities [Q, D]. score: one of SCORES."""
    sentence = queries.sentence @ docs.sentence.T
    if score == "sentence":
        return sentence, torch.zeros_like(sentence, dtype=torch.bool)
    if score not in SCORES:
        raise ValueError(f"score {score!r} is not one of {', '.join(SCORES)}")
    used = (queries.counts() > 0)[:, None] & (docs.counts() > 0)[None, :]
    if not bool(used.any()):
        return sentence, used
    by_entity = _mean_pairs(queries, docs) if score == "mean_pairs" else _max_sim(queries, docs)
    return torch.where(used, by_entity, sentence), used


def _mean_pairs(queries: Vectors, docs: Vectors) -> Tensor:
    # The mean over all pairs of inner products is the inner product of the means.
    return _means(queries) @ _means(docs).T


def _means(texts: Vectors) -> Tensor:
    sums = torch.zeros_like(texts.sentence).index_add(0, texts.owner, texts.entities)
    return sums / texts.counts().clamp(min=1)[:, None]


def _max_sim(queries: Vectors, docs: Vectors) -> Tensor:
    between = queries.entities @ docs.entities.T
    best = between.new_zeros(len(between), len(docs.sentence))
    owner = docs.owner.expand(len(between), -1)
    best = best.scatter_reduce(1, owner, between, "amax", include_self=False)
    sums = best.new_zeros(len(queries.sentence), best.shape[1])
    return sums.index_add(0, queries.owner, best) / queries.counts().clamp(min=1)[:, None]


def coverage(used: Tensor) -> float:
    """Share of pairs that were scored by entities, 0..1."""
    return float(used.double().mean()) if used.numel() else 0.0
