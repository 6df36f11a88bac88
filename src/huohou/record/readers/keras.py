"""CSV of Keras's CSVLogger: a row an epoch, numbered from 0 and written at the epoch's end.

Training values are means over the epoch, while the weights moved. With ``append=True`` a second
training goes on in the same file and counts from 0 again.
"""

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import heading, rows
from huohou.record.readers._rows import Collector, canonical, number
from huohou.record.readers._source import Source
from huohou.record.record import Record


def read_history(source: Source) -> Record:
    """Read a CSVLogger's file. Raises DataError when it holds no numbers."""
    columns = heading(source)
    names = [canonical(column) for column in columns]
    collector = Collector()
    for line, cells in rows(source):
        epoch = number(cells[0])
        values = {
            name: value
            for name, cell in zip(names[1:], cells[1:], strict=False)
            if name and (value := number(cell)) is not None  # "NA" where a value was not measured
        }
        collector.add(values, step=None, epoch=None if epoch is None else epoch + 1, line=line)
    series = collector.series()
    if not series:
        raise DataError("reader.no_numbers", path=source.path, columns=", ".join(columns[:12]))
    return Record({"path": str(source.path), "reader": "keras"}, series)


def _recognises(source: Source) -> bool:
    """Epoch first, the other columns sorted with a loss among them, and the first epoch is 0."""
    columns = heading(source)
    if columns[:1] != ["epoch"] or "loss" not in columns or columns[1:] != sorted(columns[1:]):
        return False
    measured = [c.removeprefix("val_") for c in columns if c.startswith("val_")]
    if "step" in columns or not all(name in columns for name in measured):
        return False
    second = source.text.split("\n", 2)[1:2]
    return bool(second) and number(second[0].partition(",")[0]) == 0.0


readers.register("keras")(Reader(_recognises, read_history, ("*.csv",), rank=60))
