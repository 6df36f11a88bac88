"""A table of any trainer to a Record: which column is what is guessed, and the guess stated."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from huohou.errors import DataError
from huohou.record.readers._rows import (
    EPOCHS,
    STEPS,
    TIMES,
    Collector,
    canonical,
    first,
    number,
    preference,
    whole,
)
from huohou.record.readers._source import Source
from huohou.record.record import Record
from huohou.text import say

# A table with one of these columns, different in each row, has a row a run: no curve.
_RUNS = ("run", "run_name", "run_id", "name", "experiment", "trial", "seed")
# Rows with one of these sum a run up.
_SUMMARY = ("train_runtime", "train_samples_per_second")

Rows = Sequence[tuple[int, Mapping[str, Any]]]


def record_of(rows: Rows, source: Source, reader: str) -> Record:
    """Rows with their line numbers as a Record. Raises DataError when they hold no curve."""
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    _refuse_runs(rows, columns, source)
    named = _named(rows, columns)
    steps, epochs = _present(columns, STEPS)[:1], _present(columns, EPOCHS)
    if not named or (not steps and not epochs and not {"loss", "eval_loss"} & set(named.values())):
        raise DataError("reader.no_columns", path=source.path, columns=_some(columns))
    rows, notes = _in_order(rows, steps)
    collector = Collector()
    summary: dict[str, float] = {}
    for count, (line, row) in enumerate(rows, start=1):
        values = {name: v for c, name in named.items() if (v := number(row.get(c))) is not None}
        if any(key in row for key in _SUMMARY):
            summary |= values
            continue
        step = whole(first(row, steps)) if steps else None if epochs else count
        epoch, t = number(first(row, epochs)), number(first(row, _present(columns, TIMES)))
        collector.add(values, step=step, epoch=epoch, t=t, line=line)
    series = collector.series()
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns=_some(columns))
    facts: dict[str, Any] = {"summary": summary, "finished": True} if summary else {}
    if not steps:
        facts["rows_counted"] = not epochs
    if limit := _limit(rows, steps):
        facts["max_steps"] = limit
    notes = (_guess(named, steps, epochs), *notes)
    return Record({"path": str(source.path), "reader": reader}, series, facts, notes)


def _in_order(rows: Rows, steps: Sequence[str]) -> tuple[Rows, tuple[str, ...]]:
    """Rows that jump about all the time sorted by step; a few jumps back are restarts and stay."""
    at = [whole(first(row, steps)) for _, row in rows] if steps else []
    known = [step for step in at if step is not None]
    back = sum(b < a for a, b in pairwise(known))
    if back <= max(3, len(known) // 10):
        return rows, ()
    order = sorted(range(len(rows)), key=lambda i: at[i] or 0)
    return [rows[i] for i in order], (say("reader.sorted", n=back),)


def _named(rows: Rows, columns: Iterable[str]) -> dict[str, str]:
    """Columns with numbers to names in the Record; the best fitting column gets the name."""
    taken: dict[str, str] = {}
    for column in sorted(columns, key=preference):
        if column.lower() in (*STEPS, *EPOCHS, *TIMES) or column in taken:
            continue
        if any(number(row.get(column)) is not None for _, row in rows):
            name = canonical(column)
            taken[column] = column if name in taken.values() else name
    return taken


def _present(columns: Iterable[str], names: Sequence[str]) -> list[str]:
    """Those columns that are among the names, in the order of the names."""
    by_name = {column.strip().lower(): column for column in columns}
    return [by_name[name] for name in names if name in by_name]


def _limit(rows: Rows, steps: Sequence[str]) -> int | None:
    """The planned number of steps where steps are written as "5/20"."""
    value = first(rows[-1][1], steps) if rows else None
    return whole(value.partition("/")[2]) if isinstance(value, str) and "/" in value else None


def _refuse_runs(rows: Rows, columns: Iterable[str], source: Source) -> None:
    for column in columns:
        if column.strip().lower() in _RUNS and len(rows) > 1:
            values = [str(row.get(column)) for _, row in rows]
            if len(set(values)) == len(values):
                raise DataError("reader.one_row_a_run", path=source.path, column=column)


def _guess(named: Mapping[str, str], steps: Sequence[str], epochs: Sequence[str]) -> str:
    pairs = [f"{name} = {column!r}" for column, name in named.items() if name in _SHOWN]
    place = [*steps, *epochs]
    step = f"step = {place[0]!r}" if place else say("reader.rows_counted")
    return say("reader.guess", pairs=", ".join([step, *pairs]))


_SHOWN = ("loss", "eval_loss", "learning_rate", "grad_norm")


def _some(columns: Sequence[str]) -> str:
    shown = ", ".join(column[:40] for column in columns[:12])
    return f"{shown}, ..." if len(columns) > 12 else shown or "-"
