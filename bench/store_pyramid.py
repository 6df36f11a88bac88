"""Reading a long series for a chart: the store's min/max/last pyramid against SQL's GROUP BY.

Run as: python bench/store_pyramid.py [--quick]

Writes a run of a million points (--quick: 200,000) into a store in a temporary folder and reads
1,000 buckets of it, the whole run and random parts of it, both ways in turn. Both give the same
smallest and largest values.
"""

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from _common import arguments, report
from huohou.record.events import dumps
from huohou.record.recorder import Journal
from huohou.record.store import DATABASE, Store
from huohou.record.workspace import EVENTS, JOURNAL

POINTS = 1000  # buckets a chart draws
GROUPED = """
SELECT MAX(step), MIN(value), MAX(value), COUNT(*) FROM metrics
WHERE job_id = 1 AND name = 'loss' AND seg = 0 AND step BETWEEN :lo AND :hi
GROUP BY (step - :lo) / :width ORDER BY 1
"""


def main() -> None:
    """Measure and report."""
    quick = arguments(__doc__ or "").quick
    size = 200_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        store, seconds = _filled(Path(place), size)
        database = sqlite3.connect(Path(place) / DATABASE)
        whole = _both(min, store, database, [(0, size - 1)] * (5 if quick else 9))
        draw = random.Random(0)
        parts = [sorted(draw.sample(range(size), 2)) for _ in range(10 if quick else 30)]
        zoomed = _both(median, store, database, [(lo, hi) for lo, hi in parts])
        database.close()
    figures = {
        "points": size,
        "taken_in_per_second": size / seconds,
        "whole_pyramid_ms": whole[0],
        "whole_group_by_ms": whole[1],
        "whole_times_faster": whole[1] / whole[0],
        "part_pyramid_ms": zoomed[0],
        "part_group_by_ms": zoomed[1],
    }
    faster = {"min": 2.0 if quick else 10.0}
    targets = {"whole_times_faster": faster, "whole_pyramid_ms": {"max": 100.0}}
    for name, value in figures.items():
        print(f"{name:<22} {value:,.1f}")
    report("store_pyramid", figures, targets)


def _filled(place: Path, size: int) -> tuple[Store, float]:
    """A store with one run of so many points, and how long taking it in took."""

    def fill(number: int, folder: Path) -> None:
        with Journal(folder / JOURNAL, 0) as journal:
            journal.queued(number, "long", "sft", "model")

    store = Store(place)
    folder = store.create("long", fill)
    draw = random.Random(0)
    with (folder / EVENTS).open("wb") as out:
        for step in range(size):
            head = {"t": step * 0.1, "seg": 0, "kind": "metrics", "step": step, "epoch": 0.0}
            out.write(dumps({**head, "loss": 3 / (1 + step / 1000) + draw.gauss(0, 0.1)}))
    begin = time.perf_counter()
    store.take_in(folder)
    return store, time.perf_counter() - begin


def _both(
    summary: Callable[[list[float]], float],
    store: Store,
    database: sqlite3.Connection,
    ranges: list[tuple[int, int]],
) -> tuple[float, float]:
    """Milliseconds of both ways over these ranges, in turn; what they find must agree."""
    ours, theirs = [], []
    for lo, hi in ranges:
        took, series = _timed(lambda lo=lo, hi=hi: store.series(1, "loss", POINTS, lo, hi))
        ours.append(took)
        question = {"lo": lo, "hi": hi, "width": -(-(hi - lo + 1) // POINTS)}
        took, rows = _timed(lambda q=question: database.execute(GROUPED, q).fetchall())
        theirs.append(took)
        lowest, highest = min(row[1] for row in rows), max(row[2] for row in rows)
        if (min(series.min), max(series.max)) != (lowest, highest):
            raise SystemExit(f"the two ways differ from step {lo} to step {hi}")
        if sum(series.n) != hi - lo + 1:
            raise SystemExit(f"points are missing from step {lo} to step {hi}")
    return summary(ours), summary(theirs)


def _timed(read: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    found = read()
    return (time.perf_counter() - begin) * 1000, found


if __name__ == "__main__":
    main()
