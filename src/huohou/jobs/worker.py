"""A worker takes jobs without a terminal off the queue of a store, on this machine.

Any number of them, on any number of machines, share a queue: each job is leased to one of them.
What a worker starts belongs to a session of its own; it goes on when the worker ends.
"""

import contextlib
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from huohou.errors import StoreError, UsageError
from huohou.jobs import detach, lifecycle, queue, runner, slots
from huohou.jobs.lease import holder
from huohou.jobs.queue import Entry, Queue
from huohou.record.leases import Holder, Leases, Serving
from huohou.record.store import Job, Store
from huohou.text import say

SHORTEST, LONGEST = 0.2, 2.0  # seconds between two looks at a queue: busy, and long empty
_PATIENCE = 5.0  # seconds that a file of another machine may take to be seen
CARE = 5.0  # seconds between two looks for jobs whose supervisor died
_Tell = Callable[[str], None]


@dataclass(slots=True)
class _Start:
    entry: Entry
    process: "subprocess.Popen[bytes]"
    holder: Holder
    tries: int


class Worker:
    """Serves a queue.

    devices: jobs for these alone, for any by default; count: jobs that may train on a device at
    once, as each job says by default; tell: told what happens; lasting: whether others may leave
    the queue to us.
    """

    def __init__(
        self,
        store: Store,
        devices: Collection[str] = (),
        count: int | None = None,
        tell: _Tell = lambda _: None,
        lasting: bool = True,
    ) -> None:
        self.me = holder()
        self._store, self._leases = store, Leases(store)
        self._devices, self._count, self._tell = devices, count, tell
        self._starts: dict[int, _Start] = {}
        self._strange: set[int] = set()  # jobs that cannot be carried out here
        self._looks = Queue(store.workspace)
        self._cared = self._served = self._asked = -1e9
        self._mark = secrets.token_hex(8)
        self._lasting = lasting

    def serve(self, should_stop: Callable[[], bool], *, until_empty: bool = False) -> None:
        """Take jobs until told to stop, or until there is nothing to do."""
        pause, problem = SHORTEST, ""
        with self._listed():
            while not should_stop():
                try:
                    busy = self._round()
                    if problem:
                        self._tell(say("work.again"))
                    problem = ""
                    if until_empty and not busy and not self.is_needed():
                        return
                except StoreError as error:  # a database that is started again comes back
                    if str(error) != problem:  # said once, not at every look
                        self._tell(str(error))
                    busy, problem = False, str(error)
                pause = SHORTEST if busy else min(pause * 1.5, LONGEST)
                self._rest(pause, should_stop)

    def _rest(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Until the next look, or one of our jobs has ended: its place is free."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not should_stop():
            time.sleep(SHORTEST / 2)
            if any(one.process.poll() is not None for one in self._starts.values()):
                return

    def is_needed(self) -> bool:
        """Whether jobs wait that we could start, or may have to be put back."""
        if self._starts:
            return True
        try:
            return bool(self._leases.heads(self._devices, self._strange)) and not self.is_spare()
        except StoreError:
            return False

    @property
    def running(self) -> int:
        """How many of the jobs that we started go on."""
        return sum(one.process.poll() is None for one in self._starts.values())

    def is_spare(self) -> bool:
        """Whether we only fill in, and a lasting worker is there now."""
        if self._lasting or time.monotonic() - self._asked < CARE:
            return False
        self._asked = time.monotonic()
        return bool(self._leases.serving())

    def _round(self) -> bool:
        """One look at everything; whether something was begun or ended."""
        now = time.monotonic()
        if self._lasting and now - self._served >= self._leases.seconds / 3:
            self._served = now
            self._leases.serve(self.me, self._mark, self._count or 0)
        if now - self._cared >= CARE:
            self._cared = now
            for job in lifecycle.bury(self._store):
                self._tell_found(job)
        ended = self._reap()
        begun = False
        while self._begin():
            begun = True
        return ended or begun

    def _tell_found(self, job: Job) -> None:
        folder = self._store.workspace / job.folder
        found = queue.read(folder) if folder.is_dir() else None
        state = say(f"state.{found.state}") if found else "?"
        self._tell(say("work.found", job=job.id, name=job.name, state=state))

    def _begin(self) -> bool:
        """Take one job, if there is one and a place for it."""
        heads = self._leases.heads(self._devices, self._strange)
        if not heads:
            return False
        folders = [self._store.workspace / one for one in self._leases.orphans(self.me.host)]
        entries = self._looks.look(folder for folder in folders if folder.is_dir())
        for device, count in heads:
            allowed = self._count or count
            # The place of one that died a moment ago is free before we know: its job is first.
            if self._living(device) >= allowed:
                continue
            slot = slots.take(self._store.workspace, entries, device, allowed)
            if slot is None:
                continue
            with slot:  # the supervisor has it from now on
                if self._claim(device, slot.descriptor):
                    return True
        return False

    def _living(self, device: str) -> int:
        """Supervisors that we started for a device and do not know to have ended."""
        ours = (one for one in self._starts.values() if one.entry.device == device)
        return sum(one.process.returncode is None for one in ours)

    def _claim(self, device: str, slot: int) -> bool:
        mine = holder()
        number = self._leases.claim(mine, [device], self._strange)
        job = None if number is None else self._store.job(number)
        if number is None or job is None:
            return False
        folder = self._store.workspace / job.folder
        entry = queue.read(folder) if folder.is_dir() else None
        before = self._starts.get(number)
        tries = before.tries if before else 0
        if entry is None or entry.state != "queued" or not entry.detached:
            self._refuse(number, mine, folder)
        elif tries >= runner.TRIES:
            runner.give_up(entry)
            self._leases.release(number, mine)
        else:
            process = detach.supervise(entry, slot, mine.name)
            self._starts[number] = _Start(entry, process, mine, tries + 1)
            if not tries:
                self._tell(say("work.begun", job=number, name=entry.name, device=device))
        return True

    def _refuse(self, number: int, mine: Holder, folder: Path) -> None:
        """A job that has ended meanwhile, comes from elsewhere, or has its folder elsewhere."""
        self._leases.release(number, mine)
        if folder.is_dir():
            self._store.take_in(folder)
        job = self._store.job(number)
        if job is not None and job.status == "queued":
            self._strange.add(number)
            self._tell(say("work.strange", job=number, folder=folder))

    def _reap(self) -> bool:
        """See to supervisors that have ended; whether one has."""
        ended = [n for n, one in self._starts.items() if one.process.poll() is not None]
        for number in ended:
            start = self._starts[number]
            self._leases.release(number, start.holder)  # it could not, if it was killed
            found = queue.read(start.entry.folder) if start.entry.folder.is_dir() else None
            if found is None or found.state != "queued" or found.seg != start.entry.seg:
                del self._starts[number]
                state = say(f"state.{found.state}") if found else "?"
                self._tell(say("work.ended", job=number, name=start.entry.name, state=state))
        return bool(ended)

    @contextlib.contextmanager
    def _listed(self) -> Iterator[None]:
        """Others see that we are here, and that what we write here is seen there."""
        if not self._lasting:
            yield
            return
        file = _mark_file(self._store.workspace, self.me.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._mark, encoding="ascii")
        try:
            check_shared(self._store, self._leases)
            self._leases.serve(self.me, self._mark, self._count or 0)
            yield
        finally:
            with contextlib.suppress(StoreError):  # first: who is listed has a mark to be seen
                self._leases.leave(self.me)
            file.unlink(missing_ok=True)


def serve_here(
    store: Store, devices: Collection[str], count: int, tell: _Tell, *, until_empty: bool
) -> str | None:
    """Serve a queue until SIGINT or SIGTERM, whose name is the answer, or until it is empty."""
    asked: list[str] = []
    worker = Worker(store, devices, count, tell)
    before = {}
    for one in (signal.SIGINT, signal.SIGTERM):
        before[one] = signal.signal(one, lambda n, _: asked.append(signal.Signals(n).name))
    told = {"workspace": store.workspace, "host": worker.me.host, "slots": count}
    tell(say("work.ready", **told))
    try:
        worker.serve(lambda: bool(asked), until_empty=until_empty)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    tell(say("work.over", n=worker.running))
    return asked[0] if asked else None


def check_shared(store: Store, leases: Leases) -> None:
    """Raise UsageError when what another living worker wrote into its workspace is not in ours."""
    until = time.monotonic() + _PATIENCE
    while True:
        unseen = [one for one in leases.serving() if not _is_seen(store.workspace, one)]
        if not unseen:
            return
        if time.monotonic() > until:
            path = store.workspace.resolve()
            raise UsageError("work.not_shared", host=unseen[0].host, path=path)
        time.sleep(SHORTEST)


def _is_seen(workspace: Path, worker: Serving) -> bool:
    try:
        return _mark_file(workspace, worker.name).read_text(encoding="ascii") == worker.mark
    except OSError:
        return False


def _mark_file(workspace: Path, name: str) -> Path:
    return workspace / queue.FOLDER / f"worker-{re.sub(r'[^0-9A-Za-z]+', '-', name)}.mark"
