"""Answers to values: the name of a code, or whether a name has it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from huohou.answer import wording
from huohou.answer.confidence import Decision
from huohou.answer.meant import PARTLY, Meant, hits_of
from huohou.answer.types import KEYED, Alternative, Answer, Entry, Mode
from huohou.answer.understand import Asked
from huohou.text import say

if TYPE_CHECKING:
    from huohou.answer.lookups import LookUps


def by_value(table: "LookUps", asked: Asked, mode: Mode) -> Answer:
    """The names of codes, or other cells of their rows; or whether a name has that code."""
    rows = {code: table.index.by_value(code) for code in asked.codes}
    if asked.names:
        stated = _stated(table, asked, mode, rows)
        if stated is not None:
            return stated
    known = [row for found in rows.values() for row in found]
    if asked.names and len(known) > 1:
        meant = _one_of(table, asked, known)
        if meant is not None:
            return table.given(replace(asked, intent="value"), mode, meant)
    missing = sum(not found for found in rows.values())
    if not known:
        return _near(table, asked, mode)
    note = say("answer.also_unknown", count=missing) if missing else ""
    if asked.column:
        return _cells(table, asked, mode, known, note)
    return _names(table, asked, mode, known, note)


def _stated(
    table: "LookUps", asked: Asked, mode: Mode, rows: dict[str, list[Entry]]
) -> Answer | None:
    """Where a question holds a name beside a code: the name's own, and whether that is it."""
    found = table.meant(asked)
    if found.decision.status != "found":
        return None
    answer = table.given(replace(asked, intent="value", column=asked.column), mode, found)
    if answer.status != "found" or asked.column:
        return answer
    if answer.values[0] in asked.codes:
        words = say("answer.confirmed", words=answer.answer)
    else:
        real = any(rows.values())
        key = "answer.denied" if real else "answer.denied_unknown"
        words = say(key, words=answer.answer)
    return replace(answer, answer=words)


def _one_of(table: "LookUps", asked: Asked, known: Sequence[Entry]) -> Meant | None:
    """Of the rows of several codes the one that a name means and no other of them."""
    for name in asked.names:
        hits = [hit for hit in hits_of(table.index, name) if hit.entry in known]
        hits = [hit for hit in hits if hit.features.get("inside") or hit.how in KEYED]
        if len(hits) == 1:
            decision = Decision("found", (0,), PARTLY)
            return Meant((hits[0].entry,), (PARTLY,), (), decision, 1, 0.0)
    return None


def _names(
    table: "LookUps", asked: Asked, mode: Mode, known: Sequence[Entry], note: str = ""
) -> Answer:
    by_value: dict[str, list[Entry]] = {}
    for row in known:
        by_value.setdefault(row.value, []).append(row)
    words = "\n".join(wording.named(rows, table.nouns) for rows in by_value.values())
    names = list(dict.fromkeys(row.key for row in known))
    if len(names) > len(by_value):
        several = say("answer.note.several_names", count=len(names))
        note = f"{note} {several}".strip()
    checks = table.checks(known[0], table.columns.value) if len(by_value) == 1 else ()
    return table.sure(asked, mode, words, names, known, checks=checks, note=note)


def _cells(table: "LookUps", asked: Asked, mode: Mode, known: Sequence[Entry], note: str) -> Answer:
    words = "\n".join(wording.cell(row, asked.column) for row in known)
    cells = list(dict.fromkeys(row.columns[asked.column] for row in known))
    checks = table.checks(known[0], asked.column)
    return table.sure(asked, mode, words, cells, known, checks=checks, note=note)


def _near(table: "LookUps", asked: Asked, mode: Mode) -> Answer:
    """No row has the value: rows whose value is one slip away are shown, none is given."""
    near = list({r.id: r for code in asked.codes for r in table.index.values_near(code)}.values())
    words = say("answer.unknown_value", noun=table.nouns.value)
    if near:
        head = say("answer.unknown_near", noun=table.nouns.value)
        lines = (say("answer.line", name=r.key, value=r.value) for r in near[:3])
        words = "\n".join([head, *lines])
    choices = [Alternative(row) for row in near[:3]]
    return table.answer(asked, mode, words, status="unknown", confidence=1.0, alternatives=choices)
