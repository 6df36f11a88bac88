"""What readers of text logs share: numbered places, whether it is a log at all, the record.

Readers of text go over the whole text with one regular expression instead of line by line: lines
without a value cost next to nothing then, and nothing is kept for them.
"""

import re
from calendar import timegm
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from huohou.errors import DataError
from huohou.record.readers._ends import ending
from huohou.record.readers._rows import Collector
from huohou.record.readers._source import Source
from huohou.record.record import Record
from huohou.text import say

Match = re.Match[str]

NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)"

_HEAD = 1 << 16
_LOGS = {".log", ".out", ".err"}
_STAMP = re.compile(
    r"[^\n\d]{0,12}(?:(\d{4})-(\d\d)-(\d\d)|(\d\d)/(\d\d)/(\d{4}))[ T](\d\d):(\d\d):(\d\d)"
)
_MARKDOWN = re.compile(
    r"^(?:#{2,6} \S|```|\|[ :-]*-{3,}|.{0,40}\*\*[^*\n]{1,80}\*\*)", re.MULTILINE
)
# A line that begins as a sentence does, has eight words or more, and ends as one does.
_SENTENCE = re.compile(
    r"^[ \t]*(?:[-*] |\d+[.)] )?(?:[^\W\d_][^\n|={}]{2,400}[。！？：；]"
    r"|[A-Z][\w'-]*(?: [^\s|={}]+){7,}[.!?])[ \t]*\r?$",
    re.MULTILINE,
)


class Row(NamedTuple):
    """What one place of a log says."""

    values: Mapping[str, float]
    step: int | None = None
    epoch: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a text. end: place behind the last of them."""

    collector: Collector
    end: int


class Places:
    """Line numbers of growing places in a text, from 1; each stretch is looked at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1

    def line(self, at: int) -> int:
        """The line that place stands in. Places must be asked for in their order."""
        self._line += self._text.count("\n", self._at, at)
        self._at = at
        return self._line


def collected(text: str, pattern: re.Pattern[str], row: Callable[[Match], Row | None]) -> Found:
    """All places of a text where the pattern is found and row makes something of it."""
    collector, places, last = Collector(), Places(text), 0
    for match in pattern.finditer(text):
        if one := row(match):
            line = places.line(match.start())
            collector.add(one.values, step=one.step, epoch=one.epoch, line=line)
            last = match.end()
    return Found(collector, last)


def stamp(text: str, at: int) -> float | None:
    """Time at the beginning of the line that a place stands in, None where there is none.

    The zone is not known: only differences mean something.

    >>> stamp("[INFO|2025-05-06 22:22:43] a.b:143 >> {'loss': 1.0}", 42)
    1746570163.0
    """
    begin = max(text.rfind("\n", 0, at) + 1, at - 200)
    if at - begin < 19:
        return None
    match = _STAMP.match(text, begin, at)
    if match is None:
        return None
    year, month, day, month_us, day_us, year_us, *clock = match.groups()
    date = (year, month, day) if year else (year_us, month_us, day_us)
    try:
        return float(timegm((*map(int, date), *map(int, clock))))
    except ValueError:  # a month 13
        return None


@dataclass(frozen=True, slots=True)
class Shares:
    """Lines of a text that are not empty, marks of Markdown, and lines that are sentences."""

    lines: int
    marks: int
    sentences: int


def shares(text: str) -> Shares:
    """What the head of a text is made of."""
    head = text[:_HEAD]
    lines = sum(1 for line in head.split("\n") if line and not line.isspace())
    marks = sum(1 for _ in _MARKDOWN.finditer(head))
    return Shares(lines, marks, sum(1 for _ in _SENTENCE.finditer(head)))


def is_report(source: Source, entries: int) -> bool:
    """Whether a file is written for people: Markdown or sentences outweigh its log lines. One
    that is called a log is none.

    entries: log lines that a reader found in it.
    """
    if source.path.suffix.lower() in _LOGS:
        return False
    of = shares(source.plain)
    if of.marks >= 3 and of.marks > entries:
        return True
    return of.sentences >= 3 * entries + 6 and 3 * of.sentences >= of.lines


def record(
    source: Source,
    reader: str,
    found: Found,
    facts: Mapping[str, Any],
    notes: tuple[str, ...] = (),
) -> Record:
    """The record of a text log, with how it ended; an error before the last value was survived.

    Raises DataError when there is no value and nothing that says why.
    """
    series = found.collector.series()
    ended = ending(source.plain, found.end)
    known = dict(facts) | (ended.facts() if ended else {})
    if not series and ended:
        notes = (*notes, say("reader.ended_without_values", line=ended.line))
    elif not series and not known.keys() & {"summary", "after_training"}:
        raise DataError("reader.no_values", path=source.path, reader=reader)
    steps = [points[-1].step for points in series.values()]
    done = max((step for step in steps if step is not None), default=None)
    planned = known.get("max_steps")
    if done is not None:
        known["global_step"] = done
        if planned:
            known.setdefault("finished", done >= planned)
    elif planned and known.get("finished"):
        known["global_step"] = planned
    return Record({"path": str(source.path), "reader": reader}, series, known, notes)
