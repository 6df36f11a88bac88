"""``trainer_log.jsonl`` of LLaMA-Factory: one line a logging step, appended by every process.

It has no gradient norm and no wall time; ``elapsed_time`` counts from the start of the process,
so that it goes back where a training was started again.
"""

import re
from itertools import islice
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import Collector, canonical, json_rows, number, whole
from huohou.record.readers._source import Source
from huohou.record.record import Record

_NO_SERIES = ("current_steps", "step", "total_steps", "epoch", "percentage")
_ELAPSED = re.compile(r"(?:(\d+) days?, )?(\d+):(\d+):(\d+)")


def read_trainer_log(source: Source) -> Record:
    """Read a trainer_log.jsonl. Raises DataError when no line of it holds a value."""
    collector = Collector()
    facts: dict[str, Any] = {}
    elapsed = 0
    for line, row in json_rows(source):
        seconds = _seconds(row.get("elapsed_time"))
        if seconds is not None:
            if seconds < elapsed:
                collector.restart()
            elapsed = seconds
        step = whole(row.get("current_steps", row.get("step")))
        if total := whole(row.get("total_steps")):
            facts |= {"max_steps": total, "finished": step is not None and step >= total}
        facts["global_step"] = step
        values = {
            canonical(name): value
            for name, given in row.items()
            if name not in _NO_SERIES and (value := number(given)) is not None
        }
        collector.add(values, step=step, epoch=number(row.get("epoch")), line=line)
    series = collector.series()
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns="current_steps, loss")
    return Record({"path": str(source.path), "reader": "llamafactory"}, series, facts)


def _seconds(text: Any) -> int | None:
    """Seconds of "0:04:02" or "3 days, 17:51:32".

    >>> _seconds("1 day, 0:00:01")
    86401
    """
    match = _ELAPSED.fullmatch(text) if isinstance(text, str) and len(text) < 40 else None
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _recognises(source: Source) -> bool:
    if not source.is_text or '"total_steps"' not in source.text:
        return False
    return any(
        "total_steps" in row and ("current_steps" in row or "step" in row)
        for _, row in islice(json_rows(source), 5)
    )


readers.register("llamafactory")(Reader(_recognises, read_trainer_log, ("trainer_log.jsonl",)))
