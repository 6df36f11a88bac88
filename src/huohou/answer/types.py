"""The plain values of the answering engine: a row of the table, a match for it, and an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

How = Literal["exact", "normal", "short", "spelling", "grams", "code"]
Status = Literal["found", "ambiguous", "unknown", "unsure"]
Mode = Literal["lookup", "grounded", "constrained", "closed"]

SCHEMA = 1
KEYED: tuple[How, ...] = ("code", "exact", "normal", "short")  # by the name itself, surest first


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table in the index.

    id: its number in the index, the same until the table changes; key, value: the cells asked
    about; columns: the whole row under the table's own column names, key and value included;
    line: where the row stands in its source.
    """

    id: int
    key: str
    value: str
    columns: Mapping[str, str]
    line: int

    def as_row(self) -> dict[str, str]:
        """All cells under the table's own column names."""
        return dict(self.columns)


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that a text may mean.

    score: 0 to 1, comparable between the hits of one query, 1 for an exact name; how: by what the
    row was found first; features: what the score was made of, for a calibrated confidence.
    """

    entry: Entry
    score: float
    how: How
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another row the question could have meant, with how likely that is (None: not known)."""

    entry: Entry
    confidence: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Name, value and probability."""
        return {
            "key": self.entry.key,
            "value": self.entry.value,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an answer: its name, whether it passed, and what was checked in words."""

    name: str
    passed: bool
    text: str

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the answer's JSON."""
        return {"name": self.name, "passed": self.passed, "text": self.text}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to a question, and why.

    answer: the words; values: codes or names copied from rows (one, or several for a list);
    verified: False for what a model wrote by itself; confidence: probability that it is right;
    evidence: the rows it stands on; alternatives: what else it could be; seconds: time taken;
    mode, intent: how it was answered and what was asked for; table: fingerprint of the table;
    checks: what was checked; model: name of the model asked, None when none was; note: what else
    the reader should know.
    """

    answer: str
    values: tuple[str, ...]
    verified: bool
    status: Status
    confidence: float
    evidence: tuple[Entry, ...]
    alternatives: tuple[Alternative, ...]
    seconds: float
    mode: Mode
    intent: str
    table: str
    checks: tuple[Check, ...] = ()
    model: str | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The document of ``huohou ask --json``."""
        evidence = [entry.as_row() for entry in self.evidence]
        others = [one.as_dict() for one in self.alternatives]
        return document(self, evidence, others, self.intent, self.table)


class Told(Protocol):
    """What an answer from a table and one from documents have in common."""

    @property
    def answer(self) -> str: ...
    @property
    def values(self) -> tuple[str, ...]: ...
    @property
    def verified(self) -> bool: ...
    @property
    def status(self) -> Status: ...
    @property
    def confidence(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def mode(self) -> str: ...
    @property
    def checks(self) -> tuple[Check, ...]: ...
    @property
    def model(self) -> str | None: ...
    @property
    def note(self) -> str: ...


def document(
    told: Told,
    evidence: Sequence[Mapping[str, Any]],
    alternatives: Sequence[Mapping[str, Any]],
    intent: str,
    table: str,
) -> dict[str, Any]:
    """The keys of an answer's JSON, whatever it stands on. table: fingerprint of that."""
    return {
        "schema": SCHEMA,
        "answer": told.answer,
        "values": list(told.values),
        "verified": told.verified,
        "status": told.status,
        "confidence": told.confidence,
        "evidence": list(evidence),
        "alternatives": list(alternatives),
        "seconds": told.seconds,
        "mode": told.mode,
        "intent": intent,
        "table": table,
        "checks": [check.as_dict() for check in told.checks],
        "model": told.model,
        "note": told.note,
    }
