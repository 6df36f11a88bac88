"""Many rows in one statement of the database's own, past what SQLAlchemy does with each value.

On PostgreSQL a column is an array and the rows are unnested: one round trip, whatever the number of
rows; numbers travel as the text of an array, which is the quickest to make here and to read there.
On SQLite the driver takes the rows as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Table

from huohou.record.schema import NAN, Real


@lru_cache(maxsize=100)
def _statement(table: Table, then: str, *, arrays: bool) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    if arrays:
        types = ", ".join(f"%s::{_kind(column)[0]}[]" for column in table.columns)
        rows = f"SELECT * FROM unnest({types})"
    else:
        rows = f"VALUES ({', '.join('?' for _ in table.columns)})"
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
    """Insert rows with all columns of a table; then: what to do ON CONFLICT, in words that both
    databases know, in which the row that is there is ``o``."""
    arrays = connection.dialect.name == "postgresql"
    values = [(column, [row[column.name] for row in rows]) for column in table.columns]
    how = _statement(table, then, arrays=arrays)
    if arrays:
        connection.exec_driver_sql(how, tuple(_array(*one) for one in values))
    else:
        connection.exec_driver_sql(how, list(zip(*(_kept(*one) for one in values), strict=True)))


def _array(column: Any, values: Sequence[Any]) -> Any:
    write = _kind(column)[1]
    if write is None:
        return values
    inside = ",".join(["NULL" if value is None else write(value) for value in values])
    return "{" + inside + "}"


def _kept(column: Any, values: Sequence[Any]) -> Sequence[Any]:
    """Values as SQLite keeps them: see ``Real``."""
    if not isinstance(column.type, Real):
        return values
    return [NAN if value != value else value for value in values]  # noqa: PLR0124 - only NaN is
