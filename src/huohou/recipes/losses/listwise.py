"""Listwise: each query picks the ground truth out of its own list of candidates.

Formula: with s = scale * score, the mean over queries of
    -ln(exp(s of the ground truth) / sum over the list of exp(s)).

Shapes: query [Q, d], docs [D, d]; target [Q, K]: places of each query's candidates in docs, the
ground truth first, -1 where a list is shorter. ``of_scores`` takes scores [Q, K] from elsewhere.

Parameters: scale (1 / temperature), learnt as its logarithm and at most 100; fixed by default.

Reads: ln(K) says that all candidates score alike. The order of the other candidates does not enter.

Source: Cao et al. (ListNet, top one), ICML 2007, with all worth on the ground truth.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from huohou.models.encoder import Views
from huohou.recipes.losses.base import Loss, Scale, lists, scores


class Listwise(Loss):
    """See the data sheet above. score: cosine, csd, w2 or mls."""

    kind: ClassVar[Literal["in-batch"]] = "in-batch"

    def __init__(
        self, scale: float = 20.0, learn_scale: bool = False, score: str = "cosine"
    ) -> None:
        super().__init__()
        self.scale, self.score = Scale(scale, learn_scale), score

    def forward(self, query: Views, docs: Views, target: Tensor) -> Tensor:
        """A scalar."""
        return self.of_scores(*lists(scores(query, docs, self.score), target))

    def of_scores(self, found: Tensor, filled: Tensor | None = None) -> Tensor:
        """found [Q, K] scores of each list, ground truth first; filled [Q, K] bool, all by default.

        A list without a ground truth does not count.
        """
        filled = torch.ones_like(found, dtype=torch.bool) if filled is None else filled
        scaled: Tensor = (self.scale() * found).masked_fill(
            ~filled, torch.finfo(found.dtype).min / 4
        )
        counts = filled[:, 0]
        each = (scaled.logsumexp(1) - scaled[:, 0]).masked_fill(~counts, 0.0)
        return each.sum() / counts.sum().clamp(min=1)

    def facts(self) -> dict[str, float]:
        """scale."""
        return {"scale": self.scale.value}
