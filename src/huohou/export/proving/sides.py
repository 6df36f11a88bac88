"""A side: one way in which the released model is served, and what was seen of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.export.proving.questions import Asked
from huohou.probe.answers import Progress

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as a side gives it to the model: its text and its ids."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A greedy answer. stopped: whether the model ended it itself, by the side's own stop
    tokens."""

    text: str
    stopped: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a side is to do.

    asked: the questions; answers: indices of those to be answered freely; most: tokens of a free
    answer; forced: for each question the ids that are to be scored after its prompt;
    told: questions done and wanted.
    """

    asked: Sequence[Asked]
    answers: Sequence[int]
    most: int
    forced: Sequence[tuple[int, ...]]
    told: Progress = lambda _done, _of: None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a side.

    prompts: one a question; scores: log-probabilities [tokens of all forced answers, V], None
    for a side that only renders; said: one for each free answer; stops: ids that end an answer
    there, None where that cannot be read; lacking: names of weights that are missing or not
    finite.
    """

    prompts: Sequence[Rendered]
    scores: Floats | None = None
    said: Sequence[Said] = ()
    stops: frozenset[int] | None = None
    lacking: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """name: adapter, merged, gguf, modelfile; form: of its weights, by which what rounding may
    cost is known; ask: does what is wanted."""

    name: str
    form: str
    ask: Callable[[Wanted], Seen]


Document = dict[str, Any]
