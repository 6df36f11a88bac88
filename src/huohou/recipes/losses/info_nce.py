"""InfoNCE: each query picks its passage among all passages of the batch.

Formula: with s = scale * score, the mean over queries q and their positives p of
    ln(1 + sum over negatives n of exp(s(q, n) - s(q, p))).
One positive a query: the cross-entropy of a softmax over it and the negatives. Several: each is set
against the negatives alone, never against the other positives; a query counts once.

Shapes: query [Q, d], docs [D, d]; target [Q] (place of the positive) or [Q, D] bool (all of them).
Passages that belong to no query are extra negatives. ignore [Q, D] and passages [D] leave out what
is no true negative: known positives, and the same passage a second time.

Parameters: scale (1 / temperature), learnt as its logarithm and at most 100.

Reads: ln(D) says that nothing is told apart; a scale of 1 cannot fall below ln(1 + (D-1)/e^2).

Source: van den Oord et al., arXiv 1807.03748, equation 4; in-batch: Henderson et al., arXiv
1705.00652; the learnt scale: Radford et al. (CLIP), arXiv 2103.00020. Equal to
MultipleNegativesRankingLoss of sentence-transformers where no passage comes twice.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from huohou.models.encoder import Views
from huohou.recipes.losses.base import Loss, Scale, masks, scores


class InfoNCE(Loss):
    """See the data sheet above. scale: at the start; score: cosine, csd, w2 or mls."""

    kind: ClassVar[Literal["in-batch"]] = "in-batch"

    def __init__(
        self, scale: float = 20.0, learn_scale: bool = True, score: str = "cosine"
    ) -> None:
        super().__init__()
        self.scale, self.score = Scale(scale, learn_scale), score

    def forward(
        self,
        query: Views,
        docs: Views,
        target: Tensor,
        *,
        ignore: Tensor | None = None,
        passages: Tensor | None = None,
    ) -> Tensor:
        """A scalar; a query without a positive does not count."""
        found = self.scale() * scores(query, docs, self.score)
        positive, negative = masks(target, len(docs.mu), ignore, passages)
        return contrast(found, positive, negative)

    def facts(self) -> dict[str, float]:
        """scale."""
        return {"scale": self.scale.value}


def contrast(found: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """The formula above; found [Q, D] scaled scores, positive and negative [Q, D] bool."""
    least = torch.finfo(found.dtype).min / 4  # not -inf: a query without negatives has slope 0
    against = found.masked_fill(~negative, least).logsumexp(1, keepdim=True)
    each = -functional.logsigmoid(found - against).masked_fill(~positive, 0.0).sum(1)
    count = positive.sum(1)
    return (each / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)
