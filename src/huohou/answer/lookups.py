"""Answers that are read off rows: by name, by value, as a list. No model writes anything here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from huohou.answer import several_names, wording
from huohou.answer.checks import Case, run_checks
from huohou.answer.choose import Chooser
from huohou.answer.confidence import MOST_CHOICES, Confidence, Decision
from huohou.answer.meant import PARTLY, Meant, decide, hits_of
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

    def meant(self, asked: Asked, chooser: Chooser | None = None) -> Meant:
        """The rows a name may mean, and what is decided of them."""
        name, hits, found = decide(self.index, asked.names, self.confidence, chooser)
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
            return self._given(asked, mode, found)
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

    def _given(self, asked: Asked, mode: Mode, found: Meant) -> Answer:
        """One row, checked, and its cell."""
        entry, column = found.rows[0], asked.column or self.columns.value
        checks = self._checks(entry, column)
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

    def _checks(self, entry: Entry, column: str) -> tuple[Check, ...]:
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

    # by value: the name of a code, or whether a name has it

    def by_value(self, asked: Asked, mode: Mode) -> Answer:
        """The names of codes, or other cells of their rows; or whether a name has that code."""
        rows = {code: self.index.by_value(code) for code in asked.codes}
        if asked.names:
            stated = self._stated(asked, mode, rows)
            if stated is not None:
                return stated
        known = [row for found in rows.values() for row in found]
        if asked.names and len(known) > 1:
            meant = self._one_of(asked, known)
            if meant is not None:
                return self._given(replace(asked, intent="value"), mode, meant)
        missing = sum(not found for found in rows.values())
        if not known:
            return self._near(asked, mode)
        note = say("answer.also_unknown", count=missing) if missing else ""
        if asked.column:
            return self._cells(asked, mode, known, note)
        return self._names(asked, mode, known, note)

    def _stated(self, asked: Asked, mode: Mode, rows: dict[str, list[Entry]]) -> Answer | None:
        """Where a question holds a name beside a code: the name's own, and whether that is it."""
        found = self.meant(asked)
        if found.decision.status != "found":
            return None
        answer = self._given(replace(asked, intent="value", column=asked.column), mode, found)
        if answer.status != "found" or asked.column:
            return answer
        if answer.values[0] in asked.codes:
            words = say("answer.confirmed", words=answer.answer)
        else:
            real = any(rows.values())
            key = "answer.denied" if real else "answer.denied_unknown"
            words = say(key, words=answer.answer)
        return replace(answer, answer=words)

    def _one_of(self, asked: Asked, known: Sequence[Entry]) -> Meant | None:
        """Of the rows of several codes the one that a name means and no other of them."""
        for name in asked.names:
            hits = [hit for hit in hits_of(self.index, name) if hit.entry in known]
            hits = [hit for hit in hits if hit.features.get("inside") or hit.how in KEYED]
            if len(hits) == 1:
                decision = Decision("found", (0,), PARTLY)
                return Meant((hits[0].entry,), (PARTLY,), (), decision, 1, 0.0)
        return None

    def _names(self, asked: Asked, mode: Mode, known: Sequence[Entry], note: str = "") -> Answer:
        by_value: dict[str, list[Entry]] = {}
        for row in known:
            by_value.setdefault(row.value, []).append(row)
        words = "\n".join(wording.named(rows, self.nouns) for rows in by_value.values())
        names = list(dict.fromkeys(row.key for row in known))
        if len(names) > len(by_value):
            several = say("answer.note.several_names", count=len(names))
            note = f"{note} {several}".strip()
        checks = self._checks(known[0], self.columns.value) if len(by_value) == 1 else ()
        return self.sure(asked, mode, words, names, known, checks=checks, note=note)

    def _cells(self, asked: Asked, mode: Mode, known: Sequence[Entry], note: str) -> Answer:
        words = "\n".join(wording.cell(row, asked.column) for row in known)
        cells = list(dict.fromkeys(row.columns[asked.column] for row in known))
        checks = self._checks(known[0], asked.column)
        return self.sure(asked, mode, words, cells, known, checks=checks, note=note)

    def _near(self, asked: Asked, mode: Mode) -> Answer:
        """No row has the value: rows whose value is one slip away are shown, none is given."""
        near = list(
            {r.id: r for code in asked.codes for r in self.index.values_near(code)}.values()
        )
        words = say("answer.unknown_value", noun=self.nouns.value)
        if near:
            head = say("answer.unknown_near", noun=self.nouns.value)
            lines = (say("answer.line", name=r.key, value=r.value) for r in near[:3])
            words = "\n".join([head, *lines])
        choices = [Alternative(row) for row in near[:3]]
        return self.answer(
            asked, mode, words, status="unknown", confidence=1.0, alternatives=choices
        )

    # the answer itself

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
