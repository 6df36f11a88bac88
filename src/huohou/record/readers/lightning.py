"""``metrics.csv`` of PyTorch Lightning's CSVLogger.

Columns are sorted and sparse: a row has the values of one moment. ``x_step`` are the values of
batches and ``x_epoch`` their mean over an epoch; ``epoch`` is the number of the pass that is under
way, from 0, so a row written at its end stands one pass later.
"""

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import heading, rows
from huohou.record.readers._rows import Collector, canonical, number, whole
from huohou.record.readers._source import Source
from huohou.record.record import Record


def read_metrics(source: Source) -> Record:
    """Read a metrics.csv. Raises DataError when it holds no numbers."""
    columns = heading(source)
    names = _names(columns)
    ending = {at for at, column in enumerate(columns) if _ends_epoch(column, columns)}
    place = {column: at for at, column in enumerate(columns)}
    collector = Collector()
    for line, cells in rows(source):
        numbers = {at: v for at in range(len(cells)) if (v := number(cells[at])) is not None}
        values = {names[at]: value for at, value in numbers.items() if at in names}
        epoch = numbers.get(place.get("epoch", -1))
        if epoch is not None and ending & numbers.keys():
            epoch += 1
        collector.add(
            values, step=whole(numbers.get(place.get("step", -1))), epoch=epoch, line=line
        )
    series = collector.series()
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns=", ".join(columns[:12]))
    return Record({"path": str(source.path), "reader": "lightning"}, series)


def _names(columns: list[str]) -> dict[int, str]:
    """Number of a column to its name in the Record."""
    found: dict[int, str] = {}
    for at in sorted(range(len(columns)), key=lambda at: columns[at].startswith("test")):
        if columns[at] not in ("", "epoch", "step"):
            name = _name(columns[at], columns)
            found[at] = columns[at] if name in found.values() else name
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


def _ends_epoch(column: str, columns: list[str]) -> bool:
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
