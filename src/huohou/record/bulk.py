"""Many rows in one statement, on PostgreSQL: a column is an array, and the rows are unnested.

One round trip, whatever the number of rows; numbers travel as the text of an array, which is the
quickest to make here and to read there.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Table

from huohou.record.schema import Real


@lru_cache(maxsize=100)
def _statement(table: Table, then: str) -> str:
    names = [column.name for column in table.columns]
    arrays = ", ".join(f"%s::{_kind(column)[0]}[]" for column in table.columns)
    columns = ", ".join(f'"{name}"' for name in names)
    rows = f"SELECT * FROM unnest({arrays})"
    return f"INSERT INTO {table.name} AS o ({columns}) {rows} ON CONFLICT {then}"


def _kind(column: Any) -> tuple[str, Callable[[Any], str] | None]:
    """Type of a column in SQL, and how a number of it is written; None: as psycopg does."""
    if isinstance(column.type, BigInteger):
        return "bigint", str
    if isinstance(column.type, Integer):
        return "integer", str
    if isinstance(column.type, Real) or column.type.__visit_name__ == "double":
        return "float8", repr  # nan and inf are read, too
    return "text", None


def insert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], then: str
) -> None:
    """Insert rows with all columns of a table; then: what to do ON CONFLICT."""
    arrays = []
    for column in table.columns:
        name, write = column.name, _kind(column)[1]
        values = [row[name] for row in rows]
        arrays.append(values if write is None else _array(values, write))
    connection.exec_driver_sql(_statement(table, then), tuple(arrays))


def _array(values: Sequence[Any], write: Callable[[Any], str]) -> str:
    inside = ",".join(["NULL" if value is None else write(value) for value in values])
    return "{" + inside + "}"
