"""Who has which job in hand, where several machines share a queue: leases, and who serves it.

A lease is a row that its holder renews; when it runs out, the job is free again. The clock is the
database's. These tables are no index of the folders: a rebuild of the store keeps them.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    cast,
    delete,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from huohou.record.recorder import ACTIVE
from huohou.record.schema import leases, training_jobs, workers
from huohou.record.store import Store

SECONDS = 30.0  # a lease that is not renewed for so long is over
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds leases. name: unlike any other's; host: its machine."""

    name: str
    host: str


@dataclass(frozen=True, slots=True)
class Serving:
    """A living worker. mark: content of the file it wrote into the workspace."""

    name: str
    host: str
    mark: str
    slots: int


class Leases:
    """Leases of one store's jobs. Every method raises StoreError."""

    def __init__(self, store: Store, seconds: float | None = None) -> None:
        self.seconds = SECONDS if seconds is None else seconds
        self._store = store

    def claim(
        self, holder: Holder, devices: Collection[str] = (), without: Collection[int] = ()
    ) -> int | None:
        """The next job without a terminal that nobody has in hand, now held by us; None: none.

        devices: that it may wait for, any by default; without: numbers that are left out. Two who
        claim at the same moment get two different jobs, and neither waits for the other.
        """
        for _ in range(_TRIES):
            with self._store.claiming() as connection:
                now = _now(connection)
                job = connection.execute(_next(now, devices, without)).scalar()
                if job is None:
                    return None
                # Another one may have taken it between our look and our lock.
                if self._take(connection, job, holder, now):
                    return int(job)
        return None

    def begin(self, job: int, holder: Holder) -> bool:
        """Hold a job whose file locks we have; False when another machine holds it.

        A lease of this machine is then that of a supervisor that died: it is ours at once.
        """
        with self._store.claiming() as connection:
            return self._take(connection, job, holder, _now(connection), here=True)

    def renew(self, job: int, holder: Holder) -> bool:
        """Hold a job on; False when another one holds it."""
        with self._store.claiming() as connection:
            return self._take(connection, job, holder, _now(connection), over=False)

    def release(self, job: int, holder: Holder) -> None:
        """Give a job back, if it is ours."""
        mine = (leases.c.job_id == job) & (leases.c.holder == holder.name)
        with self._store.claiming() as connection:
            connection.execute(delete(leases).where(mine))

    def held(self) -> dict[int, str]:
        """Jobs that somebody has in hand now, and the machine of each."""
        with self._store.claiming() as connection:
            query = select(leases.c.job_id, leases.c.host).where(leases.c.until > _now(connection))
            return {job: host for job, host in connection.execute(query)}

    def heads(
        self, devices: Collection[str] = (), without: Collection[int] = ()
    ) -> list[tuple[str, int]]:
        """Devices that free jobs wait for, each with the slots that its first job asks for."""
        j = training_jobs.c
        with self._store.claiming() as connection:
            now = _now(connection)
            wanted = select(j.device).where(_mine(now, devices, without)).distinct()
            return [
                (device, connection.execute(_next(now, [device], without, j.slots)).scalar() or 1)
                for device in connection.execute(wanted.order_by(j.device)).scalars().all()
            ]

    def orphans(self, host: str) -> list[str]:
        """Folders of jobs that should be training, and that no other machine holds a lease of."""
        j, held = training_jobs.c, leases.c
        with self._store.claiming() as connection:
            elsewhere = (held.job_id == j.id) & (held.until > _now(connection))
            elsewhere &= held.host != host
            query = select(j.folder).where(j.status.in_(ACTIVE), ~exists().where(elsewhere))
            return list(connection.execute(query).scalars())

    # Workers

    def serve(self, holder: Holder, mark: str, slots: int) -> None:
        """Say that we serve the queue, for as long as a lease."""
        with self._store.claiming() as connection:
            now = _now(connection)
            values = {"name": holder.name, "host": holder.host, "mark": mark, "slots": slots}
            values["until"] = now + self.seconds
            adding = _insert(connection, workers).values(values)
            connection.execute(
                adding.on_conflict_do_update(
                    index_elements=["name"], set_={"until": values["until"]}
                )
            )
            connection.execute(delete(workers).where(workers.c.until < now))

    def leave(self, holder: Holder) -> None:
        """Say that we serve it no more."""
        with self._store.claiming() as connection:
            connection.execute(delete(workers).where(workers.c.name == holder.name))

    def serving(self) -> Sequence[Serving]:
        """Who serves the queue now."""
        c = workers.c
        with self._store.claiming() as connection:
            query = select(c.name, c.host, c.mark, c.slots).where(c.until > _now(connection))
            return [Serving(*row) for row in connection.execute(query.order_by(c.name))]

    def _take(
        self,
        connection: Connection,
        job: int,
        holder: Holder,
        now: ColumnElement[float],
        *,
        over: bool = True,
        here: bool = False,
    ) -> bool:
        """Make or renew a lease. over: also one that has run out; here: also one of our machine."""
        values = {"holder": holder.name, "host": holder.host, "until": now + self.seconds}
        mine = leases.c.holder == holder.name
        if here:
            mine |= leases.c.host == holder.host
        adding = _insert(connection, leases).values(values | {"job_id": job})
        taking = adding.on_conflict_do_update(
            index_elements=["job_id"],
            set_=values,
            where=mine | (leases.c.until <= now) if over else mine,
        )
        return connection.execute(taking.returning(leases.c.job_id)).first() is not None


def _mine(
    now: ColumnElement[float], devices: Collection[str], without: Collection[int]
) -> ColumnElement[bool]:
    j, free = training_jobs.c, _free(now)
    if devices:
        free &= j.device.in_(devices)
    return free & j.id.not_in(without) if without else free


def _next(
    now: ColumnElement[float],
    devices: Collection[str],
    without: Collection[int],
    column: ColumnElement[Any] | None = None,
) -> Any:
    """The query of the first free job: its number, locked, or only a look at a column of it."""
    j = training_jobs.c
    query = select(j.id if column is None else column).where(_mine(now, devices, without))
    query = query.order_by(j.priority, j.id).limit(1)
    if column is not None:
        return query
    return query.with_for_update(of=training_jobs, skip_locked=True)


def _free(now: ColumnElement[float]) -> ColumnElement[bool]:
    j = training_jobs.c
    taken = exists().where(leases.c.job_id == j.id, leases.c.until > now)
    return (j.status == "queued") & j.detached & ~taken


def _now(connection: Connection) -> ColumnElement[float]:
    """The database's clock, in unix seconds; SQLite's is this machine's."""
    if connection.dialect.name == "sqlite":
        return literal(time.time(), Double)
    return cast(func.extract("epoch", func.clock_timestamp()), Double)


def _insert(connection: Connection, table: Any) -> Any:
    # Both have the same methods; SQLAlchemy has no common type for them.
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
