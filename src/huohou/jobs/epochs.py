"""How long each epoch took, folded from a run's events."""

import math
from dataclasses import dataclass, field

from huohou.record.events import Event

_MOST = 100_000  # epochs that one step may cross: more is a log that counts something else


@dataclass(slots=True)
class EpochTimes:
    """Seconds spent in each epoch (from 1), and when each was over, in unix seconds.

    Time between two events is shared out by the part of each epoch that lies between them. What
    a resumed run does once more is counted once more: that time was spent.
    """

    seconds: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)
    reached: float = 0.0
    _last: tuple[float, float] | None = None

    def see(self, event: Event) -> None:
        """Take in the next event."""
        t, epoch = event.get("t"), event.get("epoch")
        if event["kind"] == "start":
            self._last = None if t is None else (t, self.reached)
        elif event["kind"] not in ("metrics", "eval") or t is None or epoch is None:
            return
        else:
            self._numbers(t, epoch)

    def _numbers(self, t: float, epoch: float) -> None:
        if not math.isfinite(epoch):
            return
        if self._last is not None:
            self._share(*self._last, t, epoch)
        if epoch >= 1 and epoch == int(epoch):
            self.ended[int(epoch)] = t  # the evaluation after an epoch is a part of it
        self._last, self.reached = (t, epoch), epoch

    def _share(self, before: float, begin: float, now: float, end: float) -> None:
        seconds = max(now - before, 0.0)
        if end <= begin or end - begin > _MOST:
            self._add(max(math.ceil(end), 1), seconds)
            return
        for epoch in range(math.floor(begin) + 1, math.ceil(end) + 1):
            part = (min(end, epoch) - max(begin, epoch - 1)) / (end - begin)
            self._add(epoch, part * seconds)
            if begin < epoch <= end:
                self.ended[epoch] = before + (epoch - begin) / (end - begin) * seconds

    def _add(self, epoch: int, seconds: float) -> None:
        self.seconds[epoch] = self.seconds.get(epoch, 0.0) + seconds
