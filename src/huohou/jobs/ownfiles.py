"""The folder of a job that is written by the process that trains, without a supervisor."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from huohou.errors import StoreError
from huohou.jobs import disk
from huohou.jobs.daylog import DayLog
from huohou.jobs.progress import Progress
from huohou.record.recorder import Journal, Recorder
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL, TRAIN_LOG

HEAD = frozenset({"t", "seg", "kind", "step", "epoch", "line"})  # names of every event


class OwnFiles:
    """A job's folder with both its writers. Raises StoreError when it cannot be made."""

    number: int
    journal: Journal
    recorder: Recorder

    def __init__(
        self,
        store: Store,
        name: str,
        recipe: str,
        *,
        epochs: float | None,
        updates: int | None,
        facts: dict[str, Any],
    ) -> None:
        self.store = store
        self.epochs, self.updates = epochs, updates
        self.progress = Progress()
        planned = {"epochs": epochs, "updates": updates}
        self._planned = {key: value for key, value in planned.items() if value is not None}
        known = ((key, value) for key, value in facts.items() if value is not None)
        self._facts = {key: value for key, value in known if key not in HEAD}
        model = str(self._facts.get("base_model") or "")
        self.queued: dict[str, Any] = {
            "name": name,
            "recipe": recipe,
            "base_model": model,
            **self._planned,
        }
        try:
            self.folder = store.create(name, self._fill)
        except OSError as error:
            self.close()
            raise StoreError(
                "job.cannot_create", path=store.workspace, problem=error.strerror or error
            ) from error
        self.day = DayLog(self.folder)

    def _fill(self, number: int, folder: Path) -> None:
        self.close()  # of a number that another process took
        self.number = number
        disk.set_aside(folder)
        (folder / HEARTBEAT).touch()
        self._log = (folder / TRAIN_LOG).open("a", encoding="utf-8", errors="backslashreplace")
        self.journal = Journal(folder / JOURNAL, seg=0)
        self.recorder = Recorder(folder / EVENTS, seg=0, echo=self._log)
        self.journal.queued(number, **self.queued)
        self.journal.state("starting")
        self.journal.segment(os.getpid(), os.getpid(), socket.gethostname())
        self.recorder.start(**self._planned, **self._facts)
        self.journal.state("running")

    def close(self) -> None:
        """Give both files back; what was not opened yet is left."""
        for name in ("recorder", "journal", "_log"):
            with suppress(AttributeError, OSError):
                getattr(self, name).close()
