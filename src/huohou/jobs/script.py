"""Runs that huohou did not start: any training loop writes the same record as our own jobs.

    run = huohou.start("my-loop", epochs=3, updates=300, base_model="my-net")
    for step, batch in enumerate(batches, start=1):
        ...
        run.log(step, loss=loss)
    run.finish()

The process is trainer and supervisor at once: it writes both files of a job's folder and holds
both locks, so a command finds it alive, and lost when it was killed. Whatever goes wrong while it
records is said once on stderr and never ends the loop.
"""

import atexit
import os
import sys
import time
import traceback
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from huohou.errors import StoreError
from huohou.jobs import disk, stopping
from huohou.jobs.keeper import Keeper
from huohou.jobs.ownfiles import HEAD, OwnFiles
from huohou.record.events import Event
from huohou.record.recorder import Level, State
from huohou.record.store import Store
from huohou.text import say

RECIPE = "script"
_RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
_NO_MEMORY = ("MemoryError", "OutOfMemoryError")
_LINES = 15  # kept of a traceback

_NAMES = {"lr": "learning_rate"}  # as many scripts call it


def start(
    name: str, *, epochs: float | None = None, updates: int | None = None, **facts: Any
) -> "ScriptRun":
    """Begin a run of your own loop in the workspace ($HUOHOU_HOME, by default ./runs).

    epochs, updates: how many there will be, where that is known (for progress and the expected
    end); facts: what else is known of it: base_model, batch_size, vocabulary, ...
    Of several processes of one training only rank 0 writes; the others get a run that does nothing.
    Raises StoreError when the workspace cannot be written.
    """
    return begin(name, epochs=epochs, updates=updates, facts=facts, writes=_is_first())


def begin(
    name: str,
    *,
    epochs: float | None,
    updates: int | None,
    facts: dict[str, Any],
    recipe: str = RECIPE,
    writes: bool = True,
) -> "ScriptRun":
    """Like start; writes: whether this process is the one of its training that does."""
    if not writes:
        return ScriptRun(None)
    files = OwnFiles(Store(), name, recipe, epochs=epochs, updates=updates, facts=facts)
    run = ScriptRun(files)
    _tell(say("script.started", id=files.number, name=name, folder=files.folder))
    return run


def _is_first() -> bool:
    ranks = [os.environ[name] for name in _RANKS if os.environ.get(name)]
    return not ranks or ranks[0].strip() == "0"


def _tell(text: str) -> None:
    with suppress(OSError, ValueError):  # a stderr that is gone or closed
        if sys.stderr is not None:
            sys.stderr.write(text + "\n")


