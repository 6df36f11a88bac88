"""What is worth checking before, during and after a training, and what was found in this run.

Each line is data: a phase, a name and a function from the run to what was found. The lines are
those that people check by hand; where a line asks for something that decides nothing (a loss that
has to be reached), its evidence says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from huohou.report import checked
from huohou.report.blocks import Block, Heading, Paragraph, Table
from huohou.report.checked import Found
from huohou.report.checked_files import files
from huohou.report.part import Part
from huohou.text import say

Phase = Literal["before", "during", "after"]
KINDS = {"done": "good", "open": "bad", "unknown": "none", "none": "none"}
PHASES: tuple[Phase, ...] = ("before", "during", "after")


@dataclass(frozen=True, slots=True)
class Item:
    """One line. name: its text is ``checklist.NAME``; judge: what was found in a run."""

    phase: Phase
    name: str
    judge: Callable[[Part], Found]


ITEMS: tuple[Item, ...] = (
    Item("before", "data", checked.data),
    Item("before", "apart", checked.apart),
    Item("before", "enough", checked.enough),
    Item("before", "settings", checked.settings),
    Item("before", "device", checked.device),
    Item("during", "falls", checked.falls),
    Item("during", "accuracy", checked.accuracy),
    Item("during", "watched", checked.watched),
    Item("during", "resumed", checked.resumed),
    Item("during", "finished", checked.finished),
    Item("after", "loss", checked.loss),
    Item("after", "tokens", checked.tokens),
    Item("after", "files", files),
    Item("after", "asked", checked.asked),
    Item("after", "base", checked.base),
    Item("after", "invented", checked.invented),
    Item("after", "stops", checked.stops),
    Item("after", "gates", checked.gates),
    Item("after", "served", checked.served),
)


def judged(part: Part) -> list[tuple[Item, Found]]:
    """Every line with what was found."""
    return [(item, item.judge(part)) for item in ITEMS]


def blocks(part: Part) -> Iterator[Block]:
    """The checklist of a run as tables, one a phase, and how much of it is done."""
    lines = judged(part)
    yield Paragraph(_counts(lines))
    for phase in PHASES:
        yield Heading(3, say(f"checklist.{phase}"))
        rows = [
            [say(f"checklist.state.{found.state}"), say(f"checklist.{item.name}"), found.text]
            for item, found in lines
            if item.phase == phase
        ]
        kinds = [KINDS[found.state] for item, found in lines if item.phase == phase]
        head = [say(f"checklist.column.{name}") for name in ("state", "item", "text")]
        yield Table(head, rows, kinds)


def _counts(lines: Sequence[tuple[Item, Found]]) -> str:
    counts = {
        state: sum(found.state == state for _, found in lines)
        for state in ("done", "open", "unknown", "none")
    }
    return say("checklist.counts", of=len(lines), **counts)
