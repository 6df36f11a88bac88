"""JSONL of any trainer: one object a line, the columns guessed and the guess stated."""

from itertools import islice

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import json_blocks, json_rows
from huohou.record.readers._source import Source
from huohou.record.readers._table import Table, record_of_table
from huohou.record.record import Record

_LOOKED_AT = 10_000  # lines for the first objects


def read_jsonl(source: Source) -> Record:
    """Read a JSONL log. Raises DataError when it holds no curve."""
    table = Table(source)
    for lines, rows in json_blocks(source):
        table.put_rows(lines, rows)
    if not table:
        raise DataError("reader.no_rows", path=source.path)
    return record_of_table(table, source, "jsonl")


def _recognises(source: Source) -> bool:
    """Two objects on lines of their own, or one in a file that is called so."""
    if not source.is_text:
        return False
    wanted = 1 if source.path.suffix in (".jsonl", ".ndjson") else 2
    return len(list(islice(json_rows(source, _LOOKED_AT), wanted))) == wanted


readers.register("jsonl")(
    Reader(_recognises, read_jsonl, ("logging.jsonl", "metrics.jsonl", "log.jsonl"), rank=80)
)
