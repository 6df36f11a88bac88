"""What a supervisor does for a job that is its own: heartbeat, index, requests to stop.

A quiet thread beside somebody else's training loop. It looks once a second, and takes in new
numbers so seldom that it stays below a share of a core.
"""

import _thread
import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from huohou.errors import StoreError
from huohou.jobs import stopping
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL

SECONDS = 1.0  # between two looks
SHARE = 0.005  # of a core, for taking in what is new
LONGEST = 60.0  # seconds the database may be behind


class Keeper(threading.Thread):
    """each_second: called at every look; on_stop: called once when somebody asks to stop."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        each_second: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        super().__init__(name="huohou-keeper", daemon=True)
        self.stop_asked = self._interrupted = False
        self.busy = 0.0  # processor seconds spent
        self._store, self._folder = store, folder
        self._each_second, self._on_stop = each_second, on_stop
        self._over = threading.Event()
        self._sizes = self._look()
        self._due = 0.0

    def run(self) -> None:
        """Until finish is called."""
        while not self._over.wait(SECONDS):
            begin = time.thread_time()
            with contextlib.suppress(OSError):
                os.utime(self._folder / HEARTBEAT)
            self._listen()
            self._each_second()
            self._take_in()
            self.busy += time.thread_time() - begin

    def _listen(self) -> None:
        request = stopping.requested(self._folder)
        if request is not None and not self.stop_asked:
            self._on_stop()  # it stands in the record before the loop hears of it and ends
            self.stop_asked = True
        if request == stopping.NOW and not self._interrupted:
            self._interrupted = True
            _thread.interrupt_main()  # as a Ctrl-C would

    def finish(self) -> None:
        """End the thread."""
        self._over.set()
        if threading.current_thread() is not self:
            self.join()

    def _take_in(self) -> None:
        sizes, now = self._look(), time.monotonic()
        if sizes == self._sizes or now < self._due:
            return
        begin = time.thread_time()
        with contextlib.suppress(StoreError, OSError):  # only the index; the folder has everything
            self._store.take_in(self._folder)
            self._sizes = sizes
        self._due = now + min((time.thread_time() - begin) / SHARE, LONGEST)

    def _look(self) -> list[int]:
        found = []
        for name in (EVENTS, JOURNAL):
            with contextlib.suppress(OSError):
                found.append((self._folder / name).stat().st_size)
        return found
