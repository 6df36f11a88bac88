"""The plain values of answers from documents: a passage, a sentence of it, and an answer."""

from dataclasses import dataclass, field
from typing import Any, Literal

from huohou.answer.types import Check, Status, document

MODE = "passages"
Way = Literal["quoted", "written", "refused"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document.

    id: its number among those read, from 0; text: as it stands there, lines of one paragraph
    joined; title: headings above it, or the title of its row; source: its file as the user named
    it; line: where it begins in that file, from 1.
    """

    id: int
    text: str
    title: str
    source: str
    line: int

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a passage, word by word. support: probability that it answers the question,
    None where it was not judged."""

    passage: Passage
    text: str
    support: float | None = None

    def as_row(self, number: int) -> dict[str, Any]:
        """As it stands in the JSON of an answer; number: what the answer cites it by, from 1."""
        return {
            "number": number,
            "title": self.passage.title,
            "source": self.passage.source,
            "line": self.passage.line,
            "sentence": self.text,
            "text": self.passage.text,
        }


@dataclass(frozen=True, slots=True)
class PassageAnswer:
    """What documents say to a question, and where.

    answer: the words, each sentence with the number of the passage it is from, such as [1];
    values: the sentences quoted, without numbers; verified: True where every word of the answer
    was copied from the passages, False for what a model wrote, although each of its sentences was
    held against its passage; status: found, unsure (what is nearest is shown as alternatives) or
    unknown (nothing supports an answer); confidence: probability that what is quoted answers the
    question; evidence: what the numbers mean, in order; fingerprint: of all passages; way: how the
    words came about.
    """

    answer: str
    values: tuple[str, ...]
    verified: bool
    status: Status
    confidence: float
    evidence: tuple[Quote, ...]
    alternatives: tuple[Quote, ...]
    seconds: float
    fingerprint: str
    way: Way
    checks: tuple[Check, ...] = ()
    model: str | None = None
    note: str = ""
    mode: str = field(default=MODE)

    def as_dict(self) -> dict[str, Any]:
        """The document of ``huohou ask --passages --json``: the keys of an answer from a table."""
        evidence = [quote.as_row(i) for i, quote in enumerate(self.evidence, 1)]
        near = [_near(quote) for quote in self.alternatives]
        return document(self, evidence, near, "passage", self.fingerprint) | {"way": self.way}


def _near(quote: Quote) -> dict[str, Any]:
    return {
        "key": quote.passage.place,
        "title": quote.passage.title,
        "value": quote.text,
        "confidence": quote.support,
    }
