"""A log whose lines each tell of an epoch or a step, as hand-written loops print them.

``Epoch 12/175: train loss 0.0008, val loss 0.2``, ``[step 200] val loss: 1.6379``, Keras' and
Lightning's progress bars, Megatron's and MLX's lines. A document that people wrote is left to the
reader of reports.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple

from huohou.record.readers import Reader, readers
from huohou.record.readers._epoch_lines import LONGEST, Entries, Entry, tells
from huohou.record.readers._rows import Collector
from huohou.record.readers._source import Source
from huohou.record.readers._text import Found, Places, is_report, record, shares, stamp
from huohou.record.record import Record

# Pieces of lines: a progress bar writes many into one line, after a return or many backspaces.
_PIECE = re.compile(r"[^\n\r\x08]+")
_HEADING = re.compile(r"\s*Epoch (\d{1,9})/(\d{1,9})\s*")  # of Keras, above its bar
_BAR = re.compile(r"\d{1,3}%\|[^|]{0,200}\| {0,12}(\d{1,12})/(\d{1,12}) \[")
_KERAS = re.compile(r"\s*(\d{1,12})/(\d{1,12}) (?:\[[=>.]|━|- )")
_EXAMPLES = re.compile(r"\[\s{0,8}(\d{1,12})/(\d{1,12}) \(")  # of PyTorch's examples
_SAMPLE = 3000
_SHARE = 20  # one piece in so many must tell something


class _Line(NamedTuple):
    """A measured piece. at, end: its place; part: how much of its epoch is done."""

    entry: Entry
    at: int
    end: int
    part: float = 1.0


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the numbers of a log mean. base: what is to be added to the number of an epoch for
    the passes done at its end; per_epoch: steps of an epoch where they are counted anew in each,
    0 where they go on."""

    base: int
    per_epoch: int


def read_epoch_lines(source: Source) -> Record:
    """Read a log of such lines. Raises DataError when none of them holds a value."""
    text = source.plain
    lines = _lines(text)
    head = deque(islice(lines, _SAMPLE))
    layout = _layout([line.entry for line in head])
    collector, places, placing = Collector(), Places(text), _Placing(layout)
    facts: dict[str, Any] = {} if layout else {"rows_counted": True}
    end, epoch = 0, None
    for line in chain(_emptied(head), lines):
        step, epoch = placing.place(line)
        number, t = places.line(line.at), stamp(text, line.at)
        collector.add(_named(line), step=step, epoch=epoch, t=t, line=number)
        _planned(line.entry, layout, facts)
        end = line.end
    if "max_steps" not in facts and epoch is not None and "num_train_epochs" in facts:
        facts["finished"] = epoch >= facts["num_train_epochs"]
    return record(source, "epoch-lines", Found(collector, end), facts)


def _emptied(head: deque[_Line]) -> Iterator[_Line]:
    """The lines in their order, none of them kept: as objects they take ten times their text."""
    while head:
        yield head.popleft()


def _lines(text: str) -> Iterator[_Line]:
    """Pieces that tell of a value; of Keras' bars only the last of an epoch."""
    heading: re.Match[str] | None = None
    waiting: _Line | None = None
    read = Entries().entry
    for piece in _PIECE.finditer(text):
        begin, end = piece.span()
        if end - begin > LONGEST:
            continue
        written = piece[0]
        if "poch" in written and (found := _HEADING.fullmatch(written)):
            if waiting:
                yield waiting
            heading, waiting = found, None
        elif told := read(written):
            if "/" not in written:
                yield _Line(told, begin, end)
                continue
            if not _KERAS.match(written):
                yield _placed(told, written, begin, end)
                continue
            if heading:
                told = told._replace(epoch=float(heading[1]), epochs=int(heading[2]))
            waiting = _Line(told, begin, end)
    if waiting:
        yield waiting


