"""Waiting: how a command waits for its turn, and how a job ends that waits no more."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from huohou.errors import StoreError, UsageError
from huohou.jobs import detach, disk, queue, slots, stopping
from huohou.jobs.queue import Entry, Queue
from huohou.jobs.slots import Slot
from huohou.record import locks
from huohou.record.leases import Leases
from huohou.record.recorder import Journal, State
from huohou.record.store import Store
from huohou.record.workspace import HEARTBEAT, JOURNAL
from huohou.text import say

TICK = 0.2  # seconds between two looks at the queue
CARE = 2.0  # seconds between two looks whether the runner is there
_PLACE = "priority"  # file in a job's folder that asks for another place in the queue
_PATIENCE = 5.0  # seconds a command has to take over such a wish


def wait(
    store: Store, folder: Path, journal: Journal, count: int, tell: Callable[[str], None]
) -> Slot | None:
    """Wait until it is the job's turn: the slot it has then, None when it was cancelled.

    journal: held by us; count: jobs that may then train on the device at once; tell: called with
    what the job waits for, when that changes. Ctrl-C, SIGTERM and a stop request cancel.
    """
    looks, told, cared = Queue(folder.parent), "", 0.0
    me = _read(folder)
    with _asked_by_signal(folder) as asked:
        while not asked and stopping.requested(folder) is None:
            _move_if_asked(folder, journal)
            entries = looks.look()
            line = [entry.number for entry in queue.line(entries, me.device)]
            before = line[: line.index(me.number)] if me.number in line else line
            slot = None if before else slots.take(folder.parent, entries, me.device, count)
            if slot is not None:
                return slot
            if me.state != "queued":  # a run that goes on after its end waits like a new one
                journal.state("queued")
                me = _read(folder)
                continue
            text = _waits_for(entries, before, me)
            if text != told:
                tell(text)
                told = text
            if time.monotonic() - cared >= CARE:
                cared = time.monotonic()
                _care(store, entries, folder)
            time.sleep(TICK)
    cancel(store, folder, journal)
    return None


def _read(folder: Path) -> Entry:
    found = queue.read(folder)
    if found is None:
        raise StoreError("runs.not_a_run", path=folder)
    return found


def _waits_for(entries: Sequence[Entry], before: Sequence[int], me: Entry) -> str:
    training = [entry.number for entry in queue.training(entries, me.device)]
    jobs = ", ".join(map(str, [*training, *before])) or "?"
    return say("queue.waiting", job=me.number, jobs=jobs, device=me.device)


def _care(store: Store, entries: Sequence[Entry], folder: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(folder / HEARTBEAT)
    if any(entry.state == "queued" and entry.detached for entry in entries):
        with contextlib.suppress(StoreError):
            wake(store)


def wake(store: Store) -> None:
    """Somebody starts the jobs without a terminal: workers if there are any, else a runner."""
    if not store.is_shared or not Leases(store).serving():
        detach.ensure(store.workspace)


@contextlib.contextmanager
def _asked_by_signal(folder: Path) -> Iterator[list[int]]:
    """Signals that arrived; each is a stop request as well, for who comes after us."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, _frame: object) -> None:
        asked.append(number)
        with contextlib.suppress(OSError):  # no room: the number above is enough for us
            stopping.request(folder)

    names = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        names.append(signal.SIGHUP)
    before = {name: signal.signal(name, ask) for name in names}
    try:
        yield asked
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


# Jobs that wait no more


def end(store: Store, folder: Path, journal: Journal, state: State, **facts: Any) -> None:
    """Bring a job that was not started to its end; journal: held by us, and given back."""
    journal.state(state, **facts)
    with contextlib.suppress(OSError):
        stopping.forget(folder)
        (folder / _PLACE).unlink(missing_ok=True)
    disk.give_back(folder)
    detach.forget(folder)
    journal.close()
    store.take_in(folder)


def cancel(store: Store, folder: Path, journal: Journal) -> None:
    """A job that waits will not be started."""
    end(store, folder, journal, "stopped", reason="cancelled")


def cancel_if_free(store: Store, folder: Path) -> None:
    """Cancel a job that waits and that no process has in hand."""
    with _in_hand(folder) as (entry, journal):
        if entry is not None and journal is not None:
            cancel(store, folder, journal)


@contextlib.contextmanager
def _in_hand(folder: Path) -> Iterator[tuple[Entry, Journal] | tuple[None, None]]:
    """A waiting job and its journal, ours for now; nothing when another process has it."""
    found = queue.read(folder)
    try:
        journal = Journal(folder / JOURNAL, found.seg) if found else None
    except StoreError:
        journal = None
    if journal is None:
        yield None, None
        return
    with journal:
        entry = queue.read(folder)  # as it is now that nobody else writes it
        if entry is None or entry.state != "queued":
            yield None, None
        else:
            yield entry, journal


def tend(store: Store) -> None:
    """At every command: a runner for the jobs that wait for one, an end for those whose command
    died while it waited."""
    needed = False
    for job in store.listed(["queued"])[1]:
        folder = store.workspace / job.folder
        entry = queue.read(folder)
        if entry is not None and entry.state != "queued":
            store.take_in(folder)  # who changed it could not tell the database
        elif entry is not None and entry.detached:
            needed = True
        elif entry is not None and locks.is_held(folder / JOURNAL) is False:
            _lose(store, folder)
    if needed:
        wake(store)


def _lose(store: Store, folder: Path) -> None:
    with _in_hand(folder) as (entry, journal):
        if entry is not None and journal is not None and not entry.detached:
            error = say("queue.lost")
            end(store, folder, journal, "lost", error=error, reason="supervisor-died")


# The order


def move(store: Store, number: int, before: int | None) -> bool:
    """Put a waiting job before another one of the same device, or first; False: it was there.

    Raises UsageError when one of them does not wait.
    """
    entries = Queue(store.workspace).look()
    waiting = {e.number: e for e in entries if e.state == "queued"}
    for one in (number, before):
        if one is not None and one not in waiting:
            raise UsageError("queue.not_waiting", job=one)
    line = queue.line(entries, waiting[number].device)
    if number not in (known := [e.number for e in line]):
        raise UsageError("queue.not_waiting", job=number)
    if before is not None and before not in known:
        raise UsageError("queue.other_device", job=number, other=before)
    try:
        priority = queue.priority_before(line, number, before)
    except ValueError as error:
        raise UsageError("queue.no_room", job=number, other=before) from error
    if priority is not None:
        _ask_for_place(store, waiting[number].folder, priority)
    return priority is not None


def _ask_for_place(store: Store, folder: Path, priority: float) -> None:
    """The journal has one writer: a command that waits takes the wish over itself."""
    file = folder / _PLACE
    file.write_text(repr(priority), encoding="utf-8")
    until = time.monotonic() + _PATIENCE
    while True:
        with _in_hand(folder) as (entry, journal):
            if entry is not None and journal is not None:
                _move_if_asked(folder, journal)
        if not file.exists():
            break
        if time.monotonic() > until:
            file.unlink(missing_ok=True)
            raise UsageError("queue.not_waiting", job=folder.name)
        time.sleep(0.02)
    store.take_in(folder)


def _move_if_asked(folder: Path, journal: Journal) -> None:
    file = folder / _PLACE
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return
    with contextlib.suppress(ValueError):
        journal.queue(priority=float(text))
    file.unlink(missing_ok=True)
