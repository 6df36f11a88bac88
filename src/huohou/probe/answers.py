"""An answer of a model, as plain data. Light: needs no torch."""

from collections.abc import Callable
from dataclasses import dataclass

# Called with answers done and answers wanted.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    tokens: generated, the end of turn included; seconds: its equal part of its batch's time;
    stopped: whether the model ended its turn itself before the limit.
    """

    text: str
    tokens: int
    seconds: float
    stopped: bool


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a model holds a given answer: its cross-entropy, summed.

    nats: of all its tokens; tokens: their number, the end of turn included. nats / tokens is the
    loss on the answer, exp(nats / tokens) its perplexity.
    """

    nats: float
    tokens: int
