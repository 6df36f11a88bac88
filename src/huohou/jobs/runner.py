"""``python -m huohou.jobs.runner WORKSPACE``: starts queued jobs that have no terminal.

One process a workspace, without torch; it ends when none of them waits any more. What it starts
belongs to a session of its own and needs it no longer.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from huohou import text
from huohou.errors import StoreError
from huohou.jobs import detach, logs, queue, slots
from huohou.jobs.queue import Entry, Queue
from huohou.record import locks
from huohou.record.recorder import Journal
from huohou.record.store import Store
from huohou.record.workspace import JOURNAL, TRAIN_LOG
from huohou.text import say

TICK = 0.2  # seconds between two looks at the queue
TRIES = 3  # supervisors that may die before one begins; then something is wrong
_TAIL = 15


def main(arguments: Sequence[str]) -> int:
    """Serve a workspace until nothing waits."""
    workspace = Path(arguments[0])
    serve, waits = _shared(workspace) if Store(workspace).is_shared else _own(workspace)
    while True:
        lock = os.open(detach.lock_of(workspace), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if locks.acquire(lock) is False:
                return 0
            serve()
        finally:
            os.close(lock)
        # Who queued a job a moment ago saw the lock held and left it to us.
        if not waits():
            return 0


def _own(workspace: Path) -> tuple[Callable[[], None], Callable[[], bool]]:
    """How the queue of a workspace of this machine is served, and whether anything waits."""
    return lambda: _Runner(workspace).serve(), lambda: bool(_waiting(Queue(workspace).look()))


def _shared(workspace: Path) -> tuple[Callable[[], None], Callable[[], bool]]:
    """The same of a queue that other machines may serve too. Lasting workers need no runner."""
    from huohou.jobs.worker import Worker

    worker = Worker(Store(workspace), lasting=False)
    return lambda: worker.serve(worker.is_spare, until_empty=True), worker.is_needed


def _waiting(entries: Sequence[Entry]) -> list[Entry]:
    key = detach.store_key()
    return [e for e in entries if e.state == "queued" and e.detached and e.store == key]


@dataclass(slots=True)
class _Start:
    process: "subprocess.Popen[bytes]"
    tries: int


class _Runner:
    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._queue = Queue(workspace)
        self._starts: dict[Path, _Start] = {}

    def serve(self) -> None:
        while True:
            began = time.monotonic()
            entries = self._queue.look()
            looked = time.monotonic() - began
            waiting = _waiting(entries)
            if not waiting:
                return
            for device in {entry.device for entry in waiting}:
                self._serve(entries, device)
            # A workspace of many thousands of jobs takes a while to look through.
            time.sleep(max(TICK, 20 * looked))

    def _serve(self, entries: Sequence[Entry], device: str) -> None:
        """Start the next job of a device if it has a slot for it."""
        line = [e for e in queue.line(entries, device) if not self._is_starting(e)]
        if not line or line[0] not in _waiting(line[:1]):
            return
        entry = line[0]
        before = self._starts.get(entry.folder)
        tries = before.tries if before else 0
        if tries >= TRIES:
            give_up(entry)
            return
        slot = slots.take(self._workspace, entries, device, entry.slots)
        if slot is not None:
            with slot:  # the supervisor has it from now on
                process = detach.supervise(entry, slot.descriptor)
            self._starts[entry.folder] = _Start(process, tries + 1)

    def _is_starting(self, entry: Entry) -> bool:
        start = self._starts.get(entry.folder)
        return start is not None and start.process.poll() is None


def give_up(entry: Entry) -> None:
    """A job that cannot even be begun fails, with what its supervisor said last."""
    from huohou.jobs import turns

    text.use(detach.language_of(entry))
    lines = logs.last_lines(entry.folder / TRAIN_LOG, _TAIL)
    error = "\n".join([say("queue.cannot_start", tries=TRIES), *lines])
    try:
        journal = Journal(entry.folder / JOURNAL, entry.seg)
        store = Store(entry.folder.parent)
        turns.end(store, entry.folder, journal, "failed", error=error, reason="cannot-start")
    except StoreError:  # another command has it in hand, or the index must wait
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
