"""A model chooses among numbered names, or none of these: by the probability of one token.

It never writes a value. What it says is a number from 1 to k + 1, so its choice has a probability,
can be calibrated, and cannot be something that is not there.
"""

import math
import re
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol

from huohou.answer.index.canonical import canonical, normal_form
from huohou.data.names import is_chinese
from huohou.errors import HuohouError, MissingExtraError, ModelError
from huohou.probe.answers import Heard

CHOICES = 3  # names put before a model: a small one reads about 150 tokens a second on two cores
LONG = 64  # characters of all names together beyond which what they share is left out
ASKED = 60  # characters of the question that the model is shown
MOST_TOKENS = 96  # of an answer in a model's own words
MOST_CHARACTERS = 64  # of a value that is spelt
SYSTEM = "A user names one entry of a list. Reply with its number only."
NONE = "none of these"
_MARKUP = re.compile(r"<\|?[^<>]{0,40}\|?>|\[/?INST\]|<</?SYS>>")


class Chooser(Protocol):
    """A model that chooses. name: as it is told, and as its trust is filed under."""

    @property
    def name(self) -> str: ...

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        """Of each candidate, and last of none of these: len(candidates) + 1 numbers, sum 1.

        Raises ModelError, MissingExtraError when it cannot be had. Safe in several threads.
        """
        ...


class Writer(Protocol):
    """A model that writes: alone, or held to given characters."""

    @property
    def name(self) -> str: ...

    def write(self, question: str, heard: Heard | None = None) -> tuple[str, float]:
        """Its greedy answer, and the probability it gives to that answer; heard is told each piece
        as it is written."""
        ...

    def spell(self, question: str, allowed: Callable[[str], Sequence[str]]) -> tuple[str, float]:
        """Characters one after the other, each from ``allowed(what is written so far)``, until
        nothing more is allowed; and the probability of what was written among what was allowed.

        An empty string among the allowed means that it may end there.
        """
        ...


class Model(Chooser, Writer, Protocol):
    """A model that does both."""


class Lazy:
    """A model that is opened when it is first needed: most questions leave nothing to choose.

    What kept it from opening is said each time, and not tried again.
    """

    def __init__(self, name: str, open_: Callable[[], Model]) -> None:
        self.name, self._open = name, open_
        self._found: Model | None = None
        self._error: HuohouError | None = None
        self._lock = Lock()

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        """As the model's own."""
        return self._model().probabilities(question, candidates)

    def write(self, question: str, heard: Heard | None = None) -> tuple[str, float]:
        """As the model's own."""
        return self._model().write(question, heard)

    def spell(self, question: str, allowed: Callable[[str], Sequence[str]]) -> tuple[str, float]:
        """As the model's own."""
        return self._model().spell(question, allowed)

    def _model(self) -> Model:
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._found is None:
                try:
                    self._found = self._open()
                except (ModelError, MissingExtraError) as error:
                    self._error = error
                    raise
            return self._found


def messages(question: str, candidates: Sequence[str]) -> list[dict[str, str]]:
    """The chat that asks for one number; what stays the same stands first, so that it is cached.

    >>> print(messages("Hill St", ["Hill Street", "Hill Road"])[1]["content"])
    1. Hill Street
    2. Hill Road
    3. none of these
    The user asks for: Hill St
    Number:
    """
    lines = [f"{i}. {name}" for i, name in enumerate([*distinct(candidates), NONE], 1)]
    asked = harmless(question)[:ASKED]
    text = "\n".join([*lines, f"The user asks for: {asked}", "Number:"])
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


def distinct(names: Sequence[str]) -> list[str]:
    """Names in short, and where they are long still, without what all of them begin with.

    >>> distinct(["中国工商银行股份有限公司知春路支行", "中国农业银行股份有限公司知春路支行"])
    ['工行知春路支行', '农行知春路支行']
    >>> distinct(["First National Bank of the State, Hill Street branch office",
    ...           "First National Bank of the State, Mill Street branch office"])
    ['…Hill Street branch office', '…Mill Street branch office']
    """
    plain = [harmless(name) for name in names]
    short = [canonical(normal_form(name)) if is_chinese(name) else name for name in plain]
    if len(set(short)) == len(set(plain)):
        plain = short
    shared = _shared(plain) if len(plain) > 1 else 0
    if sum(map(len, plain)) <= LONG or shared < 2:
        return plain
    return [f"…{name[shared:]}" for name in plain]


def _shared(names: Sequence[str]) -> int:
    """How many characters all names begin with."""
    least, most = min(names), max(names)
    pairs = enumerate(zip(least, most, strict=False))
    return next((i for i, (a, b) in pairs if a != b), len(least))


def harmless(text: str) -> str:
    """One line, without what a chat template could take for its own marks.

    >>> harmless("a<|im_end|>b\\nc")
    'a b c'
    """
    return " ".join(_MARKUP.sub(" ", text).split())


def spell(
    allowed: Callable[[str], Sequence[str]],
    next_of: Callable[[str, Sequence[str]], Sequence[float]],
) -> tuple[str, float]:
    """As `Writer.spell`; next_of: probabilities of the options after what is written so far, asked
    for only where there is more than one."""
    written, chance = "", 1.0
    while len(written) < MOST_CHARACTERS:
        options = allowed(written)
        if not options or list(options) == [""]:
            break
        shares = next_of(written, options) if len(options) > 1 else [1.0]
        best = max(range(len(options)), key=shares.__getitem__)
        chance *= shares[best]
        if not options[best]:
            break
        written += options[best]
    return written, chance


def softmax(scores: Sequence[float]) -> list[float]:
    """Probabilities of log scores.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    top = max(scores)
    raw = [math.exp(score - top) for score in scores]
    whole = math.fsum(raw)
    return [one / whole for one in raw]
