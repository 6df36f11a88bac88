"""Answers that are read off rows: by name, by value, as a list. No model writes anything here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from huohou.answer import several_names, wording
from huohou.answer.checks import Case, run_checks
from huohou.answer.choose import Chooser
from huohou.answer.confidence import MOST_CHOICES, Confidence, Decision
from huohou.answer.meant import Meant, decide
from huohou.answer.types import KEYED, Alternative, Answer, Check, Entry, Hit, Mode, Status
from huohou.answer.understand import Asked, Columns
from huohou.text import say

if TYPE_CHECKING:
    from huohou.answer.index import FactIndex

ELSEWHERE = 0.9  # confidence that nothing is meant where the nearest row is of another place
COVERED, TAIL = "cover.asked", "cover.tail"
WHOLE = 0.97  # rows hold all that is said: it may name a group of them


class LookUps:
    """One table, and what is believed of what is found in it."""

    def __init__(self, index: "FactIndex", confidence: Confidence) -> None:
        self.index, self.confidence = index, confidence
        about = index.about
        others = tuple(name for name in about.columns if name not in (about.key, about.value))
        self.columns = Columns(about.key, about.value, others, about.digits)

    @property
    def nouns(self) -> wording.Nouns:
        """What names and values are called, in the language in force."""
        about = self.index.about
        return wording.Nouns.of(about.key, about.value, about.digits, about.check_digits)

    def by_name(self, asked: Asked, mode: Mode, chooser: Chooser | None = None) -> Answer:
        """The value of a name, or another cell of its row."""
        found = self.meant(asked, chooser)
        if not found.exact and asked.names and several_names.joins(asked.names[0], found.rows):
            several = several_names.both(self, asked, mode)
            if several is not None:
                return several
        return self.told(asked, mode, found)

    def names_of(self, asked: Asked) -> Iterator[str]:
        """What may be the name, best first; last of all the names that stand in the question, where
        much else is said: looked for when somebody comes that far."""
        yield from asked.names
        if asked.spot:
            spotted = dict.fromkeys(self.index.spotted(asked.text))
            yield from (name for name in spotted if name not in asked.names)

    def meant(self, asked: Asked, chooser: Chooser | None = None) -> Meant:
        """The rows a name may mean, and what is decided of them."""
        names = self.names_of(asked)
        name, hits, found = decide(self.index, names, self.confidence, chooser)
        away = self._away(name, hits, found)
        if away is not None:
            return away
        found = replace(found, exact=found.exact and name == asked.names[0])
        said = hits[0].features.get(COVERED, 0.0) if hits else 0.0
        if found.decision.status not in ("unknown", "unsure") or said < WHOLE:
            return self._there(found)
        return self._crowd(name, self._there(found))

    def _away(self, name: str, hits: Sequence[Hit], found: Meant) -> Meant | None:
        """Unknown, with the near row, where that is of another place or institution than said."""
        given = found.decision.status == "found" and not found.exact
        told = bool(hits) and hits[0].features.get(TAIL, 0.0) >= WHOLE and hits[0].how not in KEYED
        if not given and not (told and found.decision.status == "unknown"):
            return None
        row = found.rows[0] if given else hits[0].entry
        if self._stored(row.id) != row or not self.index.elsewhere(name, row):
            return None
        share = found.shares[0] if given else 0.0
        sure = min(ELSEWHERE, found.decision.confidence) if given else found.decision.confidence
        near = ((row, share), *(one for one in found.others if one[0] != row))[:MOST_CHOICES]
        decision = Decision("unknown", (), sure)
        return replace(found, rows=(), shares=(), others=near, decision=decision, away=True)

    def _there(self, found: Meant) -> Meant:
        """Without rows that are not in the index as they were found: none is shown, even to choose.

        The one row of an answer is checked where it is given.
        """
        pairs = zip(found.rows, found.shares, strict=True)
        kept = [pair for pair in pairs if self._stored(pair[0].id) == pair[0]]
        others = tuple(one for one in found.others if self._stored(one[0].id) == one[0])
        decision = found.decision
        if decision.status == "found" or len(kept) == len(found.rows):
            return replace(found, others=others)
        status: Status = decision.status if kept else "unknown"
        return replace(
            found,
            rows=tuple(row for row, _ in kept),
            shares=tuple(share for _, share in kept),
            others=others,
            decision=Decision(status, tuple(range(len(kept))), decision.confidence),
        )

    def _stored(self, number: int) -> Entry | None:
        """The row of that number now, None where an update took it away."""
        try:
            return self.index.entry(number)
        except IndexError:
            return None

    def _crowd(self, name: str, found: Meant) -> Meant:
        """What names an institution or a place and no row of it is asked back, not unknown."""
        rows, total = self.index.listed(name, MOST_CHOICES)
        if total <= MOST_CHOICES:
            return found
        decision = Decision("ambiguous", tuple(range(len(rows))), MOST_CHOICES / total)
        shares = (1 / total,) * len(rows)
        return replace(
            found, rows=tuple(rows), shares=shares, others=(), decision=decision, total=total
        )

    def told(self, asked: Asked, mode: Mode, found: Meant) -> Answer:
        """What a name means, in words."""
        status, sure = found.decision.status, found.decision.confidence
        rows = found.rows
        if status == "found":
            return self.given(asked, mode, found)
        if status == "ambiguous":
            hint = wording.telling(rows, self.columns.key, self.columns.value)
            words = wording.which(rows, found.total, self.nouns, hint)
        elif status == "unsure":
            words = wording.perhaps(rows)
        elif found.away:
            words = say("answer.unknown_elsewhere", name=found.others[0][0].key)
        else:
            words = say("answer.unknown")
        choices = [Alternative(r, p) for r, p in zip(rows, found.shares, strict=True)]
        near = [Alternative(row, share) for row, share in found.others]
        return self.answer(
            asked,
            mode,
            words,
            status=status,
            confidence=sure,
            alternatives=choices if choices else near,
            model=found.model,
            note=found.note,
        )

    def given(self, asked: Asked, mode: Mode, found: Meant) -> Answer:
        """One row, checked, and its cell."""
        entry, column = found.rows[0], asked.column or self.columns.value
        checks = self.checks(entry, column)
        broken = [check.name for check in checks if not check.passed]
        others = [Alternative(row, share) for row, share in found.others]
        if {"row", "name-belongs"} & set(broken):
            words = say("answer.failed_check", checks=", ".join(broken))
            return self.answer(
                asked, mode, words, status="unsure", checks=checks, alternatives=others
            )
        words = wording.cell(entry, column) if asked.column else wording.found(entry, self.nouns)
        return self.answer(
            asked,
            mode,
            words,
            status="found",
            values=[entry.columns[column]],
            confidence=found.decision.confidence,
            evidence=[entry],
            alternatives=others,
            checks=checks,
            model=found.model,
            note=found.note,
        )

    def checks(self, entry: Entry, column: str) -> tuple[Check, ...]:
        """What is checked of a row and its cell before it is told."""
        about = self.index.about
        case = Case(
            entry,
            column,
            self._stored(entry.id),
            self.index.by_value(entry.value),
            self.columns.value,
            about.digits,
            about.check_digits,
        )
        return run_checks(case)

    def sure(
        self,
        asked: Asked,
        mode: Mode,
        words: str,
        values: Sequence[str],
        rows: Sequence[Entry],
        *,
        checks: tuple[Check, ...] = (),
        note: str = "",
    ) -> Answer:
        """Found by an exact value, or all rows of a place: nothing there to be unsure of."""
        return self.answer(
            asked,
            mode,
            words,
            status="found",
            values=values,
            confidence=1.0,
            evidence=rows,
            checks=checks,
            note=note,
        )

    def answer(
        self,
        asked: Asked,
        mode: Mode,
        words: str,
        *,
        status: Status,
        values: Sequence[str] = (),
        verified: bool = True,
        confidence: float = 0.0,
        evidence: Sequence[Entry] = (),
        alternatives: Sequence[Alternative] = (),
        checks: Sequence[Check] = (),
        model: str | None = None,
        note: str = "",
    ) -> Answer:
        """An answer of this table; its time is told by the engine."""
        return Answer(
            words,
            tuple(values),
            verified,
            status,
            confidence,
            tuple(evidence),
            tuple(alternatives),
            0.0,
            mode,
            asked.intent,
            self.index.fingerprint,
            tuple(checks),
            model,
            note,
        )
