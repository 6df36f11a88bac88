"""The page of a long run and the list of many, in a browser, beside TensorBoard and Trackio.

Run as: python bench/page.py [--quick]

One run with five charts of a million points each (--quick: 100,000), and a list of a thousand runs
(--quick: 200), written with the same numbers for each of the three (how, and with which settings,
is told in _boards.py). Then, tool by tool in turn, in Debian's Chromium without a window and
without a GPU, each time with an empty cache:

1. Until all five charts are drawn with their data: seconds from the navigation to the first
   picture that the browser shows in which each chart looks as it does in the end. Taken from the
   browser's own film of the page, the same for all; nothing is asked of a page's scripts. The
   window is high enough for all charts, because a chart out of sight need not be drawn.
2. What came over the network until then and while it was still: headers, scripts, styles, data.
3. While a point a second arrives (each a value of all five): processor time of the page's main
   thread, as a share of the time, and the greatest heap of its scripts. Ours and Trackio show each
   point; TensorBoard reads anew every 30 s, so that --quick (15 s) does not hold it once.
4. The list of all runs: seconds until its table looks as in the end, and what came for it.

What did not come to rest within two minutes has no figure; that is said on stderr. The pictures
are kept where HUOHOU_BENCH_PICTURES names a folder. Needs Chromium (HUOHOU_CHROMIUM); TensorBoard
and Trackio are left out where they are not installed (``make setup-bench``).
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from _common import arguments, report

# jobs and servers as the tests have them
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))

from _boards import BOARDS, Board, Columns, installed
from _browser import NoPictureError, Opening, Place, chromium, life, opening

POINTS = {True: 100_000, False: 1_000_000}
RUNS = {True: 200, False: 1000}
SHORT = 20  # points of each of the many runs
ROUNDS = {True: 2, False: 5}
SECONDS = {True: 15, False: 60}
TARGETS = {
    "huohou_ready_s": {"max": 1.5},
    "huohou_kb": {"max": 160.0},
    "huohou_live_share": {"max": 0.03},
    "huohou_live_heap_mb": {"max": 10.0},
    "huohou_list_ready_s": {"max": 1.0},
}


def columns(size: int) -> Columns:
    """Five series as a training gives them, noise and spikes with them."""
    import numpy as np

    draw = np.random.default_rng(0)
    step = np.arange(1, size + 1)
    part = step / size
    series = {
        "loss": 0.4 + 2.6 / (1 + 40 * part) + draw.normal(0, 0.05, size),
        "accuracy": 1 - 0.8 * np.exp(-3 * part) + draw.normal(0, 0.01, size),
        "learning_rate": 1e-3 * np.minimum(part / 0.05, (1 - part) / 0.95),
        "grad_norm": np.exp(draw.normal(0, 0.3, size)) + 20 * (draw.random(size) < 1e-4),
        "tokens_per_second": 1000 + draw.normal(0, 30, size),
    }
    return {name: np.round(values, 6).tolist() for name, values in series.items()}


def main() -> None:
    """Measure and report."""
    quick = arguments(__doc__ or "").quick
    names = installed()
    for name in BOARDS.keys() - set(names):
        print(f"{name} is not installed and is left out", file=sys.stderr)
    figures: dict[str, float] = {"points": POINTS[quick], "runs": RUNS[quick]}
    with tempfile.TemporaryDirectory() as top, chromium() as browser:
        boards = {name: BOARDS[name]() for name in names}
        for part in (_long, _many):
            for name, value in part(boards, Path(top), browser, quick):
                print(f"{name:<32} {value:,.4g}", file=sys.stderr, flush=True)
                figures[name] = value
    targets: dict[str, dict[str, float]] = dict(TARGETS)
    for what in ("ready_s", "kb", "live_share", "live_heap_mb", "list_ready_s", "list_kb"):
        for name in names[1:]:
            if f"{name}_{what}" in figures:
                ratio = f"times_{name}_{what.removesuffix('_s')}"
                figures[ratio] = figures[f"{name}_{what}"] / figures[f"huohou_{what}"]
    report("page", figures, targets)


def _long(
    boards: dict[str, Board], top: Path, browser: Any, quick: bool
) -> Iterator[tuple[str, float]]:
    """Figures of the page of a long run."""
    data = columns(POINTS[quick])
    with ExitStack() as stack:
        places = {}
        for name, board in boards.items():
            begin = time.perf_counter()
            board.long(top / name / "long", data)
            print(f"{name}: written in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
            stack.callback(board.close)
            places[name] = stack.enter_context(board.served(top / name / "long"))[0]
        del data
        seen = _openings(browser, places, ROUNDS[quick])
        yield from _medians(seen, "")
        for name, board in boards.items():
            lived = life(browser, places[name], SECONDS[quick], board.beat)
            yield f"{name}_live_share", lived.share
            yield f"{name}_live_heap_mb", lived.heap
            yield f"{name}_live_kb_per_s", lived.kilobytes
        _keep(seen, "run")


def _many(
    boards: dict[str, Board], top: Path, browser: Any, quick: bool
) -> Iterator[tuple[str, float]]:
    """Figures of the list of many runs."""
    data = columns(SHORT)
    with ExitStack() as stack:
        places = {}
        for name, board in boards.items():
            board.many(top / name / "many", RUNS[quick], data)
            places[name] = stack.enter_context(board.served(top / name / "many"))[1]
        seen = _openings(browser, places, ROUNDS[quick])
        yield from _medians(seen, "list_")
        _keep(seen, "list")


def _openings(browser: Any, places: dict[str, Place], rounds: int) -> dict[str, list[Opening]]:
    """Each page so often, in turn."""
    seen: dict[str, list[Opening]] = {name: [] for name in places}
    for _ in range(rounds):
        for name, place in places.items():
            try:
                seen[name].append(opening(browser, place))
            except NoPictureError as problem:
                if name == "huohou":
                    raise SystemExit(str(problem)) from problem
                print(problem, file=sys.stderr)
    return {name: some for name, some in seen.items() if len(some) > rounds / 2}


def _medians(seen: dict[str, list[Opening]], part: str) -> Iterator[tuple[str, float]]:
    for name, some in seen.items():
        yield f"{name}_{part}ready_s", median(one.seconds for one in some)
        yield f"{name}_{part}kb", median(one.kilobytes for one in some)
        yield f"{name}_{part}requests", median(one.requests for one in some)


def _keep(seen: dict[str, list[Opening]], what: str) -> None:
    folder = os.environ.get("HUOHOU_BENCH_PICTURES")
    for name, some in seen.items() if folder else ():
        Path(folder or "").mkdir(parents=True, exist_ok=True)
        (Path(folder or "") / f"{what}-{name}.png").write_bytes(some[-1].picture)


if __name__ == "__main__":
    main()
