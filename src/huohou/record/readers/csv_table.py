"""CSV of any trainer: the columns are guessed and the guess stated.

Exports of Weights & Biases, where a column is called "RUN - loss" and has RUN - loss__MIN and
__MAX beside it, are read when they hold one run.
"""

import csv
from collections.abc import Iterator

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import EPOCHS, STEPS, canonical
from huohou.record.readers._source import Source
from huohou.record.readers._table import record_of
from huohou.record.record import Record

_DELIMITERS = ",\t;"


def read_csv(source: Source) -> Record:
    """Read a CSV or TSV log. Raises DataError when it holds no curve."""
    table = _table(source)
    _, header = next(table, (0, []))
    columns = _columns(header, source)
    rows = [
        (line, {c: cell for c, cell in zip(columns, cells, strict=False) if c and cell.strip()})
        for line, cells in table
    ]
    rows = [(line, row) for line, row in rows if row]
    if not rows:
        raise DataError("reader.no_rows", path=source.path)
    return record_of(rows, source, "csv")


def _table(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Rows of cells and the line each begins in."""
    head = source.text[:4096].split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    # A NUL ends a field in the csv module of Python 3.11 and is nothing in a log.
    reader = csv.reader(source.text.replace("\0", "").split("\n"), delimiter=delimiter)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        where = f"{source.path}:{reader.line_num}"
        raise DataError("reader.broken_csv", where=where, problem=error) from error


def _columns(header: list[str], source: Source) -> list[str]:
    """Names of the columns; empty for one that is not to be read."""
    exported = [name for name in header if " - " in name]
    runs = {name.split(" - ")[0] for name in exported}
    if len(runs) > 1:
        raise DataError("reader.several_runs", path=source.path, n=len(runs))
    names = [name.rpartition(" - ")[2].strip() for name in header]
    return ["" if name.endswith(("__MIN", "__MAX")) else name for name in names]


def _recognises(source: Source) -> bool:
    """A file that is called so, or one whose first line names a step and a loss."""
    if not source.is_text:
        return False
    if source.path.suffix.lower() in (".csv", ".tsv"):
        return True
    if source.text.lstrip()[:1] in "{[":
        return False
    head = source.text[:4096].split("\n", 1)[0]
    cells = head.split(max(_DELIMITERS, key=head.count))
    names = [cell.strip(' "\r').rpartition(" - ")[2].strip().lower() for cell in cells]
    step = any(name in (*STEPS, *EPOCHS) for name in names)
    return step and any(canonical(name) in ("loss", "eval_loss") for name in names)


readers.register("csv")(
    Reader(_recognises, read_csv, ("metrics.csv", "losses.csv", "log.csv"), rank=90)
)
