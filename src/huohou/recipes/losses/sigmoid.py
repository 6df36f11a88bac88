"""Sigmoid loss: of each pair alone it is asked whether it belongs together.

Formula: with s = scale * score + bias, the mean over pairs of
    softplus(-s) for a positive, softplus(s) for a negative.
Pairs are all positives and, a positive, neg_ratio negatives drawn from the batch without
replacement (all of them where there are fewer, or with neg_ratio None).

Shapes: query [Q, d], docs [D, d]; target [Q] (place of the positive) or [Q, D] bool (all of them);
ignore [Q, D] and passages [D] as of info-nce; generator: what negatives are drawn with.

Parameters: scale, learnt as its logarithm and at most 100, and bias, learnt. Without a bias,
unrelated pairs are driven to opposite directions, of which there are not enough: everything
collapses to one point and only the scale goes on growing.

Reads: ln 2 says that nothing was said; softplus(-scale) on positives alone, that all cosines are 1.
With r negatives a positive, a bias alone reaches the entropy of the labels (0.4506 for 5).

Source: Zhai et al. (SigLIP), arXiv 2303.15343, section 3.2, with a mean over pairs in place of one
over queries, so that the constants above hold.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from huohou.models.encoder import Views
from huohou.recipes.losses.base import Loss, Scale, masks, scores


class Sigmoid(Loss):
    """See the data sheet above. scale, bias: at the start; score: cosine, csd, w2 or mls."""

    kind: ClassVar[Literal["logistic"]] = "logistic"

    def __init__(
        self,
        scale: float = 10.0,
        learn_scale: bool = True,
        bias: float = -10.0,
        neg_ratio: int | None = 5,
        score: str = "cosine",
    ) -> None:
        super().__init__()
        self.scale, self.score, self.neg_ratio = Scale(scale, learn_scale), score, neg_ratio
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def forward(
        self,
        query: Views,
        docs: Views,
        target: Tensor,
        *,
        ignore: Tensor | None = None,
        passages: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A scalar."""
        found = self.scale() * scores(query, docs, self.score) + self.bias
        positive, negative = masks(target, len(docs.mu), ignore, passages)
        if self.neg_ratio is not None:
            negative = draw(negative, self.neg_ratio * positive.sum(1), generator)
        return logistic(found, positive, negative)

    def facts(self) -> dict[str, float]:
        """scale and bias."""
        return {"scale": self.scale.value, "bias": float(self.bias.detach())}


def logistic(found: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Mean of the formula above; found [Q, D] logits, positive and negative [Q, D] bool."""
    each = -functional.logsigmoid(found.where(positive, -found))
    chosen = positive | negative
    return each.masked_fill(~chosen, 0.0).sum() / chosen.sum().clamp(min=1)


def draw(negative: Tensor, wanted: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A mask [Q, D] of at most wanted [Q] of each query's negatives, drawn without replacement."""
    lots = torch.rand(negative.shape, generator=generator).to(negative.device)
    place = lots.masked_fill(~negative, 2.0).argsort(1).argsort(1)  # its place in the draw
    return negative & (place < wanted[:, None])
