"""Checkpoints are copied to a storage while the training goes on.

The training process copies, in a thread of its own, so that no update waits for a network; what
there is to say comes with the next line of the record, which has one writer. Before the record says
that the run is over, what could not be copied is tried once more.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huohou.errors import HuohouError, StoreError
from huohou.record.copies import Copies
from huohou.record.recorder import Level, Recorder, State
from huohou.record.storage import problem_of
from huohou.text import say

EVERY = 10.0  # seconds between two words about what is waited for at the end
_GOING = 2.0  # seconds a folder may take to be deleted


class Copier:
    """Copies checkpoints one after the other. limit: how many are kept there."""

    def __init__(self, copies: Copies, limit: int) -> None:
        self.copies = copies
        self._limit = limit
        self._waiting: deque[Path] = deque()
        self._failed: list[Path] = []
        self._words: deque[tuple[str, Level]] = deque()
        self._change = threading.Condition()
        self._at: Path | None = None  # what is copied now; also what the thread died of
        self._over = self._outrun = self._dead = False
        self._far = ("", 0, 0, 0.0)  # what is copied now, bytes done and of all, since when
        self._thread = threading.Thread(target=self._work, name="copier", daemon=True)
        self._thread.start()

    def take(self, *paths: Path) -> None:
        """Copy these, after those that could not be copied before."""
        with self._change:
            self._waiting += [one for one in self._failed if one not in paths]
            self._waiting += paths
            self._failed = []
            self._change.notify_all()

    def words(self) -> list[tuple[str, Level]]:
        """What there is to say since the last call."""
        found = []
        while self._words:
            found.append(self._words.popleft())
        return found

    def idle(self, seconds: float) -> bool:
        """Whether nothing is to be copied any more, at the latest after these seconds."""
        with self._change:
            return self._change.wait_for(self._is_idle, seconds)

    def _is_idle(self) -> bool:
        return self._dead or not (self._at or self._waiting)

    def waits(self) -> str:
        """What is being copied, and once that is known how far it is and how long it will take."""
        name, done, whole, began = self._far
        told = {"name": name, "address": self.copies.address}
        if not done:
            return say("storage.waits", **told)
        left = (time.monotonic() - began) * (whole - done) / done
        percent, seconds = f"{100 * done / whole:.0f}", f"{left:.0f}"
        return say("storage.waiting", percent=percent, seconds=seconds, **told)

    def left(self) -> list[Path]:
        """What could not be copied and is still here, once nothing is copied any more."""
        held = [*self._failed, *([self._at] if self._at else ()), *self._waiting]
        return [one for one in held if one.is_dir()]

    def close(self) -> None:
        """Copy nothing more; a file that is on its way is the last one."""
        with self._change:
            self._over = True
            self._change.notify_all()

    def _work(self) -> None:
        try:
            self._serve()
        finally:  # also of a bug of ours: who waits for it waits no longer
            with self._change:
                self._dead = True
                self._change.notify_all()

    def _serve(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._over or self._waiting)
                if self._over:
                    return
                path = self._at = self._waiting.popleft()
            self._copy(path)
            with self._change:
                self._at = None
                self._change.notify_all()

    def _copy(self, path: Path) -> None:
        began, begun = time.monotonic(), False
        self._far = (path.name, 0, 0, began)

        def goes_on(done: int, whole: int) -> bool:
            nonlocal begun
            begun = True
            self._far = (path.name, done, whole, began)
            return not self._over

        try:
            saved = self.copies.save(path, self._limit, goes_on)
        except InterruptedError:  # the end
            return
        except (HuohouError, OSError) as error:
            self._broke_off(path, error, begun)
            return
        self._outrun = False
        size, took = f"{saved.bytes / 1e6:.1f}", f"{time.monotonic() - began:.1f}"
        told = {"name": path.name, "address": self.copies.address, "size": size, "seconds": took}
        self._words.append((say("storage.copied", **told), "info"))

    def _broke_off(self, path: Path, error: Exception, begun: bool) -> None:
        told = {"name": path.name, "address": self.copies.address}
        if not _makes_room(path, error):
            text = say("storage.later", problem=problem_of(error), **told)
            self._words.append((text, "warning"))
            self._failed.append(path)
        elif begun and not self._outrun:  # a newer one has taken its place: said once
            self._outrun = True
            self._words.append((say("storage.outrun", **told), "warning"))


def _makes_room(path: Path, error: Exception) -> bool:
    """Whether a file was not found because its checkpoint is deleted: that takes a moment, and the
    folder is there until the last of its files is gone."""
    if not any(isinstance(one, FileNotFoundError) for one in (error, error.__cause__)):
        return False
    until = time.monotonic() + _GOING
    while path.is_dir() and time.monotonic() < until:
        time.sleep(0.02)
    return not path.is_dir()


class CopyingRecorder(Recorder):
    """The recorder of a run; once it has a copier, its checkpoints are copied."""

    copier: Copier | None = None

    def metrics(self, step: int, epoch: float, **values: float) -> None:
        """As ever; and what the copier has to say."""
        self._tell()
        super().metrics(step, epoch, **values)

    def checkpoint(self, step: int, path: Path | str, **values: float) -> None:
        """As ever; the checkpoint is copied from now on."""
        super().checkpoint(step, path, **values)
        if self.copier is not None:
            self._tell()
            self.copier.take(self.copier.copies.folder / path)

    def end(self, state: State, **facts: Any) -> None:
        """As ever, once everything is copied that can be."""
        if self.copier is not None:
            self._wait(self.copier)
        super().end(state, **facts)
        if self.copier is not None:
            self._close(self.copier)

    def close(self) -> None:
        """Give the file back, and copy nothing more."""
        if self.copier is not None:
            self.copier.close()
        super().close()

    def _wait(self, copier: Copier) -> None:
        """Until the copier has done what it can; what it could not is tried again, then told."""
        self._until_idle(copier)
        if copier.left():
            copier.take()
            self._until_idle(copier)
        for path in copier.left():
            told = {"name": path.name, "address": copier.copies.address, "path": path.resolve()}
            self.alert(say("storage.missing", **told))

    def _until_idle(self, copier: Copier) -> None:
        while not copier.idle(EVERY):
            self.log(copier.waits())
        self._tell()

    def _close(self, copier: Copier) -> None:
        copier.close()
        try:
            copier.copies.record()
        except (StoreError, OSError) as error:
            told = {"address": copier.copies.address, "problem": problem_of(error)}
            self.alert(say("storage.record_missing", **told))

    def _tell(self) -> None:
        for text, level in self.copier.words() if self.copier else ():
            tell: Callable[[str, Level], None] = self.log if level == "info" else self.alert
            tell(text, level)
