"""A JSON file that is a list of rows, or an object of equally long lists: columns are guessed."""

import re

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._entries import Entries
from huohou.record.readers._rows import canonical
from huohou.record.readers._source import Source, parsed
from huohou.record.readers._table import Table, record_of_table
from huohou.record.record import Record

_BEGINS = re.compile(r"\s*(\{\s*[\"}]|\[\s*\{)")
_LIST = re.compile(rb"\s*\[")


def read_json(source: Source) -> Record:
    """Read a JSON table. Raises DataError when it is broken or holds no curve."""
    table = _listed(source) or _loaded(source)
    if not table:
        raise DataError("reader.no_curve", path=source.path)
    return record_of_table(table, source, "json")


def _listed(source: Source) -> Table | None:
    """A list of rows, each with its line; None for what is none, or is broken."""
    raw = source.utf8
    begin = _LIST.match(raw)
    if begin is None:
        return None
    entries, table = Entries(raw, begin.end()), Table(source)
    try:
        for line, row in entries:
            table.add(line, row)
    except ValueError:
        return None
    return None if raw[entries.end :].strip() else table


def _loaded(source: Source) -> Table:
    """A document that is loaded whole: rows numbered from 1, for their lines are not known."""
    loaded, table = parsed(source), Table(source)
    if isinstance(loaded, list):
        for place, row in enumerate(loaded, start=1):
            if isinstance(row, dict):
                table.add(place, row)
    if isinstance(loaded, dict):
        columns = {name: values for name, values in loaded.items() if isinstance(values, list)}
        if any(canonical(name) in ("loss", "eval_loss") for name in columns):
            length = max(map(len, columns.values()))
            table.put_columns({n: cells for n, cells in columns.items() if len(cells) == length})
    return table


def _recognises(source: Source) -> bool:
    return source.is_text and _BEGINS.match(source.head) is not None


readers.register("json")(Reader(_recognises, read_json, rank=95))
