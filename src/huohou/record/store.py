"""The store: the database of a workspace, an index of its job folders.

SQLite (WAL) in ``$HUOHOU_HOME/huohou.db``, or any URL in ``$HUOHOU_DB``. What it says can be built
again from the folders at any time, so an unreadable, missing, older or newer database is.
"""

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from huohou.errors import StoreError
from huohou.record import clock, ingest, listing, series
from huohou.record.clock import Knot
from huohou.record.events import Event, revived
from huohou.record.listing import Taken
from huohou.record.rebuilding import Rebuilt, rebuild, schema_of
from huohou.record.recorder import State
from huohou.record.schema import (
    SCHEMA,
    claiming,
    events,
    findings,
    ingested,
    meta,
    metadata,
    open_engine,
    reading,
    taking_in,
    training_jobs,
    writing,
)
from huohou.record.series import Series
from huohou.record.workspace import highest_number, home, job_folders, slug

DATABASE = "huohou.db"
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``training_jobs``. Times are unix seconds; folder is relative to the workspace.

    status: queued, starting, running, stopping, completed, stopped, failed or lost;
    step of steps: optimizer updates; error: why it failed, its first line in short.
    """

    id: int
    name: str
    recipe: str
    base_model: str
    status: State
    current_epoch: float | None
    epochs: float | None
    progress_percentage: float
    train_loss: float | None
    val_loss: float | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    heartbeat_at: float | None
    error: str | None
    folder: str
    step: int | None
    steps: int | None

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {name: getattr(self, name) for name in _COLUMNS}


@dataclass(frozen=True, slots=True)
class Chart:
    """Series of a job at one moment. totals: points of each whole series, of every series it has;
    taken: bytes of each of the job's files that are in it."""

    series: Mapping[str, Series]
    totals: Mapping[str, int]
    taken: Mapping[str, int]