class ScriptRun:
    """A run that this process writes. Every method returns at once and raises nothing.

    Usable as a context manager: an exception ends the run as failed, with its last lines.
    Without one, call ``finish``; a script that ends without it is recorded as stopped.
    """

    def __init__(self, files: OwnFiles | None) -> None:
        self._files = files
        self._pid = os.getpid()
        self._lock = Lock()
        self._told: set[str] = set()
        self._lost = 0
        self._stop_seen = self._listens = False
        self._last: Event | None = None
        self._error_before = _last_error()
        if files is None:
            return
        self._note({"t": time.time(), "kind": "queued", **files.queued})
        self._note({"t": time.time(), "kind": "state", "state": "running"})
        self._keeper = Keeper(files.store, files.folder, self._second, self._stop_asked)
        self._keeper.start()
        atexit.register(self.leave)
        _close_in_forks(self)

    @property
    def id(self) -> int | None:
        """Number of the job; None in a process that does not write."""
        return self._files.number if self._files else None

    @property
    def folder(self) -> Path | None:
        """Folder of the job; None in a process that does not write."""
        return self._files.folder if self._files else None

    @property
    def beside_seconds(self) -> float:
        """Processor seconds that the thread beside the loop has taken so far."""
        return self._keeper.busy if self._files is not None else 0.0

    @property
    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop (`huohou stop RUN`): then save and leave the loop.

        The request is seen within a second. `huohou stop --now` interrupts the script instead, as
        Ctrl-C does.
        """
        self._listens = True
        asked = self._files is not None and self._keeper.stop_asked
        self._stop_seen = self._stop_seen or asked
        return asked

    def log(self, step: int, epoch: float | None = None, **values: Any) -> None:
        """Values of training: loss, learning_rate, grad_norm, tokens_per_second, any other number.

        step: optimizer updates done; epoch: passes over the rows done, fractional. Numbers of
        NumPy and one-element tensors are taken as they are; NaN stays NaN.
        """
        place = self._place(step, epoch)
        if place is not None:
            event = place | self._numbers(values)
            self._last = {"t": time.time(), "kind": "metrics", **event}
            self._write(lambda files: files.recorder.metrics(**event))

    def eval(self, step: int, epoch: float | None = None, **values: Any) -> None:
        """Values of an evaluation; names get ``eval_`` before them where they lack it."""
        named = {n if n.startswith("eval_") else f"eval_{n}": v for n, v in values.items()}
        place = self._place(step, epoch)
        if place is not None:
            event = place | self._numbers(named)
            self._write(lambda files: files.recorder.eval(**event))
            self._note({"t": time.time(), "kind": "eval", **event})

    def checkpoint(self, step: int, path: Path | str, **values: Any) -> None:
        """A checkpoint is complete on the disk."""
        place = self._place(step, None)
        if place is not None:
            event: Event = {"step": place["step"], "path": str(path)} | self._numbers(values)
            self._write(lambda files: files.recorder.checkpoint(**event))
            self._note({"t": time.time(), "kind": "checkpoint", **event})

    def text(self, text: str, level: Level = "info") -> None:
        """A line for people; it stands in train.log too."""
        self._write(lambda files: files.recorder.log(str(text), level))

    def alert(self, text: str, level: Level = "warning") -> None:
        """Something a person should see now."""
        self._write(lambda files: files.journal.alert(str(text), level))
        self._note({"t": time.time(), "kind": "alert", "level": level, "text": str(text)})

    def finish(self) -> None:
        """The training is over: completed, or stopped when it left because somebody asked."""
        left_early = self._stop_seen and not self._is_whole()
        self._end("stopped" if left_early else "completed")

    def fail(self, error: BaseException) -> None:
        """The training failed with this error."""
        lines = "".join(traceback.format_exception(error)).rstrip().splitlines()[-_LINES:]
        text = "\n".join([f"{type(error).__name__}: {error}", *lines])
        self._end("failed", error=text, reason=_reason(error, self.folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left(error)

    def _left(self, error: BaseException | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._end("stopped", reason="interrupted")
        elif error is None or (isinstance(error, SystemExit) and not error.code):
            self.finish()
        else:
            self.fail(error)

    def leave(self) -> None:
        """Nobody will write this run any more and nobody said how it ended: find it out."""
        error = _last_error()
        if error is not None and error is not self._error_before and not hasattr(sys, "ps1"):
            self._left(error)
        elif self._is_whole() or self._stop_seen:
            self.finish()
        else:
            self._end("stopped", error=say("script.no_finish"), reason="no-finish")

    def _is_whole(self) -> bool:
        updates = self._files.updates if self._files else None
        return bool(updates and self._last and self._last["step"] >= updates)

    # Writing

    def _write(self, do: Callable[[OwnFiles], None]) -> None:
        if self._files is None or os.getpid() != self._pid:
            return
        if self._over:
            self._tell_once("script.over")
            return
        with self._lock:
            try:
                do(self._files)
            except OSError as error:
                self._lost += 1
                self._tell_once("script.cannot_write", folder=self.folder, problem=error.strerror)

    def _end(self, state: State, **facts: Any) -> None:
        files = self._files
        if files is None or self._over or os.getpid() != self._pid:
            return
        self._over = True
        atexit.unregister(self.leave)
        self._keeper.finish()
        disk.give_back(files.folder)
        with self._lock, suppress(OSError):
            if self._lost:
                files.journal.alert(say("script.lost", n=self._lost))
            files.recorder.end(state, **facts)
            files.journal.state(state, **facts)
            stopping.forget(files.folder)
        if self._last is not None:
            self._note(self._last)
        self._note({"t": time.time(), "kind": "state", "state": state, **facts})
        files.close()
        with suppress(StoreError):  # only the index; the folder has everything
            files.store.take_in(files.folder)

    _over = False

    def _note(self, event: Event) -> None:
        """For the day's log."""
        if self._files is not None and os.getpid() == self._pid:
            with self._lock:
                self._files.progress.see(event)
                self._files.day.see(event, self._files.progress)

    def _second(self) -> None:
        """Once a second, in the keeper's thread."""
        if self._last is not None and not self._over:
            self._note(self._last)

    def _stop_asked(self) -> None:
        if self._over:
            return
        self._write(lambda files: files.journal.state("stopping"))
        self._note({"t": time.time(), "kind": "state", "state": "stopping"})
        if not self._listens:
            self.alert(say("script.deaf", id=self.id))

    def _place(self, step: Any, epoch: Any) -> dict[str, Any] | None:
        """Step and epoch as numbers; the epoch from the step where it follows from it."""
        try:
            at, passes = int(step), None if epoch is None else float(epoch)
        except (TypeError, ValueError, OverflowError):
            self._tell_once("script.no_step", step=repr(step), epoch=repr(epoch))
            return None
        files = self._files
        if passes is None and files is not None and files.epochs and files.updates:
            passes = files.epochs * at / files.updates
        return {"step": at, "epoch": passes}

    def _numbers(self, values: dict[str, Any]) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, value in values.items():
            try:
                number = value if type(value) in (int, float) else float(value)
            except (TypeError, ValueError, RuntimeError):
                self._tell_once("script.no_number", name=name, kind=type(value).__name__)
                continue
            found[_NAMES.get(name) or (f"{name}_" if name in HEAD else name)] = number
        return found

    def _tell_once(self, key: str, **fields: Any) -> None:
        if key not in self._told:
            self._told.add(key)
            _tell(say(key, **fields))


def _reason(error: BaseException, folder: Path | None) -> str:
    if folder is not None and disk.is_full(error, folder):
        return "disk-full"
    return "out-of-memory" if type(error).__name__ in _NO_MEMORY else "error"


def _last_error() -> BaseException | None:
    """The error that ended the script, where one did: Python keeps it for its own last words."""
    return getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)


def _close_in_forks(run: ScriptRun) -> None:
    """A worker that the script forks must not hold the files, and so the proof that the run
    lives, beyond the death of the script."""
    if not hasattr(os, "register_at_fork"):
        return
    known = weakref.ref(run)

    def close() -> None:
        mine = known()
        if mine is not None and mine._files is not None:
            mine._files.close()

    os.register_at_fork(after_in_child=close)
