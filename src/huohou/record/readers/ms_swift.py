"""``logging.jsonl`` of ms-swift.

The step is written as "1/20" (``global_step/max_steps``, or ``iteration`` of its Megatron trainer),
durations in words ("47m 29s"); ``elapsed_time`` counts from the start of the process. The last line
sums the run up: best checkpoint, sizes of the data, and the whole history once more.
"""

import re
from itertools import islice
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import Collector, canonical, json_rows, most_names, number, whole
from huohou.record.readers._source import Source
from huohou.record.record import Record

_STEP = ("global_step/max_steps", "iteration", "global_step")
_TYPICAL = ("global_step/max_steps", "memory(GiB)", "train_speed(s/it)", "train_speed(iter/s)")
_NO_SERIES = frozenset({*_STEP, "epoch", "percentage", "elapsed_time", "remaining_time"})
_PART = re.compile(r"(\d+)([dhms])")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SIZE = re.compile(r"size=(\d{1,15})")


def read_logging(source: Source) -> Record:
    """Read a logging.jsonl. Raises DataError when no line of it holds a value."""
    collector = Collector(most_names(source))
    facts: dict[str, Any] = {}
    summary: dict[str, float] = {}
    elapsed = 0
    for line, row in json_rows(source):
        if "log_history" in row or "best_model_checkpoint" in row:
            facts |= _end(row)
            continue
        seconds = duration(row.get("elapsed_time"))
        if seconds is not None:
            if seconds < elapsed:
                collector.restart()
            elapsed = seconds
        facts |= _progress(row)
        numbers = {
            name: value
            for name, given in row.items()
            if name not in _NO_SERIES and (value := number(given)) is not None
        }
        if "train_runtime" in numbers:
            summary = numbers
            continue
        values = {canonical(name): value for name, value in numbers.items()}
        collector.add(values, step=_step(row), epoch=number(row.get("epoch")), line=line)
    series = collector.series()
    if not series:
        raise DataError(
            "reader.no_numbers", path=source.path, columns="global_step/max_steps, loss"
        )
    facts |= {"summary": summary, "finished": True} if summary else {}
    return Record({"path": str(source.path), "reader": "ms-swift"}, series, facts)


def duration(text: Any) -> int | None:
    """Seconds of "6s", "47m 29s", "1d 2h 3m 4s".

    >>> duration("47m 29s"), duration("1d 0h 0m 1s"), duration("soon")
    (2849, 86401, None)
    """
    parts = text.split() if isinstance(text, str) and len(text) < 40 else []
    found = [_PART.fullmatch(part) for part in parts]
    if not found or not all(found):
        return None
    return sum(int(match[1]) * _UNITS[match[2]] for match in found if match)


def _step(row: dict[str, Any]) -> int | None:
    return next((step for name in _STEP if (step := whole(row.get(name))) is not None), None)


def _progress(row: dict[str, Any]) -> dict[str, Any]:
    """How far it is, where steps are written as "5/20"."""
    for name in _STEP[:2]:
        given = row.get(name)
        if isinstance(given, str) and "/" in given:
            done, planned = whole(given), whole(given.partition("/")[2])
            if done is not None and planned:
                return {"global_step": done, "max_steps": planned, "finished": done >= planned}
    return {}


def _end(row: dict[str, Any]) -> dict[str, Any]:
    """What the last line says beside the history."""
    facts: dict[str, Any] = {}
    for name, ours in (("train_dataset", "rows"), ("val_dataset", "eval_rows")):
        if match := _SIZE.search(str(row.get(name))[:400]):
            facts[ours] = int(match[1])
    if (best := number(row.get("best_metric"))) is not None:
        facts["best_metric"] = best
    checkpoint = row.get("best_model_checkpoint")
    if isinstance(checkpoint, str):
        step = whole(checkpoint.rstrip("/")[-64:].rpartition("-")[2])
        facts |= {} if step is None else {"best_step": step}
    return facts


def _recognises(source: Source) -> bool:
    """One of the first rows has a key that no other trainer writes."""
    if not source.is_text or not any(
        f'"{name}"' in source.head for name in (*_TYPICAL, "iteration")
    ):
        return False
    for _, row in islice(json_rows(source), 5):
        iteration = row.get("iteration")
        if any(name in row for name in _TYPICAL) or (
            isinstance(iteration, str) and "/" in iteration
        ):
            return True
    return False


readers.register("ms-swift")(Reader(_recognises, read_logging, ("logging.jsonl",), rank=45))
