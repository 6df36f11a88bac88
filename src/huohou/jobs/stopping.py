"""How a training process learns that it should stop: between two steps, with a checkpoint saved.

A request is the file ``stop`` in the job's folder (anybody can write it, also on another machine
that shares the folder), or SIGTERM, or, for a job in the foreground, the death of its supervisor.
"""

import os
import signal
import threading
import time
from pathlib import Path

from huohou.record.workspace import STOP

SECONDS = 0.3  # between two looks
GRACE = 300.0  # seconds a process without supervisor has to finish its step and save
NOW = "now"


class StopWatch:
    """Watches for requests in a thread of its own.

    parent: process id of the supervisor; None when the process shall outlive it; above: processes
    between it and us, of a launcher that starts several workers.
    signals: whether to take SIGTERM and SIGINT, which only a main thread can.
    seen: whether the training was told so.
    """

    def __init__(
        self, folder: Path, parent: int | None, above: int = 0, *, signals: bool = True
    ) -> None:
        self._file = folder / STOP
        self._parent = parent
        self._above = above
        self._asked = self.seen = False
        for name in (signal.SIGTERM, signal.SIGINT) if signals else ():
            signal.signal(name, self._ask)
        threading.Thread(target=self._watch, name="stop-watch", daemon=True).start()

    def asked(self) -> bool:
        """Whether to stop now; the recipe calls it between two steps."""
        self.seen = self.seen or self._asked
        return self.seen

    def _ask(self, *_: object) -> None:
        # No threading.Event: its lock would be waited for by a signal that comes during another.
        self._asked = True

    def _watch(self) -> None:
        orphaned = 0.0
        while orphaned <= GRACE:
            if self._file.exists():
                self._ask()
            if self._parent is not None and ancestor(self._above) != self._parent:
                self._ask()
                orphaned += SECONDS
            time.sleep(SECONDS)
        os._exit(1)  # nobody is there any more to stop a training that does not listen


def ancestor(above: int) -> int | None:
    """Process id of our parent, or of its parent, or so many further; None when it is gone."""
    found = os.getppid()
    if above:
        import psutil

        for _ in range(above):
            try:
                found = psutil.Process(found).ppid()
            except psutil.NoSuchProcess:
                return None
    return found


def request(folder: Path, now: bool = False) -> None:
    """Ask a job to stop: after the running step with a checkpoint, or now without."""
    (folder / STOP).write_text(NOW if now else "", encoding="utf-8")


def requested(folder: Path) -> str | None:
    """None when nobody asked; else NOW or an empty text."""
    try:
        return (folder / STOP).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def forget(folder: Path) -> None:
    """The request has been answered."""
    (folder / STOP).unlink(missing_ok=True)
