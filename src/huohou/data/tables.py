"""Tables of cells: a CSV file with a header, a sheet of an Excel file, a table of SQLite."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from huohou.data.containers import check_file, csv_table
from huohou.data.excel import OLD_EXCEL, SUFFIXES, ZIP, Number, read_sheet
from huohou.errors import DataError, UsageError

Rows = list[tuple[int, dict[str, str]]]


def read_table(source: str) -> tuple[list[str], Rows]:
    """Header and rows of a CSV file, ``file.xlsx:sheet`` or ``file.db:table``, all cells as text.

    A database with one table, or a workbook with one filled sheet, needs no name after the colon.
    Raises DataError for what cannot be read, UsageError for a table that is not there.
    """
    path, table = split_source(source)
    check_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise DataError("data.unreadable", path=path, problem=error.strerror) from error
    if start == b"SQLite format 3\0":
        return _read_sqlite(path, table)
    if start.startswith(OLD_EXCEL):
        raise DataError("data.old_excel", path=path)
    if start.startswith(ZIP) or path.suffix.lower() in SUFFIXES:
        header, lines = read_sheet(path, table)
        return header, [(line, dict(zip(header, row, strict=True))) for line, row in lines]
    if table:
        raise DataError("data.not_sqlite", path=path, table=table)
    return csv_table(path)


def split_source(source: str) -> tuple[Path, str]:
    """The file and, after a colon, the table or sheet in it; empty where none is named."""
    path = Path(source)
    if path.exists() or ":" not in source:
        return path, ""
    head, _, inner = source.rpartition(":")
    return Path(head), inner


def _read_sqlite(path: Path, table: str) -> tuple[list[str], Rows]:
    """A table of an SQLite file, opened read-only; line is the row's number."""
    import sqlite3

    from sqlalchemy import column, create_engine, inspect, select
    from sqlalchemy import table as named
    from sqlalchemy.exc import DBAPIError

    uri = f"file:{quote(str(path.resolve()))}?mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True))
    try:
        inspector = inspect(engine)
        tables = [*inspector.get_table_names(), *inspector.get_view_names()]
        name = _which_table(path, table, tables)
        header = [str(found["name"]) for found in inspector.get_columns(name)]
        query = select(named(name, *[column(one) for one in header]))
        with closing(engine.connect()) as connection:
            cells = [[_cell(v) for v in row] for row in connection.execute(query)]
    except DBAPIError as error:
        raise DataError("data.broken_sqlite", path=path, problem=error.orig) from error
    finally:
        engine.dispose()
    return header, [(i, dict(zip(header, row, strict=True))) for i, row in enumerate(cells, 1)]


def _which_table(path: Path, table: str, tables: Sequence[str]) -> str:
    if table in tables:
        return table
    if not table and len(tables) == 1:
        return tables[0]
    raise UsageError("data.no_table", path=path, table=table or "-", known=", ".join(tables) or "-")


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return Number(value)  # SQLite keeps no leading zeros of a number either
    return "" if value is None else str(value)
