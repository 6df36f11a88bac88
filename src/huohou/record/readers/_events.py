"""Scalars, texts and settings of a TensorBoard event file.

Most records of a file look alike: the same bytes but for time, step and value. One of them is
read field by field; where those three stand in it, they stand in all that are equal otherwise,
and those are read at once. What is different from all others is read by itself.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.record.readers._event import Event, Floats, number, numbers, parse
from huohou.record.readers._protobuf import MalformedError, signed
from huohou.record.readers._tfrecord import Places, checksum, frames, rows, whole

_MANY = 24  # records of one length from which on it pays to look for equal ones
_FEW = 4  # records that are equal but for their numbers, from which on they are read at once
_LAYOUTS = 64  # different layouts among records of one length that are looked for
_WIDE = 512  # bytes; longer records are read one by one
_AT_ONCE = 4_000_000  # bytes of records taken apart at once
_CHECKED = 4096  # bytes; longer records (pictures, graphs) are not checked against their checksum
_TEXTS = 100  # texts of a file that are kept: settings stand at its begin
TAGS = 4_000  # tags of a file that are kept
_NAME = 200  # bytes of a tag that are kept
_SINGLES = 4096  # numbers kept as such before they are put into an array
_WEIGHTS = np.random.default_rng(0).integers(1, 2**63, _WIDE, dtype=np.uint64)  # any will do


@dataclass(slots=True)
class Column:
    """Numbers of one tag, in parts of four arrays: index of the record, step, unix seconds and
    value; and those that were read one by one, until they are such a part."""

    parts: list[tuple[Places, Places, Floats, Floats]] = field(default_factory=list)
    singles: list[tuple[int, int, float, float]] = field(default_factory=list)

    def add(self, at: int, step: int, time: float, value: float) -> None:
        """One number more."""
        self.singles.append((at, step, time, value))
        if len(self.singles) >= _SINGLES:
            self.pack()

    def pack(self) -> None:
        """Put the numbers that were read one by one together."""
        if self.singles:
            at, step, time, value = zip(*self.singles, strict=True)
            whole_numbers = np.array(at, np.int64), np.array(step, np.int64)
            self.parts.append((*whole_numbers, np.array(time), np.array(value)))
            self.singles.clear()


@dataclass(slots=True)
class Events:
    """What an event file holds. damaged: records that could not be read; records: how many
    there are; restarts: indices of records that say that a training was taken up again;
    too_many: whether tags were left out."""

    columns: dict[str, Column] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    restarts: list[int] = field(default_factory=list)
    damaged: int = 0
    torn: bool = False
    records: int = 0
    too_many: bool = False

    def column(self, tag: bytes) -> Column:
        """The column of a tag, made where there is none yet; beyond TAGS one that is dropped."""
        name = tag[:_NAME].decode("utf-8", "replace")
        if name not in self.columns and len(self.columns) >= TAGS:
            self.too_many = True
            return Column()
        return self.columns.setdefault(name, Column())


def read_events(data: bytes) -> Events:
    """The whole file. Records that are damaged are left out and counted."""
    framed = frames(data)
    events = Events(damaged=framed.damaged, torn=framed.torn, records=len(framed.starts))
    order = np.argsort(framed.lengths, kind="stable")
    edges = np.flatnonzero(np.diff(framed.lengths[order])) + 1
    for group in np.split(order, edges):
        if not len(group):
            continue
        length = int(framed.lengths[group[0]])
        rest = group
        if len(group) >= _MANY and 0 < length <= _WIDE:
            step = max(_MANY, _AT_ONCE // length)
            parts = range(0, len(group), step)
            left = [_alike(data, framed.starts, group[i : i + step], length, events) for i in parts]
            rest = np.concatenate(left)
        for index in rest.tolist():
            _single(data, int(framed.starts[index]), length, index, events)
    for column in events.columns.values():
        column.pack()
    return events


def _alike(data: bytes, starts: Places, group: Places, length: int, events: Events) -> Places:
    """Read the records of one length that look like others; the indices of those that do not."""
    columns = np.ascontiguousarray(rows(data, starts[group], length).T)
    good = whole(data, starts[group], columns)
    events.damaged += int((~good).sum())
    group, columns = group[good], columns[:, good]
    odd: list[int] = []
    for _ in range(_LAYOUTS):
        if len(group) < _MANY:
            break
        begin = int(starts[group[0]])
        event = _event_or_none(data, begin, length)
        if event is None or not event.alike:
            odd.append(int(group[0]))
            group, columns = group[1:], columns[:, 1:]
            continue
        fixed = _fixed(event, begin, length)
        left = np.ones(len(group), np.bool_)
        for near in _grouped(columns[fixed]):
            first = int(starts[group[near[0]]])
            one = _event_or_none(data, first, length)
            if one is not None and one.alike and np.array_equal(_fixed(one, first, length), fixed):
                same = near[_like(columns[:, near], one, first, fixed)]
                _take(events, one, first, group[same], columns[:, same])
                left[same] = False
        group, columns = group[left], columns[:, left]
    return np.concatenate([np.array(odd, np.int64), group])


def _fixed(event: Event, begin: int, length: int) -> NDArray[np.bool_]:
    """Which bytes are neither time nor step nor value."""
    fixed = np.ones(length, np.bool_)
    for part in (event.time, event.step, *event.scalars):
        if part is not None:
            fixed[part.begin - begin : part.end - begin] = False
    return fixed


def _grouped(columns: NDArray[np.uint8]) -> list[Places]:
    """Columns that may be equal to the first or to each other, by a sum of their bytes; of those
    groups the first and all that are large enough."""
    sums = np.zeros(columns.shape[1], np.uint64)
    for weight, row in zip(_WEIGHTS, columns, strict=False):
        sums += weight * row
    order = np.argsort(sums, kind="stable")
    edges = np.flatnonzero(np.diff(sums[order])) + 1
    begins, ends = np.append(0, edges), np.append(edges, len(order))
    large = (ends - begins >= _FEW) | (sums[order[begins]] == sums[0])
    return [order[b:e] for b, e in zip(begins[large], ends[large], strict=True)]


def _event_or_none(data: bytes, begin: int, length: int) -> Event | None:
    try:
        return parse(data, begin, begin + length)
    except MalformedError:
        return None


def _like(
    columns: NDArray[np.uint8], event: Event, begin: int, fixed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which records are equal to the first but for time, step and values."""
    same = np.asarray((columns[fixed] == columns[fixed][:, :1]).all(axis=0))
    if event.step is not None:  # as many bytes: all but the last have their high bit set
        high = columns[event.step.begin - begin : event.step.end - begin] >= 0x80
        same &= high[:-1].all(axis=0) & ~high[-1]
    return same


