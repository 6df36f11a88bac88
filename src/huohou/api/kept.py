"""What a process that answers many calls keeps between them. One a process; threads share it."""

import contextlib
import os
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Self

from huohou.jobs.catching_up import CatchingUp
from huohou.jobs.lifecycle import bury
from huohou.jobs.queue import Queue, places
from huohou.jobs.standing import Standing
from huohou.jobs.turns import tend
from huohou.record.store import Job, Store

LATE = 60.0  # seconds after which a call tends itself, because nobody else does
MOST = 64  # runs whose standing is remembered


class Kept:
    """The store of a workspace, its queue, and where its runs stand."""

    def __init__(self, workspace: Path) -> None:
        self._database = os.environ.get("HUOHOU_DB", "")
        self._store = Store(workspace)
        self._queue = Queue(workspace)
        self._standing: OrderedDict[tuple[int, str], Standing] = OrderedDict()
        self._lock = threading.Lock()
        self._tending = threading.Lock()
        self._tended = -LATE
        self._open = contextlib.ExitStack()
        self._file: object = None
        self._jobs: dict[int, Job | None] = {}
        self._stamp: object = None
        self._catching_up: CatchingUp | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._tending:
            self._open.close()

    def is_of(self, workspace: Path) -> bool:
        """Whether it is this workspace's, with the database that is set now."""
        same = os.environ.get("HUOHOU_DB", "") == self._database
        return same and workspace == self._store.workspace

    def tended(self) -> Store:
        """The store, tended not too long ago."""
        if time.monotonic() - self._tended >= LATE and self._tending.acquire(blocking=False):
            try:
                self._tend()
            finally:
                self._tending.release()
        return self._store

    def tend(self) -> None:
        """Bring jobs of dead supervisors to their end, and see to those that wait."""
        with self._tending:
            self._tend()

    def _tend(self) -> None:
        self._tended = time.monotonic()
        self._take_in()
        bury(self._store)
        tend(self._store)
        self._hold()

    def glance(self) -> None:
        """Between two tendings: what running jobs wrote without telling the database."""
        with self._tending:
            self._take_in(everything=False)

    def _take_in(self, *, everything: bool = True) -> None:
        if self._catching_up is None:
            self._catching_up = CatchingUp(self._store)
        self._catching_up.look(everything)

    def _hold(self) -> None:
        """SQLite tidies up whenever the last connection closes; one of ours stays open."""
        stamp = self._store.stamp()
        file = stamp[0][0] if stamp is not None and stamp[0] is not None else None
        if file != self._file:  # made, or replaced by another
            self._open.close()
            self._file = file
            if file is not None:
                self._open.enter_context(self._store.kept_open())

    def job(self, number: int) -> Job | None:
        """A job's row; asked again only when the store has changed."""
        stamp = self._store.stamp()
        with self._lock:
            if stamp is None or stamp != self._stamp:
                self._jobs, self._stamp = {}, stamp
            jobs = self._jobs
        if number not in jobs:
            jobs[number] = self._store.job(number)
        return jobs[number]

    def standing(self, job: Job) -> Standing:
        """Where a run stands: read once, then followed."""
        key = job.id, job.folder
        with self._lock:
            found = self._standing.pop(key, None)
            if found is None:
                found = Standing(self._store.workspace / job.folder, job)
            self._standing[key] = found
            while len(self._standing) > MOST:
                self._standing.popitem(last=False)
        return found

    def places(self) -> dict[int, int]:
        """Number of a job that waits to its place in the line of its device."""
        with self._lock:
            return places(self._queue.look())
