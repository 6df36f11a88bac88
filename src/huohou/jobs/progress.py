"""Where a run is and when it will be done, folded from its events."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from huohou.record.events import Event
from huohou.record.recorder import State

WARM_UP = 5  # step times needed before a prediction
RECENT = 50  # step times it rests on
_HEAD = ("t", "seg", "kind", "step", "epoch", "line")


@dataclass(slots=True)
class _Pace:
    """Seconds a step takes (the median of the recent ones: one slow step moves it little), and
    what evaluations and checkpoints in between have cost a step so far."""

    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    last: tuple[float, int] | None = None
    counted: int = 0
    paused: bool = False
    lost: float = 0.0

    def step(self, t: float, step: int) -> None:
        if self.last is not None and step > self.last[1]:
            seconds, steps = t - self.last[0], step - self.last[1]
            self.counted += steps
            if self.paused and self.recent:
                self.lost += max(0.0, seconds - steps * median(self.recent))
            elif not self.paused:
                self.recent.append(seconds / steps)
        self.last, self.paused = (t, step), False

    def pause(self) -> None:
        self.paused = True

    def seconds(self, steps: float) -> float | None:
        if len(self.recent) < WARM_UP:
            return None
        return max(steps, 0.0) * (median(self.recent) + self.lost / self.counted)


@dataclass(slots=True)
class Progress:
    """State of a run after the events seen so far.

    step of steps: optimizer updates; at: unix seconds of the last numbers; finish_at: unix
    seconds, None while it cannot be told. A foreign log may have neither steps nor times.
    """

    state: State = "queued"
    step: int = 0
    steps: int | None = None
    epoch: float = 0.0
    epochs: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    checkpoint: str | None = None
    at: float | None = None
    finish_at: float | None = None
    _pace: _Pace = field(default_factory=_Pace)

    def see(self, event: Event) -> None:
        """Take in the next event, of the run's or the supervisor's file."""
        kind = event["kind"]
        if kind == "state":
            self.state = event["state"]
        elif kind in ("queued", "start"):
            self.steps = event.get("updates", self.steps)
            self.epochs = event.get("epochs", self.epochs)
            self._pace = _Pace()
        elif kind == "checkpoint":
            self.checkpoint = event["path"]
            self._pace.pause()
        elif kind in ("metrics", "eval"):
            self._numbers(event)

    def _numbers(self, event: Event) -> None:
        t, step, epoch = event.get("t"), event.get("step"), event.get("epoch")
        self.step = self.step if step is None else step
        self.epoch = self.epoch if epoch is None else epoch
        self.values |= {k: v for k, v in event.items() if k not in _HEAD}
        if event["kind"] == "eval":
            self._pace.pause()
        elif t is not None and step is not None:
            self._pace.step(t, step)
        self.at = t
        self.finish_at = self.reached_at(self.steps) if self.steps else None

    def reached_at(self, step: float) -> float | None:
        """When that step will have been done, in unix seconds; None while it cannot be told."""
        left = self._pace.seconds(step - self.step)
        return None if left is None or self.at is None else self.at + left