class Store:
    """The database of one workspace. Making one touches nothing; each call is one transaction.

    Every method raises StoreError when the database cannot be used.
    """

    def __init__(self, workspace: Path | None = None, url: str | None = None) -> None:
        self.workspace = home() if workspace is None else workspace
        self._file: Path | None = None
        self.url = url or os.environ.get("HUOHOU_DB") or ""
        if not self.url:
            self._file = self.workspace / DATABASE
            self.url = f"sqlite:///{self._file}"
        self._engine: Engine = open_engine(self.url)
        self._is_made = False
        # Whether several machines may be at work on it: a file is one machine's.
        self.is_shared = self._engine.dialect.name != "sqlite"

    def jobs(self, numbers: Collection[int] | None = None) -> list[Job]:
        """All jobs, or those of these numbers, the newest first."""
        if self._is_bare():
            return []
        query = select(training_jobs).order_by(training_jobs.c.id.desc())
        if numbers is not None:
            query = query.where(training_jobs.c.id.in_(numbers))
        with self._read() as connection:
            return [_job(row._mapping) for row in connection.execute(query)]

    def job(self, number: int) -> Job | None:
        """The job of that number."""
        if self._is_bare():
            return None
        with self._read() as connection:
            query = select(training_jobs).where(training_jobs.c.id == number)
            row = connection.execute(query).first()
            return _job(row._mapping) if row else None

    def listed(
        self,
        status: Collection[str] = (),
        text: str = "",
        *,
        limit: int | None = None,
        before: int | None = None,
    ) -> tuple[int, list[Job]]:
        """Jobs in these states whose name, recipe or model has that text in it, the newest first;
        and how many there are in all.

        limit: at most so many; before: only those with a lower number, so that one page follows
        another also when jobs come and go.
        """
        if self._is_bare():
            return 0, []
        with self._read() as connection:
            total, rows = listing.listed(connection, status, text, limit, before)
            return total, [_job(row) for row in rows]

    def taken_of_all(self) -> Taken:
        """Of each job's folder: its state, and bytes of its files that have been taken in."""
        if self._is_bare():
            return {}
        with self._read() as connection:
            return listing.taken(connection)

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state that any is in."""
        if self._is_bare():
            return {}
        with self._read() as connection:
            return listing.counts(connection)

    def findings_of(self, numbers: Collection[int] | None = None) -> dict[int, dict[str, str]]:
        """Codes of findings by job, each with its latest severity; all jobs by default."""
        if self._is_bare():
            return {}
        with self._read() as connection:
            return listing.findings_of(connection, numbers)

    def stamp(self) -> tuple[Any, ...] | None:
        """Changes whenever the database does; None where that cannot be seen from outside.

        It costs no query: who answers the same question often asks this first.
        """
        if self._file is None:
            return None
        return tuple(map(_look, (self._file, self._file.with_name(f"{self._file.name}-wal"))))

    def names(self, job: int) -> list[str]:
        """Names of the series a job has."""
        with self._read() as connection:
            return series.names(connection, job)

    def series(
        self, job: int, name: str, points: int = 1000, lo: int | None = None, hi: int | None = None
    ) -> Series:
        """A series from step lo to step hi, in at most about `points` buckets a segment."""
        with self._read() as connection:
            return series.read(connection, job, name, points=points, lo=lo, hi=hi)

    def chart(
        self,
        job: int,
        names: Collection[str] | None = None,
        points: int = 1000,
        lo: int | None = None,
        hi: int | None = None,
    ) -> Chart:
        """Several series as ``series`` reads one, all of them by default, of the same moment."""
        how: dict[str, Any] = {"points": points, "lo": lo, "hi": hi}
        with self._read() as connection:
            tops = series.tops(connection, job)
            wanted = tops if names is None else dict.fromkeys(names)
            found = {
                name: series.read(connection, job, name, segs=tops.get(name, ()), **how)
                for name in wanted
            }
            totals = {name: sum(segs.values()) for name, segs in tops.items()}
            return Chart(found, totals, _taken(connection, job))

    def clock(self, job: int, points: int = 1000) -> list[Knot]:
        """When each step was done: about so many knots, by process life."""
        with self._read() as connection:
            return clock.knots(connection, job, points)

    def taken(self, job: int) -> Mapping[str, int]:
        """Bytes of each of a job's files that have been taken in."""
        with self._read() as connection:
            return _taken(connection, job)

    def events(
        self,
        job: int,
        kinds: Collection[str] = (),
        file: str | None = None,
        most: int | None = None,
    ) -> list[Event]:
        """Events that are no numbers (log, checkpoint, state, ...), the oldest first.

        file: of that file alone; most: only the last so many.
        """
        c = events.c
        query = select(events).where(c.job_id == job)
        if kinds:
            query = query.where(c.kind.in_(kinds))
        if file is not None:
            query = query.where(c.file == file)
        if most is not None:
            query = query.order_by(c.t.desc(), c.file.desc(), c.line.desc()).limit(most)
        with self._read() as connection:
            if most is None:
                rows = connection.execute(query.order_by(c.t, c.file, c.line)).all()
            else:
                rows = connection.execute(query).all()[::-1]
            return [_event(row._mapping) for row in rows]

    def findings(self, job: int) -> list[dict[str, Any]]:
        """Findings of a job, of each code the latest."""
        c = findings.c
        query = select(c.code, c.body).where(c.job_id == job).order_by(c.t, c.line, c.nth)
        with self._read() as connection:
            latest = {code: json.loads(body) for code, body in connection.execute(query)}
            return list(latest.values())

    def create(self, name: str, fill: Callable[[int, Path], None]) -> Path:
        """A new job: its number and its folder, which no other process gets.

        fill(number, folder): writes the journal (and more) into the new, empty folder. When it
        fails, neither the row nor the folder stays.
        """
        if self.workspace.exists() and not self.workspace.is_dir():
            raise StoreError("store.not_folder", path=self.workspace)
        self.workspace.mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            try:
                return self._create(name, fill)
            except (FileExistsError, IntegrityError):
                continue  # another process took the number in this moment
        raise StoreError("store.no_number", path=self.workspace)

    def _create(self, name: str, fill: Callable[[int, Path], None]) -> Path:
        with self._write() as connection:
            query = select(training_jobs.c.id).order_by(training_jobs.c.id.desc()).limit(1)
            taken = connection.execute(query).scalar() or 0
            number = max(taken, highest_number(self.workspace)) + 1
            folder = self.workspace / f"{number}-{slug(name)}"
            folder.mkdir()
            with ExitStack() as half:
                half.callback(_remove_new, folder)
                fill(number, folder)
                ingest.take_in(connection, folder)
                half.pop_all()
        return folder

    def take_in(self, folder: Path) -> int | None:
        """Take in what is new in a job's folder; the job's number."""
        job = ingest.job_of(folder)
        if job is None:
            return None
        with self._connect(lambda plain: taking_in(plain, job)) as connection:
            if self._schema_of(connection) == SCHEMA:
                return ingest.take_in(connection, folder)
        with self._write() as connection:
            return ingest.take_in(connection, folder)

    def drop(self, number: int, take_away: Callable[[], object]) -> None:
        """Forget a job. take_away: moves its folder; when it fails, the job stays."""
        with self._write() as connection:
            for table in metadata.tables.values():
                key = training_jobs.c.id if table is training_jobs else table.c.get("job_id")
                if key is not None:
                    connection.execute(delete(table).where(key == number))
            take_away()

    def rebuild(self) -> Rebuilt:
        """Build the database anew from the folders; one that is unreadable is moved aside."""
        if not self.workspace.is_dir():
            raise StoreError("store.no_workspace", path=self.workspace)
        try:
            with self._connect(writing) as connection:
                return rebuild(connection, self.workspace)
        except StoreError:
            if self._file is None or not self._file.exists():
                raise
            self._move_aside(self._file)
        with self._connect(writing) as connection:
            return rebuild(connection, self.workspace)

    def _move_aside(self, file: Path) -> None:
        # It may hold what somebody wants to look at: kept, under a name that is free.
        for n in range(1, 1000):
            aside = file.with_name(f"{file.name}.unreadable-{n}")
            if not aside.exists():
                file.rename(aside)
                break
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """For who writes often: SQLite tidies up when the last connection closes; one stays."""
        if self._file is None:
            yield
            return
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            connection.commit()
            yield

    # Transactions

    def _is_bare(self) -> bool:
        """Nothing to read, so nothing is written: a look does not leave a database behind."""
        if self._file is None or self._file.exists():
            return False
        return next(job_folders(self.workspace), None) is None

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._connect(reading) as connection:
            if self._schema_of(connection) == SCHEMA:
                yield connection
                return
        with self._write():
            pass  # it is built before the first write
        with self._connect(reading) as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._connect(writing) as connection:
            if self._schema_of(connection) != SCHEMA:
                rebuild(connection, self.workspace)
            yield connection

    @contextmanager
    def claiming(self) -> Iterator[Connection]:
        """A transaction about single rows (see leases.py), beside those of other writers."""
        with self._connect(claiming) as connection:
            if self._schema_of(connection) == SCHEMA:
                yield connection
                return
        with self._write():
            pass
        with self._connect(claiming) as connection:
            yield connection

    def _schema_of(self, connection: Connection) -> int | None:
        # Asking whether there is a table is dear: who has seen it once asks it at once. Where it
        # was dropped meanwhile that fails once, and the next call builds it again.
        there, self._is_made = self._is_made and self.is_shared, False
        if there:
            found: int | None = connection.execute(select(meta.c.schema)).scalar()
        else:
            found = schema_of(connection)
        self._is_made = found is not None
        return found

    @contextmanager
    def _connect(self, mark: Callable[[Connection], Connection]) -> Iterator[Connection]:
        try:
            with self._engine.connect() as plain:
                connection = mark(plain)
                with connection.begin():
                    yield connection
        except IntegrityError:
            raise
        except (DBAPIError, sqlite3.DatabaseError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreError:
        """What is wrong with the database, in words."""
        problem = error.orig if isinstance(error, DBAPIError) else error
        if self._file is not None:
            return StoreError("store.failed", where=self._file, problem=problem)
        url = self._engine.url
        # A password may stand in the query as well: of that nothing is said.
        where = url.set(drivername=url.get_backend_name(), query={})
        away = self.is_shared and isinstance(error, OperationalError)
        key = "store.unreachable" if away else "store.failed"
        told = str(problem).strip().partition("\n")[0]  # what the driver advises is left out
        shown = where.render_as_string(hide_password=True)
        return StoreError(key, where=shown, problem=told, name=url.database)


def key_of(url: str) -> str:
    """A short name of a database's address, without what is secret in it; "" for the file.

    >>> key_of(""), key_of("postgresql://a:b@host/x") == key_of("postgresql://c@host/x")
    ('', True)
    """
    if not url:
        return ""
    return hashlib.sha256(re.sub("//[^/]*@", "//", url).encode()).hexdigest()[:8]


def alone(folder: Path) -> tuple[Store, int | None]:
    """A store in memory of one job's folder, wherever it is, and the job's number.

    Nothing is written. The number is None when the folder has no readable journal.
    """
    store = Store(folder, url="sqlite://")
    return store, store.take_in(folder)


def _taken(connection: Connection, job: int) -> dict[str, int]:
    query = select(ingested.c.file, ingested.c.bytes).where(ingested.c.job_id == job)
    return {file: size for file, size in connection.execute(query)}


def _look(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _remove_new(folder: Path) -> None:
    # Made by this very call a moment ago; nothing of anybody else is in it.
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


_COLUMNS = [f.name for f in fields(Job)]


def _job(row: Any) -> Job:
    return Job(**{name: row[name] for name in _COLUMNS})


def _event(row: Any) -> Event:
    head = {"t": row["t"], "seg": row["seg"], "kind": row["kind"]}
    return revived(head | json.loads(row["body"]))
