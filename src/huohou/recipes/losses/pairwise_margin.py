"""Pairwise margin: of two candidates the better one is to be ahead by a margin.

Formula: the mean over queries, and over the pairs of a query's list, of
    max(0, margin - (score of the better - score of the worse)).
Mode ``gt``: the ground truth against each other candidate. Mode ``all-pairs``: every candidate
against all behind it, the order of the list taken for the truth.

Shapes: query [Q, d], docs [D, d]; target [Q, K]: places of each query's candidates in docs, the
ground truth first, -1 where a list is shorter. ``of_scores`` takes scores [Q, K] from elsewhere,
such as those of entities.

Parameters: none. margin in units of the score.

Reads: a loss equal to the margin says that all candidates score alike. Where the others are
in no order of worth, all-pairs teaches noise: with perfect ground truth it stays at margin *
(K - 2) / K, 0.0667 for 6 candidates at 0.1, for whoever has not learnt that order by heart.

Source: Herbrich, Graepel & Obermayer, Large margin rank boundaries for ordinal regression (2000);
torch.nn.MarginRankingLoss.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from huohou.models.encoder import Views
from huohou.recipes.losses.base import Loss, lists, scores


class PairwiseMargin(Loss):
    """See the data sheet above. score: cosine, csd, w2 or mls."""

    kind: ClassVar[Literal["margin"]] = "margin"

    def __init__(
        self,
        margin: float = 0.1,
        mode: Literal["gt", "all-pairs"] = "gt",
        score: str = "cosine",
    ) -> None:
        super().__init__()
        if mode not in {"gt", "all-pairs"}:
            raise ValueError(f"no mode {mode}")
        self.margin, self.mode, self.score = margin, mode, score

    def forward(self, query: Views, docs: Views, target: Tensor) -> Tensor:
        """A scalar."""
        return self.of_scores(*lists(scores(query, docs, self.score), target))

    def of_scores(self, found: Tensor, filled: Tensor | None = None) -> Tensor:
        """found [Q, K] scores of each list, ground truth first; filled [Q, K] bool, all by default.

        A list without a pair does not count.
        """
        places = found.shape[1]
        better, worse = torch.triu_indices(places, places, 1, device=found.device)
        if self.mode == "gt":
            better, worse = better[: places - 1], worse[: places - 1]
        hinge = (self.margin - (found[:, better] - found[:, worse])).clamp(min=0)
        if filled is None:
            return hinge.mean()
        pairs = filled[:, better] & filled[:, worse]
        count = pairs.sum(1)
        each = hinge.masked_fill(~pairs, 0.0).sum(1) / count.clamp(min=1)
        return each.sum() / (count > 0).sum().clamp(min=1)

    def facts(self) -> dict[str, float]:
        """margin."""
        return {"margin": self.margin}
