"""``metrics.csv`` of PyTorch Lightning's CSVLogger.

Columns are sorted and sparse: a row has the values of one moment. ``x_step`` are the values of
batches and ``x_epoch`` their mean over an epoch; ``epoch`` is the number of the pass that is under
way, from 0, so a row written at its end stands one pass later.
"""

import numpy as np

from huohou.errors import DataError
from huohou.record.columns import Rows
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import framed, heading
from huohou.record.readers._frame import lives, series_of
from huohou.record.readers._numbers import unknown
from huohou.record.readers._rows import canonical
from huohou.record.readers._source import Source
from huohou.record.record import Record


def read_metrics(source: Source) -> Record:
    """Read a metrics.csv. Raises DataError when it holds no numbers."""
    table = framed(source, steps="step".__eq__)
    ending = np.zeros(len(table), np.bool_)
    for column in table.names:
        if _ends_epoch(column):
            ending[table.column(column)[1]] = True
    step, epoch = table.dense("step"), table.dense("epoch")
    epoch = epoch + ending if ending.any() else epoch
    rows = Rows(step, epoch, unknown(len(table)), lives(step, epoch), table.lines)
    series = series_of(table, _names(table.names), rows)
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns=", ".join(table.names[:12]))
    return Record({"path": str(source.path), "reader": "lightning"}, series)


def _names(columns: list[str]) -> dict[str, str]:
    """Columns to their names in the Record."""
    found: dict[str, str] = {}
    for column in sorted(columns, key=lambda column: column.startswith("test")):
        if column not in ("epoch", "step"):
            name = _name(column, columns)
            found[column] = column if name in found.values() else name
    return found


def _name(column: str, columns: list[str]) -> str:
    """The finer of two columns is the training series, the mean of an epoch the evaluation."""
    if column.startswith("lr-"):
        return "learning_rate"
    base, _, kind = column.rpartition("_")
    if not base or kind not in ("step", "epoch"):
        return canonical(column)
    name = canonical(base)
    coarse = "step" if name.startswith("eval_") else "epoch"
    other = f"{base}_{'epoch' if kind == 'step' else 'step'}"
    return f"{name}_{kind}" if kind == coarse and other in columns else name


def _ends_epoch(column: str) -> bool:
    """Whether its values are written when a pass over the rows is done."""
    if column.endswith("_step"):
        return False
    return column.endswith("_epoch") or canonical(column).startswith("eval_")


def _recognises(source: Source) -> bool:
    columns = heading(source)
    if not {"epoch", "step"} <= set(columns) or columns != sorted(columns):
        return False
    typical = any(name.endswith(("_step", "_epoch")) or name.startswith("lr-") for name in columns)
    return typical or source.path.parent.name.startswith("version_")


readers.register("lightning")(Reader(_recognises, read_metrics, ("metrics.csv",), rank=60))
