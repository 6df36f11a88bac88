"""An answer of a model, as plain data. Light: needs no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# Called with answers done and answers wanted.
Progress = Callable[[int, int], None]
# Told each piece of an answer as it is written; it goes on while this is true.
Heard = Callable[[str], bool]
# The model ended its turn, a stop text came, no more tokens were allowed, nobody listens any more.
Ended = Literal["end", "stop", "length", "left"]


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


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn.

    max_tokens: at most; temperature: 0 takes the likeliest token always, else scores are divided by
    it; top_p: of the likeliest tokens as many as together have this probability; seed: of what is
    drawn by chance, the same seed draws the same; stop: texts before which the answer ends.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """An answer that was listened to as it was written.

    prompt_tokens, tokens: read and generated, the end of turn included; seconds: from the question
    to the last token.
    """

    text: str
    prompt_tokens: int
    tokens: int
    seconds: float
    ended: Ended
