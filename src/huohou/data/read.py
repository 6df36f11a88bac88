"""Any supported file into the normal form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huohou.data.containers import Record, read_records
from huohou.data.dataset import Dataset, Message, Row, place
from huohou.data.formats import Format, formats
from huohou.data.normal import shorten
from huohou.errors import DataError


def read_dataset(
    path: str | Path,
    format: str | None = None,
    system: str | None = None,
    *,
    require_answers: bool = True,
) -> Dataset:
    """Rows of a JSONL, JSON, CSV or Parquet file in the normal form.

    format: a registered name, found out from the columns when None (``Dataset.format`` says
    which). system: put before rows that bring no system prompt. require_answers: every row must
    end with a turn of the assistant's (an empty one is a finding of the checks, not an error).
    Raises DataError with path and line; MissingExtraError for Parquet without pyarrow.
    """
    source = Path(path)
    records = read_records(source)
    if not records:
        raise DataError("data.empty", path=path)
    name = format or _guess(source, records[0])
    chosen = formats.get(name)
    rows = []
    for number, columns in records:
        where = place(source, number)
        if not chosen.fits(columns):
            raise _misfit(where, columns, name)
        rows.append(_row(number, columns, chosen, system, where))
        if require_answers and rows[-1].messages[-1].role != "assistant":
            raise DataError("data.no_answer", where=where, question=shorten(rows[-1].question))
    return Dataset(str(path), name, tuple(rows))


def _row(
    number: int, columns: Mapping[str, Any], chosen: Format, system: str | None, where: str
) -> Row:
    messages = chosen.read(columns, where)
    if system and messages[0].role != "system":
        messages = (Message("system", system), *messages)
    meta = {key: value for key, value in columns.items() if key not in chosen.uses}
    own = meta.pop("meta", None)  # what ``Row.as_dict`` writes
    if isinstance(own, Mapping):
        meta.update(own)
    elif own is not None:
        meta["meta"] = own
    return Row(messages, number, meta)


def _guess(source: Path, first: Record) -> str:
    number, columns = first
    fitting = _fitting(columns)
    if len(fitting) == 1:
        return fitting[0]
    where = place(source, number)
    if fitting:
        raise DataError("data.ambiguous_format", where=where, formats=", ".join(fitting))
    raise DataError(
        "data.unknown_format",
        where=where,
        columns=", ".join(columns) or "-",
        known=", ".join(name for name, _ in formats),
        source=source,
    )


def _fitting(columns: Mapping[str, Any]) -> list[str]:
    return [name for name, format_ in formats if format_.fits(columns)]


def _misfit(where: str, columns: Mapping[str, Any], name: str) -> DataError:
    other = _fitting(columns)
    if other:
        return DataError("data.mixed_formats", where=where, format=name, other=other[0])
    example = formats.get(name).example
    found = ", ".join(columns) or "-"
    return DataError("data.misfit", where=where, format=name, columns=found, example=example)
