"""A table of any trainer to a Record: which column is what is guessed, and the guess stated."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from huohou.errors import DataError
from huohou.record.columns import Marks, Places, Rows
from huohou.record.readers._frame import Convert, Frame, lives, series_of
from huohou.record.readers._numbers import unknown
from huohou.record.readers._rows import (
    EPOCHS,
    STEPS,
    TIMES,
    canonical,
    most_names,
    number,
    preference,
)
from huohou.record.readers._source import Source
from huohou.record.record import Record
from huohou.text import say

# A table with one of these columns, different in each row, has a row a run: no curve.
_RUNS = ("run", "run_name", "run_id", "name", "experiment", "trial", "seed")
_NO_SERIES = frozenset({*STEPS, *EPOCHS, *TIMES})
# Rows with one of these sum a run up.
_SUMMARY = ("train_runtime", "train_samples_per_second")

_MANY = 10_000  # rows that differ, after which nobody waits for two that are alike


class _Distinct:
    """Makes numbers of a column's cells and remembers whether they differ in each row."""

    def __init__(self) -> None:
        self._seen: set[str] | None = set()
        self.rows = 0

    def __call__(self, cell: Any) -> float | None:
        if cell is not None and cell != "" and self._seen is not None and self.rows < _MANY:
            self.rows += 1
            self._seen.add(str(cell))
            if len(self._seen) < self.rows:
                self._seen = None
        return number(cell)

    def each_its_own(self, rows: int) -> bool:
        """Whether no two of so many rows have the same."""
        return self._seen is not None and rows > 1 and self.rows >= min(rows - 1, _MANY)


class Table(Frame):
    """A table whose columns are guessed."""

    def __init__(self, source: Source) -> None:
        super().__init__(_holds_steps, most=most_names(source))
        self.runs: dict[str, _Distinct] = {}

    def _special(self, name: str) -> Convert | None:
        return self.runs.setdefault(name, _Distinct()) if _lower(name) in _RUNS else None


def _lower(name: str) -> str:
    return name[:100].strip().lower()


def _holds_steps(name: str) -> bool:
    return _lower(name) in STEPS


def record_of(rows: Iterable[tuple[int, Mapping[str, Any]]], source: Source, reader: str) -> Record:
    """Rows with their line numbers as a Record. Raises DataError when they hold no curve."""
    table = Table(source)
    table.extend(rows)
    return record_of_table(table, source, reader)


def record_of_table(table: Table, source: Source, reader: str) -> Record:
    """The same of a table that is put together already."""
    columns = table.names
    named = _named(table)
    for column in table.runs:
        if table.runs[column].each_its_own(len(table)):
            raise DataError("reader.one_row_a_run", path=source.path, column=column)
    steps, epochs = _present(columns, STEPS)[:1], _present(columns, EPOCHS)
    if not named or (not steps and not epochs and not {"loss", "eval_loss"} & set(named.values())):
        raise DataError("reader.no_columns", path=source.path, columns=_some(columns))
    notes = _put_in_order(table, steps)
    points, summary = _points(table, named)
    rows = _rows(table, points, steps, epochs)
    series = series_of(table, named, rows, points)
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns=_some(columns))
    facts: dict[str, Any] = {"summary": summary, "finished": True} if summary else {}
    if not steps:
        facts["rows_counted"] = not epochs
    if table.limit:
        facts["max_steps"] = table.limit
    notes = (_guess(named, steps, epochs), *_lossless(named, series), *notes)
    return Record({"path": str(source.path), "reader": reader}, series, facts, notes)


def _points(table: Table, named: Mapping[str, str]) -> tuple[Marks, dict[str, float]]:
    """Which rows are points of a curve, and the numbers of those that sum the run up."""
    points = np.ones(len(table), np.bool_)
    for column in table.names:
        if column in _SUMMARY:
            points[table.column(column)[1]] = False
    summary = {}
    for column, name in named.items() if not points.all() else ():
        values, at = table.column(column)
        if len(summed := values[~points[at]]):
            summary[name] = float(summed[-1])
    return points, summary


def _rows(table: Table, points: Marks, steps: Sequence[str], epochs: Sequence[str]) -> Rows:
    """Where each row stands. Without step and epoch the rows are counted."""
    n = len(table)
    step: Places = table.dense(*steps) if steps else unknown(n)
    if not steps and not epochs:
        step = table.counted
    times = _present(table.names, TIMES)
    epoch = table.dense(*epochs) if epochs else unknown(n)
    if points.all():
        seg = lives(step, epoch)
    else:
        seg = np.zeros(n, np.int32)
        seg[points] = lives(step[points], epoch[points])
    return Rows(step, epoch, table.dense(*times) if times else unknown(n), seg, table.lines)


def _put_in_order(table: Table, steps: Sequence[str]) -> tuple[str, ...]:
    """Rows that jump about all the time are sorted by step; a few jumps back are restarts."""
    if not steps:
        return ()
    at = table.dense(*steps)
    missing = np.isnan(at)
    known = at[~missing] if missing.any() else at
    back = int((known[1:] < known[:-1]).sum())
    if back <= max(3, len(known) // 10):
        return ()
    del known
    at = np.nan_to_num(at) if missing.any() else at
    order = np.argsort(at, kind="stable").astype(np.int32)
    del at, missing  # memory: the columns are put in order one after the other
    table.reorder(order)
    return (say("reader.sorted", n=back),)


def _named(table: Table) -> dict[str, str]:
    """Columns with numbers to names in the Record; the best fitting column gets the name."""
    taken: dict[str, str] = {}
    names: set[str] = set()
    for column in sorted(table.names, key=preference):
        if column.lower() in _NO_SERIES or not len(table.column(column)[0]):
            continue
        name = canonical(column)
        taken[column] = column if name in names else name
        names.add(taken[column])
    return taken


def _present(columns: Iterable[str], names: Sequence[str]) -> list[str]:
    """Those columns that are among the names, in the order of the names."""
    by_name = {_lower(column): column for column in columns}
    return [by_name[name] for name in names if name in by_name]


def _guess(named: Mapping[str, str], steps: Sequence[str], epochs: Sequence[str]) -> str:
    pairs = [f"{name} = {column!r}" for column, name in named.items() if name in _SHOWN]
    place = [*steps, *epochs]
    step = f"step = {place[0]!r}" if place else say("reader.rows_counted")
    return say("reader.guess", pairs=", ".join([step, *pairs]))


def _lossless(named: Mapping[str, str], series: Iterable[str]) -> Iterator[str]:
    """Where no column was taken for a loss: which others there are, to be renamed."""
    if any(name == "loss" or _EVAL_LOSS.fullmatch(name) for name in series):
        return
    others = [column for column, name in named.items() if name not in _SHOWN]
    if others:
        yield say("reader.no_loss_column", columns=_some(others))


_EVAL_LOSS = re.compile(r"eval_(?:.*_)?loss")
_SHOWN = ("loss", "eval_loss", "learning_rate", "grad_norm")


def _some(columns: Sequence[str]) -> str:
    shown = ", ".join(column[:40] for column in columns[:12])
    return f"{shown}, ..." if len(columns) > 12 else shown or "-"
