"""``stop``: a job is asked to end, and followed until it has."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from huohou.errors import StoreError
from huohou.jobs import lifecycle, queue, stopping, turns
from huohou.jobs.progress import Progress
from huohou.jobs.supervisor import OnEvent
from huohou.record import checkpoints, locks
from huohou.record.events import Follower
from huohou.record.recorder import FINAL, Journal
from huohou.record.store import Job, Store
from huohou.record.workspace import EVENTS, JOURNAL

TICK = 0.2  # seconds between two looks
DEATH = 10.0  # seconds a killed process may take to be gone
BURY = 1.0  # seconds between two looks whether its supervisor lives


def has_ended(folder: Path) -> bool:
    """Whether there is nothing to stop."""
    entry = queue.read(folder)
    return entry is None or entry.state in FINAL


def stop(
    store: Store,
    folder: Path,
    job: Job,
    *,
    now: bool = False,
    wait: bool = True,
    on_event: OnEvent | None = None,
) -> Job:
    """Ask a job to stop; one that waits is cancelled at once. The job as it then is.

    wait: until it has ended; on_event: shown what the training says meanwhile.
    """
    file = folder / EVENTS
    news = Follower(file, file.stat().st_size if file.exists() else 0)
    stopping.request(folder, now)
    turns.cancel_if_free(store, folder)
    if now:
        _end_orphan(store, folder)
    if wait:
        _follow(store, folder, job, news, on_event)
    if has_ended(folder):  # it may have ended before it saw the request
        stopping.forget(folder)
    return as_it_is(store, folder, job)


def as_it_is(store: Store, folder: Path, job: Job) -> Job:
    """The job by its folder: the database may be a moment behind."""
    store.take_in(folder)
    return store.job(job.id) or job


def _follow(store: Store, folder: Path, job: Job, news: Follower, on_event: OnEvent | None) -> None:
    progress = Progress(job.status, job.step or 0, job.steps, job.current_epoch or 0.0, job.epochs)
    buried = 0.0
    while not has_ended(folder):
        turns.cancel_if_free(store, folder)
        if time.monotonic() - buried >= BURY:
            buried = time.monotonic()
            lifecycle.bury(store)
        _show(news, progress, on_event)
        time.sleep(TICK)
    _show(news, progress, on_event)


def checkpoint_of(folder: Path) -> Path | None:
    """The last whole checkpoint of a job."""
    found, _ = checkpoints.newest(folder / checkpoints.FOLDER)
    return found.path if found else None


def _show(news: Follower, progress: Progress, on_event: OnEvent | None) -> None:
    for event in news.poll():
        progress.see(event)
        if on_event is not None:
            on_event(event, progress)


def _end_orphan(store: Store, folder: Path) -> None:
    """A training whose supervisor is dead has nobody but us who could end it now."""
    entry = queue.read(folder)
    if entry is None or not queue.is_orphan(entry):
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(StoreError, ProcessLookupError))  # gone meanwhile
        journal = stack.enter_context(Journal(folder / JOURNAL, entry.seg))
        lives = [line for line in Follower(folder / JOURNAL).poll() if line["kind"] == "segment"]
        if lives and lives[-1].get("host") == socket.gethostname():
            os.killpg(int(lives[-1]["pid"]), signal.SIGKILL)
            until = time.monotonic() + DEATH
            while locks.is_held(folder / EVENTS) and time.monotonic() < until:
                time.sleep(0.02)
            turns.end(store, folder, journal, "stopped", reason="stopped-now")
