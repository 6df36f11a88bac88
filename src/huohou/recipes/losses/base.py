"""What all losses of embeddings share: scores, masks, a learnable scale."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from huohou.models.encoder import Views

MOST_SCALE = 100.0  # as CLIP's (Radford et al., arXiv 2103.00020): beyond it training breaks


class Loss(nn.Module, ABC):
    """A loss of embeddings; kind is what the doctor calls it.

    ``in-batch`` is measured against ln(candidates), ``logistic`` against ln 2 and softplus(scale),
    ``margin`` against the margin.
    """

    kind: ClassVar[Literal["in-batch", "logistic", "margin"]]

    @abstractmethod
    def forward(self, query: Views, docs: Views, target: Tensor) -> Tensor:
        """The loss, a scalar. What target is, each data sheet says."""

    def facts(self) -> dict[str, float]:
        """The numbers that a log should show: scale, bias, margin, where the loss has them."""
        return {}


class Scale(nn.Module):
    """A factor above 0 and at most 100, kept as its logarithm; calling it gives its value."""

    def __init__(self, start: float, learn: bool) -> None:
        super().__init__()
        if not 0 < start <= MOST_SCALE:
            raise ValueError(f"a scale is above 0 and at most {MOST_SCALE:.0f}, not {start}")
        self.log = nn.Parameter(torch.tensor(math.log(start)), requires_grad=learn)

    def forward(self) -> Tensor:
        """The factor, a scalar."""
        if self.log.detach() > math.log(MOST_SCALE):
            with torch.no_grad():  # what an optimizer's step went beyond
                self.log.fill_(math.log(MOST_SCALE))
        return self.log.exp()

    @property
    def value(self) -> float:
        """The factor as a number."""
        return float(self().detach())


def scores(query: Views, docs: Views, name: str = "cosine") -> Tensor:
    """[Q, D] scores, higher for more alike: cosine, csd, w2 or mls of ``measure.gaussian``."""
    if name == "cosine":
        return query.mu @ docs.mu.T
    if query.logvar is None or docs.logvar is None:
        raise ValueError(f"the score {name} needs a head with a variance")
    var_q, var_d = (view.logvar.exp().expand_as(view.mu) for view in (query, docs))  # type: ignore[union-attr]
    if name == "csd":
        return -(squared(query.mu, docs.mu) + var_q.sum(1)[:, None] + var_d.sum(1))
    if name == "w2":
        return -(squared(query.mu, docs.mu) + squared(var_q.sqrt(), var_d.sqrt()))
    if name == "mls":
        both = var_q[:, None] + var_d
        return -0.5 * ((query.mu[:, None] - docs.mu) ** 2 / both + both.log()).sum(2)
    raise ValueError(f"no score {name}")


def squared(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2: [Q, D]."""
    return (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T


def masks(
    target: Tensor, count: int, ignore: Tensor | None = None, passages: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Which of the passages are positives of each query, and which negatives: two masks [Q, D].

    target [Q]: place of the positive, or [Q, D] bool: all positives. ignore [Q, D] bool: neither.
    passages [D]: numbers of the passages; one with the number of a positive is that positive again
    and no negative. count: D.
    """
    positive = target if target.dtype == torch.bool else functional.one_hot(target, count).bool()
    negative = ~positive
    if passages is not None:
        same = passages[:, None] == passages
        negative &= ~(positive.to(torch.int32) @ same.to(torch.int32)).bool()
    if ignore is not None:
        positive, negative = positive & ~ignore, negative & ~ignore
    return positive, negative


def lists(found: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of each query's own candidates [Q, K], and which places are filled [Q, K].

    found [Q, D]; target [Q, K]: places of the candidates in the order wanted, -1 where none is.
    """
    return found.gather(1, target.clamp(min=0)), target >= 0
