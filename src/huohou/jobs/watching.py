"""A run as somebody sees it who looks on: folded from its events, which are only read."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huohou.jobs.epochs import EpochTimes
from huohou.jobs.progress import Progress
from huohou.jobs.sources import Source
from huohou.jobs.trace import Trace
from huohou.record.events import Event
from huohou.record.recorder import FINAL

TICK = 0.5  # seconds between two looks
SETTLE = 5.0  # seconds between two questions whether the job's supervisor lives
NEWEST = 20  # of what was said lately
_NOTABLE = frozenset({"eval", "alert", "finding", "checkpoint", "state", "log"})


@dataclass(slots=True)
class View:
    """What there is to see of a run.

    number: None for a log that is no job of ours; planned: seconds the plan foresaw for training,
    None where there is no plan; began, ended: unix seconds; newest: what was said lately.
    """

    title: str
    number: int | None = None
    recipe: str = ""
    model: str = ""
    planned: float | None = None
    began: float | None = None
    ended: float | None = None
    error: str | None = None
    progress: Progress = field(default_factory=Progress)
    times: EpochTimes = field(default_factory=EpochTimes)
    traces: dict[str, Trace] = field(
        default_factory=lambda: {"loss": Trace(), "eval_loss": Trace()}
    )
    newest: deque[Event] = field(default_factory=lambda: deque(maxlen=NEWEST))

    def see(self, event: Event) -> None:
        """Take in the next event."""
        self.progress.see(event)
        self.times.see(event)
        kind = event["kind"]
        for name, trace in self.traces.items():
            if kind in ("metrics", "eval") and isinstance(event.get(name), int | float):
                trace.add(event[name])
        if kind in _NOTABLE:
            self.newest.append(event)
        if kind == "queued":
            self._queued(event)
        elif kind == "state":
            self._state(event)
        elif kind == "reset":
            self._forget()

    def _queued(self, event: Event) -> None:
        self.title, self.number = str(event.get("name")), event.get("id")
        self.recipe, self.model = str(event.get("recipe")), str(event.get("base_model"))
        plan = event.get("plan")
        predicted = plan.get("prediction") if isinstance(plan, dict) else None
        seconds = predicted.get("seconds") if isinstance(predicted, dict) else None
        self.planned = seconds if isinstance(seconds, int | float) else None

    def _state(self, event: Event) -> None:
        t = event.get("t")
        if event["state"] == "starting" and self.began is None:
            self.began = t
        is_over = event["state"] in FINAL
        self.ended, self.error = (t, event.get("error")) if is_over else (None, None)

    def _forget(self) -> None:
        new = View(self.title)
        self.progress, self.times, self.traces = new.progress, new.times, new.traces
        self.newest.clear()


class Watch:
    """Looks on until the job has ended.

    settle: asked now and then to bring a job to its end whose supervisor died; idle: seconds
    without anything new after which a log is left; a log has no end of its own.
    Iterating gives what is new, every TICK, also when that is nothing.
    """

    def __init__(
        self,
        source: Source,
        title: str,
        *,
        folder: Path | None = None,
        settle: Callable[[], Any] | None = None,
        idle: float | None = None,
    ) -> None:
        self.view = View(title)
        self.folder = folder
        self._source = source
        self._settle = settle
        self._idle = idle
        self._new_at = self._settled = time.monotonic()

    def __iter__(self) -> Iterator[list[Event]]:
        while True:
            news = self._source.poll()
            for event in news:
                self.view.see(event)
            yield news
            if news or self._source.has_more:
                self._new_at = time.monotonic()
            if not news:
                if self._is_over():
                    return
                time.sleep(TICK)

    def tail(self, count: int) -> list[str]:
        """Last lines of what the run printed."""
        return self._source.tail(count)

    def catch_up(self) -> None:
        """Take in what is there already, without showing it."""
        while news := self._source.poll():
            for event in news:
                self.view.see(event)

    def _is_over(self) -> bool:
        if self.folder is not None and self.view.progress.state in FINAL:
            return True
        now = time.monotonic()
        if self._settle is not None and now - self._settled >= SETTLE:
            self._settled = now
            self._settle()
        return self._idle is not None and now - self._new_at >= self._idle