def _take(
    events: Events, event: Event, begin: int, group: Places, columns: NDArray[np.uint8]
) -> None:
    time, step = np.zeros(len(group)), np.zeros(len(group), np.int64)
    if event.time is not None:
        time = numbers(columns[event.time.begin - begin : event.time.end - begin], "<f8")
    if event.step is not None:
        for i, byte in enumerate(columns[event.step.begin - begin : event.step.end - begin]):
            step |= (byte & 0x7F).astype(np.int64) << (7 * i)
    for one in event.scalars:
        values = numbers(columns[one.begin - begin : one.end - begin], one.dtype)
        events.column(one.tag).parts.append((group, step, time, values))


def _single(data: bytes, begin: int, length: int, index: int, events: Events) -> None:
    end = begin + length
    try:
        event = parse(data, begin, end)
    except MalformedError:
        events.damaged += 1
        return
    if length <= _CHECKED:
        (said,) = struct.unpack_from("<I", data, end)
        if checksum(data[begin:end]) != said:
            events.damaged += 1
            return
    events.texts += event.texts[: _TEXTS - len(events.texts)]
    events.settings |= event.settings
    if event.restart:
        events.restarts.append(index)
    time = struct.unpack_from("<d", data, event.time.begin)[0] if event.time else 0.0
    step = signed(event.step.value) if event.step else 0
    for one in event.scalars:
        value = one.value if one.value is not None else number(data[one.begin : one.end], one.dtype)
        events.column(one.tag).add(index, step, time, value)
