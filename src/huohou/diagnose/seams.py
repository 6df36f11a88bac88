"""Places where a training was taken up again by another process, as far as a log shows them."""

import numpy as np

from huohou.diagnose.case import Case
from huohou.record.columns import Series

COUNTERS = ("num_tokens", "total_tokens", "elapsed_time")  # count from 0 in each process


def seams(case: Case, name: str = "loss") -> list[int]:
    """Indices in a finite course at which a later process life begins, in order.

    Known from the segments of the log, and from counters that only ever grow within a process
    (TRL's ``num_tokens`` begins at 0 again after a resume).
    """
    course = Series.of(case.finite(name))
    if len(course) < 2:
        return []
    found = {int(i) + 1 for i in np.flatnonzero(np.diff(course.segs))}
    places = course.places
    for place in _resets(case):
        i = int(np.searchsorted(places, place))
        found |= {i} if 0 < i < len(places) else set()
    return sorted(found)


def _resets(case: Case) -> list[float]:
    """Places at which a counter begins again."""
    found = []
    for name in COUNTERS:
        counts = Series.of(case.finite(name))
        falls = np.flatnonzero(np.diff(counts.values) < 0) + 1
        found += [float(place) for place in counts.places[falls]]
    return found
