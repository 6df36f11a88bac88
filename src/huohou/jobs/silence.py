"""Notices that a run has gone silent."""

from collections import deque
from statistics import median

LEAST = 60.0  # seconds of silence that are worth a word
TIMES = 3.0  # usual gaps
UNKNOWN = 600.0  # seconds, while no gap is known: a large model takes its time to load


class Silence:
    """Measures the gaps between events. Times are those of one monotonic clock, in seconds."""

    def __init__(self, now: float) -> None:
        self._last, self._told = now, False
        self._gaps: deque[float] = deque(maxlen=50)

    def heard(self, now: float) -> None:
        """Something came."""
        self._gaps.append(now - self._last)
        self._last, self._told = now, False

    def too_long(self, now: float) -> float | None:
        """Seconds of a silence that has just become too long; it is told once."""
        usual = median(self._gaps) if len(self._gaps) >= 5 else None
        limit = UNKNOWN if usual is None else max(LEAST, TIMES * usual)
        silent = now - self._last
        if self._told or silent < limit:
            return None
        self._told = True
        return silent
