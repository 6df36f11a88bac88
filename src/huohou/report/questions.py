"""Questions of a search by what became of them: fixed, broken, right or wrong as before."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huohou.report.blocks import Block, Heading, Paragraph, Points, Table
from huohou.text import say

KINDS = ("fixed", "broken", "still_wrong", "still_right")
SHOWN = {"fixed": 4, "broken": 4, "still_wrong": 4, "still_right": 0}
LONGEST = 160


@dataclass(frozen=True, slots=True)
class Case:
    """A question before and after. place: of its best answer, from 1; first: what was found first,
    its beginning."""

    question: str
    answer: str
    place_before: float
    place_after: float
    first_before: str
    first_after: str

    @property
    def kind(self) -> str:
        """One of KINDS. Right is the first place, alone."""
        was, now = self.place_before == 1, self.place_after == 1
        return {(False, True): "fixed", (True, False): "broken", (True, True): "still_right"}.get(
            (was, now), "still_wrong"
        )

    @property
    def moved(self) -> float:
        """How far its answer came forward, as a factor."""
        return self.place_before / self.place_after


def cases(answers: Path, before: str, after: str) -> list[Case]:
    """The questions of a scorecard's answers as two of its searches have them; none where a
    search is not there. Raises OSError, ValueError."""
    rows = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    return [
        _case(row, before, after)
        for row in rows
        if before in row["searches"] and after in row["searches"]
    ]


def _case(row: Mapping[str, Any], before: str, after: str) -> Case:
    was, now, texts = row["searches"][before], row["searches"][after], row["texts"]
    return Case(
        row["question"],
        texts[row["answers"][0]],
        float(was["place"]),
        float(now["place"]),
        texts[was["first"][0]],
        texts[now["first"][0]],
    )


def told(found: Sequence[Case], before: str, after: str) -> Iterator[Block]:
    """Counts of each kind and examples to read, those that moved farthest first."""
    names = {"before": say(f"eval.system.{before}"), "after": say(f"eval.system.{after}")}
    yield Heading(3, say("report.cases.title", **names))
    by_kind = {kind: [case for case in found if case.kind == kind] for kind in KINDS}
    counts = [[say(f"report.cases.{kind}"), str(len(by_kind[kind]))] for kind in KINDS]
    yield Table([say("report.cases.kind"), say("report.cases.count")], counts)
    for kind, most in SHOWN.items():
        some = sorted(by_kind[kind], key=lambda case: -abs(_log(case.moved)))[:most]
        if some:
            yield Paragraph(say(f"report.cases.{kind}_means", **names))
            yield Points([_line(case) for case in some])


def _log(factor: float) -> float:
    return max(factor, 1 / factor)


def _line(case: Case) -> str:
    key = (
        "report.cases.same_first" if case.first_before == case.first_after else "report.cases.line"
    )
    return say(
        key,
        question=case.question,
        before=f"{case.place_before:g}",
        after=f"{case.place_after:g}",
        answer=_cut(case.answer),
        first_before=_cut(case.first_before),
        first_after=_cut(case.first_after),
    )


def _cut(told: str) -> str:
    line = " ".join(told.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()}…"
