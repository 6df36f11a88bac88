"""Soft contrast of distributions: how likely is it that two texts, as draws, belong together?

Formula: with the closed-form sampled distance
    csd(q, p) = |mu_q - mu_p|^2 + sum var_q + sum var_p
and s = -scale * csd + bias, the mean over pairs of softplus(-s) for a positive, softplus(s) for a
negative; plus vib * the mean over all texts of KL(N(mu, var) | N(0, 1)), which keeps variances from
vanishing. Pairs as of sigmoid; without neg_ratio all of the batch.

Shapes: query [Q, d], docs [D, d], both with logvar [., d] or [., 1]; target, ignore, passages and
generator as of sigmoid.

Parameters: scale, learnt as its logarithm and at most 100, and bias, learnt.

Reads: a variance that grows on positives means that a text has many kinds of partners. Search it
with ``measure.gaussian.csd_vectors``.

Source: Chun (PCME++), arXiv 2305.18171, section 2 (scale and bias start at 5, vib 1e-4), without
its pseudo-positives; an exact form of the soft contrast of Oh et al. (HIB), arXiv 1810.00319.
"""

from typing import Any

import torch
from torch import Tensor

from huohou.models.encoder import Views
from huohou.recipes.losses.sigmoid import Sigmoid


class SoftContrast(Sigmoid):
    """See the data sheet above. scale, bias: at the start."""

    def __init__(
        self,
        scale: float = 5.0,
        learn_scale: bool = True,
        bias: float = 5.0,
        neg_ratio: int | None = None,
        vib: float = 0.0,
    ) -> None:
        super().__init__(scale, learn_scale, bias, neg_ratio, score="csd")
        self.vib = vib

    def forward(self, query: Views, docs: Views, target: Tensor, **pairs: Any) -> Tensor:
        """A scalar. ValueError where the encoder's head has no variance."""
        loss = super().forward(query, docs, target, **pairs)
        if self.vib:
            each = torch.cat([divergence(query), divergence(docs)])
            loss = loss + self.vib * each.mean()
        return loss


def divergence(views: Views) -> Tensor:
    """KL(N(mu, var) | N(0, 1)) of each text, in nats: [B]."""
    if views.logvar is None:
        raise ValueError("a point has no divergence from a normal distribution")
    logvar = views.logvar.expand_as(views.mu)
    return 0.5 * (logvar.exp() + views.mu**2 - 1 - logvar).sum(1)
