"""SQLite databases of trackers: opened to be read only, and never trusted.

Nothing is written beside a database: it is opened as immutable where it lies. Where a writer has
left newest rows in a ``-wal`` file, both are copied to a temporary folder first, since reading them
in place would write there. Only tables are asked for, no views, and no query runs without end.
"""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huohou.errors import DataError
from huohou.record.readers._source import Source

MAGIC = b"SQLite format 3\0"
_TABLES = 1000  # that are looked at
_LONGEST = 20_000_000  # bytes of a value
_LARGEST_COPY = 2_000_000_000  # bytes
_OPERATIONS = 100_000  # of SQLite's machine between two looks at the clock
_SECONDS, _SECONDS_A_MB = 10.0, 1.0  # a query may take


class Database:
    """The tables of an open database, by name, with their columns."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
        ).fetchall()
        self.tables: Mapping[str, list[str]] = {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(name)})")]
            for (name,) in names[:_TABLES]
            if isinstance(name, str) and "\0" not in name
        }

    def rows(
        self, table: str, columns: tuple[str, ...], where: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Rows in the order they were written: rowid, then the columns, None for one that is not
        there. where: values that columns have to have."""
        there = self.tables.get(table, [])
        wanted = ", ".join(_quoted(name) if name in there else "NULL" for name in columns)
        known = {name: value for name, value in (where or {}).items() if name in there}
        only = " AND ".join(f"{_quoted(name)} = ?" for name in known)
        query = f"SELECT rowid, {wanted} FROM {_quoted(table)}"
        query += (f" WHERE {only}" if only else "") + " ORDER BY rowid"
        if there:
            yield from self._connection.execute(query, tuple(known.values()))


@contextmanager
def opened(source: Source) -> Iterator[Database]:
    """The database in a file. Raises DataError when it is none, is broken or takes too long."""
    try:
        with _readable(source.path) as path, closing(_connect(path)) as connection:
            _limit(connection, len(source.data))
            yield Database(source.path, connection)
    except (sqlite3.Error, OSError, OverflowError, UnicodeError) as error:
        # UnicodeError: SQLite's message names a table whose name is damaged
        raise DataError("reader.broken_sqlite", path=source.path, problem=error) from error


def has_tables(source: Source, **wanted: tuple[str, ...]) -> bool:
    """Whether it is a database with these tables and columns."""
    if not source.data.startswith(MAGIC):
        return False
    try:
        with opened(source) as database:
            return all(set(c) <= set(database.tables.get(t, [])) for t, c in wanted.items())
    except DataError:
        return False


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """The database, or a copy of it where its newest rows are in a file of their own."""
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size + (log.stat().st_size if log.is_file() else 0)
    if not log.is_file() or not log.stat().st_size or size > _LARGEST_COPY:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="huohou-") as folder:
        copy = Path(folder, "copy.db")
        shutil.copyfile(log, f"{copy}-wal")
        shutil.copyfile(path, copy)
        with closing(sqlite3.connect(copy)) as connection:  # takes the newest rows in
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield copy


def _connect(path: Path) -> sqlite3.Connection:
    name = quote(str(path.resolve()))
    connection = sqlite3.connect(f"file:{name}?mode=ro&immutable=1", uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _limit(connection: sqlite3.Connection, size: int) -> None:
    """End a query that runs for too long: a crafted database can make one that never ends."""
    until = time.monotonic() + _SECONDS + _SECONDS_A_MB * size / 1e6
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    connection.set_progress_handler(lambda: time.monotonic() > until, _OPERATIONS)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