def _placed(told: Entry, written: str, begin: int, end: int) -> _Line:
    """A line that counts to something."""
    if "%|" in written and (bar := _BAR.search(written)):
        return _barred(told, bar, begin, end)
    if "(" in written and (seen := _EXAMPLES.search(written)):
        part = int(seen[1]) / max(int(seen[2]), 1)
        return _Line(told._replace(step=None, steps=None), begin, end, part)
    return _Line(told, begin, end)


def _barred(told: Entry, bar: re.Match[str], begin: int, end: int) -> _Line:
    """A bar over one epoch: an evaluation beside it is of the last epoch until it is full."""
    done, total = int(bar[1]), max(int(bar[2]), 1)
    values = {
        name: value
        for name, value in told.values.items()
        if done == total or not (name.startswith("eval_") or name.endswith("_epoch"))
    }
    return _Line(told._replace(values=values, step=done, steps=total), begin, end, done / total)


def _layout(entries: list[Entry]) -> _Layout | None:
    """None where no line has an epoch or a step."""
    epochs = [e.epoch for e in entries if e.epoch is not None]
    steps = [e.step for e in entries if e.step is not None]
    if not epochs and not steps:
        return None
    both = [(e.epoch, e.step) for e in entries if e.epoch is not None and e.step is not None]
    anew = any(b[1] < a[1] and b[0] > a[0] for a, b in pairwise(both))
    longest = max((max(e.step or 0, e.steps or 0) for e in entries), default=0) if anew else 0
    from_zero = bool(epochs) and min(epochs) == 0 and all(e == int(e) for e in epochs)
    return _Layout(int(from_zero), longest)


class _Placing:
    """The step and the epoch of each line in turn."""

    def __init__(self, layout: _Layout | None) -> None:
        self._layout = layout
        self._epoch: float | None = None
        self._step: int | None = None

    def place(self, line: _Line) -> tuple[int | None, float | None]:
        """Updates and passes done; of a line that says neither those of the line before."""
        told = line.entry
        if self._layout is None:
            self._step = (self._step or 0) + (not told.held_out)
        elif told.epoch is not None or told.step is not None:
            self._told(told, self._layout, line.part)
        return self._step, self._epoch

    def _told(self, told: Entry, layout: _Layout, part: float) -> None:
        self._step = told.step
        if told.epoch is None:
            self._epoch = None
            return
        self._epoch = told.epoch + layout.base
        if layout.per_epoch and told.step is not None:
            part = told.step / layout.per_epoch
            self._step = round((self._epoch - 1) * layout.per_epoch) + told.step
        elif layout.per_epoch:
            self._step = round(self._epoch * layout.per_epoch)
        if part < 1 and self._epoch == int(self._epoch):
            self._epoch += part - 1


def _named(line: _Line) -> dict[str, float]:
    """Values with the loss under its name where a trainer has one a step and one an epoch."""
    values = dict(line.entry.values)
    for name in ("loss_step", "loss_epoch"):
        if name in values and "loss" not in values:
            values["loss"] = values.pop(name)
    return values


def _planned(told: Entry, layout: _Layout | None, facts: dict[str, Any]) -> None:
    """What the lines count to."""
    if told.epochs:
        facts["num_train_epochs"] = told.epochs
    if layout and layout.per_epoch:
        if told.epochs:
            facts["max_steps"] = told.epochs * layout.per_epoch
    elif told.steps:
        facts["max_steps"] = told.steps


def _recognises(source: Source) -> bool:
    """Where most lines are of this kind, or many and next to no prose between."""
    if not source.is_text:
        return False
    head = source.sample[: 1 << 18]
    if not tells(head):
        return False
    found = sum(1 for _ in _lines(head))
    if not found:
        return False
    written = shares(head)
    if 2 * found >= written.lines:
        return not is_report(source, found)
    calm = written.marks < 3 and 2 * written.sentences <= found
    return calm and found >= 3 and found * _SHARE >= written.lines


readers.register("epoch-lines")(Reader(_recognises, read_epoch_lines, ("train*.txt",), rank=92))
