"""What stage 2 minimises, by mode: the losses of ``recipes/losses`` on candidates' scores.

``gt`` (default): the ground truth above each negative by a margin. ``all-pairs``: the whole list in
the order it is written, as document 001 does. ``listwise``: cross-entropy of the ground truth
among its candidates. Their data sheets say what each can and cannot reach.
"""

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from huohou.recipes.losses.listwise import Listwise
from huohou.recipes.losses.pairwise_margin import PairwiseMargin

Mode = Literal["gt", "all-pairs", "listwise"]


@dataclass(frozen=True, slots=True)
class Objective:
    """margin: of the hinges; scale: what similarities are multiplied by in ``listwise``."""

    mode: Mode = "gt"
    margin: float = 0.1
    scale: float = 20.0

    def __call__(self, scores: Tensor) -> Tensor:
        """Mean loss of scores [B, k], the ground truth in column 0."""
        if self.mode == "listwise":
            return Listwise(self.scale).to(scores.device).of_scores(scores)
        return PairwiseMargin(self.margin, self.mode).of_scores(scores)

    def facts(self, negatives: int) -> dict[str, Any]:
        """What the record says of the loss, in the names that rules and readers know."""
        told: dict[str, Any] = {"negatives": negatives, "candidates": negatives + 1}
        if self.mode == "listwise":
            return told | {"loss_kind": "listwise", "scale": self.scale}
        pairs = "all" if self.mode == "all-pairs" else "truth"
        return told | {"loss_kind": "margin", "margin": self.margin, "pairs": pairs}
