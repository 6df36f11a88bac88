"""The two writers of a run: the training process records, its supervisor keeps the journal.

Each owns one file (``events.jsonl``, ``job.jsonl``) and nobody else writes it.
"""

import time
from pathlib import Path
from typing import Any, Literal, Self, TextIO

from huohou.record.events import Appender, Event
from huohou.record.finding import Finding

State = Literal[
    "queued", "starting", "running", "stopping", "completed", "stopped", "failed", "lost"
]
Level = Literal["info", "warning", "error"]

ACTIVE: frozenset[State] = frozenset({"starting", "running", "stopping"})
FINAL: frozenset[State] = frozenset({"completed", "stopped", "failed", "lost"})


class _Writer:
    def __init__(self, path: Path, seg: int) -> None:
        self.seg = seg
        self._out = Appender(path)

    def _write(self, kind: str, fields: Event) -> None:
        event: Event = {"t": round(time.time(), 3), "seg": self.seg, "kind": kind}
        clash = event.keys() & fields.keys()
        if clash:
            raise ValueError(f"{', '.join(sorted(clash))}: name of the header of every event")
        self._out.append(event | fields)

    def close(self) -> None:
        """Give the file back."""
        self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Recorder(_Writer):
    """Writes ``events.jsonl``; used by the training process only.

    seg: process life of the job, from 0. echo: where log lines are shown as well.
    Every method raises OSError when the disk is full: a run without its record is not worth going
    on with.
    """

    def __init__(self, path: Path, seg: int = 0, echo: TextIO | None = None) -> None:
        super().__init__(path, seg)
        self._echo = echo
        self.ended = False

    def start(self, **facts: Any) -> None:
        """Training begins. Facts others rely on: ``updates`` (of the whole run), ``epochs``."""
        self._write("start", facts)

    def metrics(self, step: int, epoch: float, **values: float) -> None:
        """Values of training: loss, learning_rate, grad_norm, tokens_per_second.

        step: optimizer updates done; epoch: passes over the rows done, fractional.
        """
        self._write("metrics", {"step": step, "epoch": epoch, **values})

    def eval(self, step: int, epoch: float, **values: float) -> None:
        """Values of an evaluation: eval_loss, eval_token_accuracy, eval_answer_accuracy."""
        self._write("eval", {"step": step, "epoch": epoch, **values})

    def checkpoint(self, step: int, path: Path | str, **values: float) -> None:
        """A checkpoint is complete on the disk."""
        self._write("checkpoint", {"step": step, "path": str(path), **values})

    def alert(self, text: str, level: Level = "warning", **facts: Any) -> None:
        """Something a person should see now. facts: max_tokens, recompute after lack of memory."""
        if self._echo is not None:
            print(text, file=self._echo, flush=True)
        self._write("alert", {"level": level, "text": text, **facts})

    def log(self, text: str, level: Level = "info") -> None:
        """A line for people."""
        if self._echo is not None:
            print(text, file=self._echo, flush=True)
        self._write("log", {"level": level, "text": text})

    def end(self, state: State, **facts: Any) -> None:
        """Training is over, in one of the states completed, stopped, failed."""
        self._write("end", {"state": state, **facts})
        self.ended = True


class Silent(Recorder):
    """A recorder that writes nothing: of a worker beside the one that records."""

    def __init__(self, seg: int = 0) -> None:
        self.seg, self.ended = seg, False
        self._echo = None

    def _write(self, kind: str, fields: Event) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing to give back."""


class Journal(_Writer):
    """Writes ``job.jsonl``; used by the job's supervisor only."""

    def queued(self, job: int, name: str, recipe: str, base_model: str, **facts: Any) -> None:
        """The job exists. facts: epochs, updates, plan."""
        fields = {"id": job, "name": name, "recipe": recipe, "base_model": base_model}
        self._write("queued", fields | facts)

    def queue(self, **facts: Any) -> None:
        """How the job waits for its turn: priority, and what starts it without a terminal."""
        self._write("queue", facts)

    def segment(self, pid: int, supervisor: int, host: str, **facts: Any) -> None:
        """A training process was started. facts: checkpoint, where it goes on from one."""
        self._write("segment", {"pid": pid, "supervisor": supervisor, "host": host, **facts})

    def state(self, state: State, **facts: Any) -> None:
        """The job's state changed. facts of an end: error, reason, exit_code, signal, tail."""
        self._write("state", {"state": state, **facts})

    def finding(self, finding: Finding) -> None:
        """A rule spoke."""
        self._write("finding", finding.as_dict())

    def alert(self, text: str, level: Level = "warning") -> None:
        """Something a person should see now."""
        self._write("alert", {"level": level, "text": text})
