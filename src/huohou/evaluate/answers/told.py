"""An engine's answer to a question whose answer is known: what it is, and whether its claim holds.

An answer claims something whatever its status: "found" that its value is right, "ambiguous" that
one of its choices is, "unknown" that no row is, and "unsure" that its first candidate is, with
little confidence. A confidence is calibrated when claims hold as often as it says.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from huohou.data.dataset import Row
from huohou.data.facts import FactTable
from huohou.evaluate.items import Item, expect_of
from huohou.measure.facts import Judgement, Known, Outcome, Wanted, judge
from huohou.measure.text import normalise
from huohou.probe.answers import Answer

Told = Mapping[str, Any]  # the document of `huohou ask --json`
Ask = Callable[[str], Told]
MOST_CHOICES = 3  # more than these are no answer to an ambiguous question


@dataclass(frozen=True, slots=True)
class Facts:
    """The table as answers are judged by it. values: by normalised name, every value it has."""

    known: Known
    values: Mapping[str, frozenset[str]]

    @staticmethod
    def of(table: FactTable) -> "Facts":
        """Build from a table."""
        values: dict[str, set[str]] = defaultdict(set)
        for fact in table.facts:
            values[normalise(fact.key)].add(normalise(fact.value))
        known = Known.of((f.value for f in table.facts), (f.key for f in table.facts))
        return Facts(known, {name: frozenset(found) for name, found in values.items()})

    def real(self, value: str) -> bool:
        """Whether it is a value or a name of the table."""
        return value in self.known.codes or value in self.known.names


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with the engine's answer. item: judged; told: as the engine said it; confidence:
    of its claim; holds: whether the claim is true; gave: whether it gave a value as the answer."""

    item: Item
    told: Told
    confidence: float
    holds: bool
    gave: bool

    @property
    def labelled_ambiguous(self) -> bool:
        """Whether the question could equally mean other rows, by who wrote it."""
        return bool(self.item.row.meta.get("also"))

    def as_dict(self) -> dict[str, Any]:
        """JSON form, without the question."""
        said = {name: self.told.get(name) for name in ("status", "values", "verified", "intent")}
        choices = [one["key"] for one in self.told.get("alternatives", ())]
        more = {"confidence": self.confidence, "holds": self.holds, "choices": choices}
        return self.item.as_dict() | said | more


@dataclass(frozen=True, slots=True)
class _Right:
    """What counts as right. value: that was asked for, None for unknown; also: what the question
    could mean as well, value included."""

    value: str | None
    also: frozenset[str] = field(default_factory=frozenset)


def answered(row: Row, told: Told, facts: Facts) -> Answered:
    """Judge one answer by its row: meta ``expect``, and ``also`` for other names it may mean."""
    right = _right(row, facts)
    if told.get("mode") == "closed":
        judgement = _by_words(row, told, facts)
    else:
        judgement = _by_values(row, told, facts, right)
    seconds = float(told.get("seconds") or 0.0)
    item = Item(row, Answer(str(told["answer"]), 0, seconds, True), judgement)
    gave = judgement.outcome in (Outcome.RIGHT, Outcome.WRONG_REAL, Outcome.INVENTED)
    given = gave and told["status"] == "found"
    return Answered(item, told, float(told["confidence"]), _holds(told, judgement, right), given)


def _right(row: Row, facts: Facts) -> _Right:
    expect = expect_of(row)
    if expect is None:
        return _Right(None)
    value = normalise(expect)
    others = [normalise(str(name)) for name in row.meta.get("also") or ()]
    if facts.known.is_code(value) or value in facts.known.codes:
        meant = frozenset(code for name in others for code in facts.values.get(name, ()))
    else:
        meant = frozenset(others)
    return _Right(value, meant | {value} if meant else frozenset())


def _by_words(row: Row, told: Told, facts: Facts) -> Judgement:
    """A model's own words, as any model's are judged."""
    wanted = Wanted(expect_of(row), row.question, row.answer)
    return judge(str(told["answer"]), wanted, facts.known)


def _by_values(row: Row, told: Told, facts: Facts, right: _Right) -> Judgement:
    """What the engine gave as values, and every code that stands in its words."""
    values = tuple(normalise(str(value)) for value in told["values"])
    invented = _invented(row, str(told["answer"]), values, facts)
    if invented:
        return Judgement(Outcome.INVENTED, False, values, invented)
    status = told["status"]
    if status == "found":
        return _found(values, right)
    if status == "ambiguous":
        fits = right.value in _choices(told)
        if fits and right.also and len(told["alternatives"]) <= MOST_CHOICES:
            return Judgement(Outcome.RIGHT, True)
        return Judgement(Outcome.ASKED_BACK, False)
    if right.value is None:
        return Judgement(Outcome.ABSTAINED, True)  # no value is given: refused, surely or not
    return Judgement(Outcome.UNSURE if status == "unsure" else Outcome.ABSTAINED, False)


def _found(values: Sequence[str], right: _Right) -> Judgement:
    meant = right.also or {right.value}
    if right.value is not None and right.value in values and set(values) <= meant:
        return Judgement(Outcome.RIGHT, True, tuple(values))
    return Judgement(Outcome.WRONG_REAL, False, tuple(values), (), tuple(values))


def _invented(row: Row, words: str, values: Iterable[str], facts: Facts) -> tuple[str, ...]:
    """Values that are in no row, and codes in the words that neither table nor question has."""
    pattern = facts.known.pattern
    said = pattern.find(words) if pattern is not None else []
    asked = set(pattern.find(row.question)) if pattern is not None else set()
    codes = [code for code in said if code not in facts.known.codes and code not in asked]
    return tuple(dict.fromkeys([*(v for v in values if not facts.real(v)), *codes]))


def _choices(told: Told) -> set[str]:
    """Names and values that are offered."""
    offered = told.get("alternatives", ())
    return {normalise(str(one[side])) for one in offered for side in ("key", "value")}


def _holds(told: Told, judgement: Judgement, right: _Right) -> bool:
    status = told["status"]
    if status == "unknown":
        return right.value is None
    if status == "ambiguous":
        return right.value is not None and right.value in _choices(told)
    if status == "unsure":
        first = list(told.get("alternatives", ()))[:1]
        return right.value is not None and right.value in _choices({"alternatives": first})
    return judgement.right
