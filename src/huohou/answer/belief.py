"""What the engine believes of the rows it found: the one thing a confidence must be able to say.

The engine asks a ``Confidence`` twice at most: first with what the look-up found alone, then, only
where that leaves a choice, with the model's choice beside it. How much a model's choice counts is
fitted, so that a model without skill cannot spoil what the look-up knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from huohou.answer.types import Hit


@dataclass(frozen=True, slots=True)
class Belief:
    """Probabilities that add up to at most 1.

    rows: for each hit, in the hits' order, that it is the row that is meant; none: that what is
    asked about is not in the table.
    """

    rows: tuple[float, ...]
    none: float


class Confidence(Protocol):
    """Turns scores into probabilities. threshold: below it an answer is "not sure"."""

    @property
    def threshold(self) -> float: ...

    def believe(
        self, asked: str, hits: Sequence[Hit], model: Sequence[float] | None = None
    ) -> Belief:
        """asked: the name as it was asked for, without the words around it; hits: best first;
        model: probabilities of the first ``len(model) - 1`` hits and, last, of none of these."""
        ...
