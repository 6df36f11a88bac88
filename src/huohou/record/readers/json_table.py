"""A JSON file that is a list of rows, or an object of equally long lists: columns are guessed."""

import re
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import canonical
from huohou.record.readers._source import Source, parsed
from huohou.record.readers._table import Rows, record_of
from huohou.record.record import Record

_BEGINS = re.compile(r"\s*(\{\s*[\"}]|\[\s*\{)")


def read_json(source: Source) -> Record:
    """Read a JSON table. Raises DataError when it is broken or holds no curve."""
    loaded = parsed(source)
    rows = _rows(loaded)
    if not rows:
        raise DataError("reader.no_curve", path=source.path)
    return record_of(rows, source, "json")


def _rows(loaded: Any) -> Rows:
    """Rows of the table, numbered from 1 because JSON has no lines."""
    if isinstance(loaded, list):
        return [(i, row) for i, row in enumerate(loaded, start=1) if isinstance(row, dict)]
    if not isinstance(loaded, dict):
        return []
    columns = {name: values for name, values in loaded.items() if isinstance(values, list)}
    if not any(canonical(name) in ("loss", "eval_loss") for name in columns):
        return []
    length = max(map(len, columns.values()))
    whole = {name: values for name, values in columns.items() if len(values) == length}
    return [(i + 1, {name: whole[name][i] for name in whole}) for i in range(length)]


def _recognises(source: Source) -> bool:
    return source.is_text and _BEGINS.match(source.text) is not None


readers.register("json")(Reader(_recognises, read_json, rank=95))
