"""CSV of any trainer: the columns are guessed and the guess stated.

Exports of Weights & Biases, where a column is called "RUN - loss" and has RUN - loss__MIN and
__MAX beside it, are read when they hold one run.
"""

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import columns_of, fill
from huohou.record.readers._rows import EPOCHS, STEPS, canonical
from huohou.record.readers._source import Source
from huohou.record.readers._table import Table, record_of_table
from huohou.record.record import Record

_DELIMITERS = ",\t;"


def read_csv(source: Source) -> Record:
    """Read a CSV or TSV log. Raises DataError when it holds no curve."""
    delimiter = _delimiter(source)
    names = _names(columns_of(source, delimiter), source)
    table = Table(source)
    fill(table, names, source, delimiter)
    if not table:
        raise DataError("reader.no_rows", path=source.path)
    return record_of_table(table, source, "csv")


def _delimiter(source: Source) -> str:
    head = source.head[:4096].partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def _names(header: list[str], source: Source) -> tuple[str, ...]:
    """Names of the columns, none for one that is not to be read; of two alike the last counts."""
    exported = [name for name in header if " - " in name]
    runs = {name.split(" - ")[0] for name in exported}
    if len(runs) > 1:
        raise DataError("reader.several_runs", path=source.path, n=len(runs))
    names = [name.rpartition(" - ")[2].strip() for name in header]
    last = {name: at for at, name in enumerate(names) if not name.endswith(("__MIN", "__MAX"))}
    return tuple(name if last.get(name) == at else "" for at, name in enumerate(names))


def _recognises(source: Source) -> bool:
    """A file that is called so, or one whose first line names a step and a loss."""
    if not source.is_text:
        return False
    if source.path.suffix.lower() in (".csv", ".tsv"):
        return True
    if source.head.lstrip()[:1] in "{[":
        return False
    head = source.head[:4096].split("\n", 1)[0]
    cells = head.split(max(_DELIMITERS, key=head.count))
    names = [cell.strip(' "\r').rpartition(" - ")[2].strip().lower() for cell in cells]
    step = any(name in (*STEPS, *EPOCHS) for name in names)
    return step and any(canonical(name) in ("loss", "eval_loss") for name in names)


readers.register("csv")(
    Reader(_recognises, read_csv, ("metrics.csv", "losses.csv", "log.csv"), rank=90)
)
