"""CSV exports of Weights & Biases.

A panel's export has a column ``RUN - metric`` for every run, with ``__MIN`` and ``__MAX`` beside
it: the run with most points is read, the others are named. A history export has ``_step``,
``_runtime`` and ``_timestamp`` beside the metrics, the columns in any order. Both may be samples
of what was logged.
"""

from collections import Counter
from collections.abc import Iterator

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import columns_of, heading, rows
from huohou.record.readers._source import Source
from huohou.record.readers._table import Table, record_of_table
from huohou.record.record import Record
from huohou.text import say

_BETWEEN = " - "
_BOUNDS = ("__MIN", "__MAX")
_HISTORY = {"_step", "_runtime", "_timestamp"}
_SHOWN = 8


def read_export(source: Source) -> Record:
    """Read an export. Raises DataError when it holds no curve."""
    columns = columns_of(source)
    points = _points(source, columns)
    if any(_BETWEEN in name for name in columns) and not points:
        raise DataError("reader.no_rows", path=source.path)
    run = max(points, key=lambda name: points[name], default="")
    wanted = dict(_of_run(columns, run))
    names = tuple(wanted.get(at, "") for at in range(len(columns)))
    table = Table(source)
    for line, cells in rows(source, len(names)):
        table.put(line, names[: len(cells)], cells[: len(names)])
    record = record_of_table(table, source, "wandb-csv")
    known = {**record.source, "run": run} if run else record.source
    others = [name for name in points if name != run]
    notes = (*record.notes, _named(run, others)) if others else record.notes
    return Record(known, record.series, record.facts, notes)


def _points(source: Source, columns: list[str]) -> Counter[str]:
    """Run to how many values the export has of it, in the order of the columns."""
    runs = ["" if name.endswith(_BOUNDS) else name.rpartition(_BETWEEN)[0] for name in columns]
    found: Counter[str] = Counter()
    for _, cells in rows(source, len(runs)):
        found.update(run for run, cell in zip(runs, cells, strict=False) if run and cell.strip())
    return found


def _of_run(columns: list[str], run: str) -> Iterator[tuple[int, str]]:
    """Columns of one run and of all runs, by the name of the metric."""
    for at, name in enumerate(columns):
        owner, _, metric = name.rpartition(_BETWEEN)
        if owner in ("", run) and not name.endswith(_BOUNDS):
            yield at, metric.strip()


def _named(run: str, others: list[str]) -> str:
    names = ", ".join(name[:60] for name in others[:_SHOWN])
    more = f", ... ({len(others)})" if len(others) > _SHOWN else ""
    return say("reader.other_runs", run=run[:60], others=names + more)


def _recognises(source: Source) -> bool:
    columns = heading(source)
    if "_step" in columns and len(_HISTORY & set(columns)) > 1:
        return True
    exported = [name for name in columns if _BETWEEN in name]
    return bool(exported) and (
        any(name.endswith(_BOUNDS) for name in exported) or columns[0] in ("Step", "Wall Time")
    )


readers.register("wandb-csv")(Reader(_recognises, read_export, ("*.csv",), rank=60))
