"""Telling a waiting person how far something is, only where it takes longer than two seconds."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from threading import Event, Thread

from huohou.text import say

Progress = Callable[[str], None]

QUIET_SECONDS = 2.0  # what is over sooner is not worth a line
TERMINAL_SECONDS, PLAIN_SECONDS = 0.5, 10.0  # between two lines


def to_stderr(sentence: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def over_itself(sentence: str) -> None:
    """Write to a terminal in place of the sentence before; the empty one leaves the line free."""
    sys.stderr.write(f"\x1b[2K{sentence}\r")
    sys.stderr.flush()


class Meter:
    """Bytes that have arrived, told at a bearable pace with the time that is left."""

    def __init__(self, name: str, total: int, tell: Progress | None) -> None:
        self._terminal = tell is None and sys.stderr.isatty()
        self.name, self.total = name, total
        self.tell = tell or (over_itself if self._terminal else to_stderr)
        self.began = self.told = time.monotonic()
        self._pace = TERMINAL_SECONDS if self._terminal else PLAIN_SECONDS

    def at(self, done: int) -> None:
        """done: bytes so far."""
        done = min(done, self.total or done)
        now = time.monotonic()
        spent = now - self.began
        first = self.told == self.began
        if spent < QUIET_SECONDS or (not first and now - self.told < self._pace):
            return
        self.told = now
        speed = done / spent
        left = (self.total - done) / speed if speed and self.total else None
        self.tell(
            say(
                "models.downloading",
                name=self.name,
                done=f"{done / 1e6:.0f}",
                total=f"{self.total / 1e6:.0f}" if self.total else "?",
                left="?" if left is None else f"{max(left, 0):.0f}",
            )
        )

    def close(self) -> None:
        """Leave the terminal's line free."""
        if self._terminal and self.told != self.began:
            over_itself("")


@contextmanager
def watch_folder(folder: Path, meter: Meter) -> Iterator[None]:
    """While the body runs, tell how many bytes a download has added to a folder."""
    done, before = Event(), folder_bytes(folder)

    def look() -> None:
        while not done.wait(0.25):
            meter.at(folder_bytes(folder) - before)

    # A thread begins without its parent's context, and with it without the language chosen.
    watcher = Thread(target=copy_context().run, args=(look,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        meter.close()


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed; vanishing files count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).lstat().st_size
    return total
