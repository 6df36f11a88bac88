"""CSV of Keras's CSVLogger: a row an epoch, numbered from 0 and written at the epoch's end.

Training values are means over the epoch, while the weights moved. With ``append=True`` a second
training goes on in the same file and counts from 0 again.
"""

from huohou.errors import DataError
from huohou.record.columns import Rows
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import framed, heading
from huohou.record.readers._frame import lives, series_of
from huohou.record.readers._numbers import unknown
from huohou.record.readers._rows import canonical, number
from huohou.record.readers._source import Source
from huohou.record.record import Record


def read_history(source: Source) -> Record:
    """Read a CSVLogger's file. Raises DataError when it holds no numbers."""
    table = framed(source)  # "NA" where a value was not measured
    epoch, step = table.dense("epoch"), unknown(len(table))
    epoch = epoch + 1 if "epoch" in table.names else epoch
    rows = Rows(step, epoch, unknown(len(table)), lives(step, epoch), table.lines)
    names = {column: canonical(column) for column in table.names if column != "epoch"}
    series = series_of(table, names, rows)
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns=", ".join(table.names[:12]))
    return Record({"path": str(source.path), "reader": "keras"}, series)


def _recognises(source: Source) -> bool:
    """Epoch first, the other columns sorted with a loss among them, and the first epoch is 0."""
    columns = heading(source)
    if columns[:1] != ["epoch"] or "loss" not in columns or columns[1:] != sorted(columns[1:]):
        return False
    measured = [c.removeprefix("val_") for c in columns if c.startswith("val_")]
    if "step" in columns or not all(name in columns for name in measured):
        return False
    second = source.head.split("\n", 2)[1:2]
    return bool(second) and number(second[0].partition(",")[0]) == 0.0


readers.register("keras")(Reader(_recognises, read_history, ("*.csv",), rank=60))
