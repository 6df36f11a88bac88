"""Tables of the store, and how its database is opened.

The database is an index of the job folders: a store of another ``SCHEMA`` is rebuilt from them.
"""

import contextlib
import math
import sqlite3
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Double,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from huohou.errors import MissingExtraError, StoreError

SCHEMA = 4
BUSY_SECONDS = 30.0
_WRITES = "huohou_writes"
_ONE_JOB = "huohou_job"
# PostgreSQL's locks of who writes, of this database only: everything, or one job's rows.
_WRITERS = 0x68756F686F75
_JOBS = 0x68756F68


NAN = "NaN"  # what stands for it in SQLite


class _Column(UserDefinedType[Any]):
    """SQLite's REAL as it is: SQLAlchemy's own would turn the word NaN into a number again."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Name of the type in SQL."""
        return "REAL"


class Real(TypeDecorator[float]):
    """A number that may be NaN: SQLite would make it NULL, so it is the word NaN there."""

    impl = Double
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite's own column, Double elsewhere."""
        return dialect.type_descriptor(_Column() if dialect.name == "sqlite" else Double())

    def process_bind_param(self, value: float | None, dialect: Dialect) -> Any:
        """NaN as SQLite keeps it."""
        if value is not None and math.isnan(value) and dialect.name == "sqlite":
            return NAN
        return value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> float | None:
        """The number."""
        return None if value is None else float(value)


metadata = MetaData()

meta = Table("huohou_meta", metadata, Column("schema", Integer, primary_key=True))

training_jobs = Table(
    "training_jobs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, index=True),
    Column("recipe", Text, nullable=False),
    Column("base_model", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("current_epoch", Real),
    Column("epochs", Real),
    Column("progress_percentage", Real, nullable=False),
    Column("train_loss", Real),
    Column("val_loss", Real),
    Column("created_at", Real, nullable=False),
    Column("started_at", Real),
    Column("finished_at", Real),
    Column("heartbeat_at", Real),
    Column("error", Text),
    Column("folder", Text, nullable=False, unique=True),  # relative to the workspace
    Column("step", BigInteger),
    Column("steps", BigInteger),
    # How it waits for its turn (see waiting.py).
    Column("device", String(64), nullable=False),
    Column("priority", Real, nullable=False),
    Column("detached", Boolean, nullable=False),
    Column("slots", Integer, nullable=False),
    Index("training_jobs_in_turn", "status", "priority", "id"),
)

# line: the byte of events.jsonl that the value's line begins at, so that it can be traced.
metrics = Table(
    "metrics",
    metadata,
    Column("job_id", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("seg", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("line", BigInteger, primary_key=True),
    Column("epoch", Real),
    Column("t", Real),
    Column("value", Double),  # NULL where flag says NaN, Infinity or -Infinity
    Column("flag", String(9)),
    sqlite_with_rowid=False,
)

# The pyramid: level k has one row for 8**k steps of a series (see series.py). The level stands
# before the name in the key: what a job has in all is read from its few top rows.
metric_levels = Table(
    "metric_levels",
    metadata,
    Column("job_id", Integer, primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("seg", BigInteger, primary_key=True),
    Column("bucket", BigInteger, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("nans", Integer, nullable=False),
    Column("finite", Integer, nullable=False),
    Column("min", Double),  # NULL where every value is NaN
    Column("max", Double),
    Column("sum", Double, nullable=False),  # of the finite values
    Column("last", Real, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Everything that is no number of a series: from `file` (events.jsonl, job.jsonl), at byte `line`.
events = Table(
    "events",
    metadata,
    Column("job_id", Integer, primary_key=True),
    Column("file", String(16), primary_key=True),
    Column("line", BigInteger, primary_key=True),
    Column("t", Real),
    Column("seg", BigInteger),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("job_id", Integer, primary_key=True),
    Column("file", String(16), primary_key=True),
    Column("line", BigInteger, primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("t", Real),
    Column("code", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("body", Text, nullable=False),
)

# How far each file of a folder has been taken in.
ingested = Table(
    "ingested",
    metadata,
    Column("job_id", Integer, primary_key=True),
    Column("file", String(16), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
)

# What is no index of the folders, and is kept when the rest is rebuilt (see leases.py).
team = MetaData()

leases = Table(
    "leases",
    team,
    Column("job_id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("until", Double, nullable=False),  # unix seconds by the database's clock
)

workers = Table(
    "workers",
    team,
    Column("name", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("until", Double, nullable=False),
)


def open_engine(url: str) -> Engine:
    """Engine of a store: SQLite (WAL) or PostgreSQL. Write transactions wait for each other.

    Each transaction has a connection of its own, so that a database that was deleted, moved or
    started again under a living process is noticed. Raises StoreError for an address that is
    none, MissingExtraError when the database's driver is not installed.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            return _open_sqlite(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        engine = create_engine(address, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError("store.bad_address", variable="HUOHOU_DB", problem=error) from error
    except ModuleNotFoundError as error:
        raise MissingExtraError("api.missing_extra", extra="scale", missing=error.name) from error
    if engine.dialect.name != "postgresql":
        raise StoreError("store.bad_address", variable="HUOHOU_DB", problem=engine.dialect.name)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _open_sqlite(url: str) -> Engine:
    in_memory = url in ("sqlite://", "sqlite:///:memory:")
    engine = create_engine(
        url,
        poolclass=StaticPool if in_memory else NullPool,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def writing(connection: Connection) -> Connection:
    """Mark a connection as a writer's before its transaction begins."""
    return connection.execution_options(**{_WRITES: True})


def reading(connection: Connection) -> Connection:
    """Mark a connection as a reader's before its transaction begins: all its queries see the
    database of one moment, as they do in SQLite anyway."""
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def taking_in(connection: Connection, job: int) -> Connection:
    """Mark a connection as one that writes one job's rows: those of other jobs need not wait."""
    return writing(connection).execution_options(**{_ONE_JOB: job})


def claiming(connection: Connection) -> Connection:
    """Mark a connection as one that writes single rows of its own: PostgreSQL locks those rows
    alone, SQLite has one writer anyway."""
    return writing(connection) if connection.dialect.name == "sqlite" else connection


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where _begin says
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        # Another process may be switching at this moment; both ways work.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    # A reader's transaction that turns into a writer's fails at once when another one wrote in
    # between; taking the write lock first waits for it instead.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    # Two that make the tables, or count a job's points, at the same moment would fail.
    options = connection.get_execution_options()
    if options.get(_WRITES) and options.get(_ONE_JOB):
        job = f"pg_advisory_xact_lock({_JOBS}, {options[_ONE_JOB]:d})"
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_WRITERS}), {job}")
    elif options.get(_WRITES):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
