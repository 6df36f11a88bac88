"""``trainer_log.jsonl`` of LLaMA-Factory: one line a logging step, appended by every process.

It has no gradient norm and no wall time; ``elapsed_time`` counts from the start of the process,
so that it goes back where a training was started again.
"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from huohou.errors import DataError
from huohou.record.columns import Floats, Marks, Rows
from huohou.record.readers import Reader, readers
from huohou.record.readers._frame import Frame, lives, series_of
from huohou.record.readers._numbers import unknown
from huohou.record.readers._rows import canonical, json_blocks, json_rows, most_names
from huohou.record.readers._source import Source
from huohou.record.record import Record

_STEPS = frozenset({"current_steps", "step", "total_steps"})
_LEFT = frozenset({"percentage", "remaining_time"})
_NO_SERIES = _STEPS | {"epoch", "elapsed_time"}
_CLOCKS = re.compile(r"(?:[0-9]{1,9}:[0-9]{1,2}:[0-9]{1,2}(?:\n|$))*+")
_WITH_DAYS = re.compile(r"(\d+) days?, (\d+):(\d+):(\d+)")


def read_trainer_log(source: Source) -> Record:
    """Read a trainer_log.jsonl. Raises DataError when no line of it holds a value."""
    clock = "elapsed_time"
    frame = Frame(
        _STEPS.__contains__, {clock: _seconds}, {clock: _many_seconds}, _LEFT, most_names(source)
    )
    for lines, logged in json_blocks(source):
        frame.put_rows(lines, logged)
    step, total = frame.dense("current_steps", "step"), frame.column("total_steps")[0]
    epoch, n = frame.dense("epoch"), len(frame)
    rows = Rows(step, epoch, unknown(n), lives(step, epoch, _begun(frame)), frame.lines)
    names = {name: canonical(name) for name in frame.names if name not in _NO_SERIES}
    series = series_of(frame, names, rows)
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns="current_steps, loss")
    done = step[~np.isnan(step)]
    facts: dict[str, Any] = {"global_step": int(done[-1])} if len(done) else {}
    if len(planned := total[total > 0]):
        finished = bool(len(done)) and done[-1] >= planned[-1]
        facts |= {"max_steps": int(planned[-1]), "finished": bool(finished)}
    return Record({"path": str(source.path), "reader": "llamafactory"}, series, facts)


def _begun(frame: Frame) -> Marks:
    """Rows whose clock stands before that of the row with a clock before them."""
    seconds, at = frame.column("elapsed_time")
    found = np.zeros(len(frame), np.bool_)
    found[at[1:]] = np.diff(seconds) < 0
    return found


def _seconds(text: Any) -> int | None:
    """Seconds of "0:04:02" or "3 days, 17:51:32".

    >>> _seconds("1 day, 0:00:01")
    86401
    """
    if not isinstance(text, str) or len(text) > 40:
        return None
    parts = text.split(":")
    if len(parts) == 3 and all(map(str.isdecimal, parts)):
        return (int(parts[0]) * 60 + int(parts[1])) * 60 + int(parts[2])
    match = _WITH_DAYS.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = map(int, match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _many_seconds(texts: Sequence[Any]) -> Floats | None:
    """The same of many at once, where each is like "0:04:02"."""
    if set(map(type, texts)) != {str} or not _CLOCKS.fullmatch("\n".join(texts)):
        return None
    parts = ":".join(texts).split(":")
    hours, minutes, seconds = np.array(list(map(int, parts)), dtype=np.float64).reshape(-1, 3).T
    return (hours * 60 + minutes) * 60 + seconds


def _recognises(source: Source) -> bool:
    if not source.is_text or b'"total_steps"' not in source.utf8:
        return False
    return any(
        "total_steps" in row and ("current_steps" in row or "step" in row)
        for _, row in islice(json_rows(source), 5)
    )


readers.register("llamafactory")(Reader(_recognises, read_trainer_log, ("trainer_log.jsonl",)))
