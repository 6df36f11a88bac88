"""The log of a run: rows in the order written, values of five significant digits.

Seconds are those the process computed plus those it slept, so that other programs on the machine
do not show as stalls.
"""

import math
import time
from typing import Any

DIGITS = 5


class Clock:
    """Seconds since the start: computing time of this process and its sleeps."""

    def __init__(self) -> None:
        self._start, self._slept = time.process_time(), 0.0

    def now(self) -> float:
        """Seconds so far."""
        return time.process_time() - self._start + self._slept

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""
        time.sleep(seconds)
        self._slept += seconds


class Logbook:
    """Collects rows."""

    def __init__(self, clock: Clock) -> None:
        self.rows: list[dict[str, Any]] = []
        self._clock = clock

    def write(self, kind: str, **values: Any) -> dict[str, Any]:
        """Append a row: start, metrics, eval, end or crash."""
        row = {"kind": kind, "t": round(self._clock.now(), 3), **rounded(values)}
        self.rows.append(row)
        return row


def rounded(values: Any) -> Any:
    """Numbers to five significant digits, in any nesting; NaN and infinities stay."""
    if isinstance(values, dict):
        return {k: rounded(v) for k, v in values.items()}
    if isinstance(values, list | tuple):
        return [rounded(v) for v in values]
    if isinstance(values, float) and math.isfinite(values):
        return float(f"{values:.{DIGITS}g}")
    return values
