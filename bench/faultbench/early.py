"""At which share of a run a fatal fault is called: its log cut short, as it was at that time."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from bench.faultbench.doctors import ours
from bench.faultbench.examine import look
from bench.faultbench.export import OPEN
from bench.faultbench.figures import named
from bench.faultbench.stored import Run

# A run with one of these is lost, however long it goes on.
FATAL = frozenset({
    "nan-loss", "masked-nan", "diverged", "nothing-trains", "loss-above-uniform", "silent-restart",
    "resume-lost-weights", "embedding-collapse", "lr-zero",
})  # fmt: skip
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def called_at(run: Run, form: str = "huohou") -> float | None:
    """The smallest share of the log at which the fault is named and stays so, None for never."""
    first = None
    for part in reversed(SHARES):
        if not named(run, look(cut(run, part), ours, form)):
            break
        first = part
    return first


def cut(run: Run, part: float) -> Run:
    """The run as its log was when that part of its rows had been written."""
    if part >= 1:
        return run
    rows = [row for row in run.log if row["kind"] != "end"]
    kept: list[Any] = list(rows[: max(1, round(part * len(rows)))])
    return replace(run, log=[*kept, {"kind": OPEN, "t": kept[-1].get("t", 0.0)}])


def onset(run: Run) -> float:
    """The share of the log at which the fault was planted, 0 where it is there from the start."""
    return float(run.truth.get("onset", 0.0) or 0.0)


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """Median share at which the fatal faults were called, from the start and from their onset."""
    fatal = [run for run in runs if run.is_counted and run.codes[0] in FATAL]
    found = [(run, called_at(run)) for run in fatal]
    shares = [share for _, share in found if share is not None]
    after = [max(0.0, share - onset(run)) for run, share in found if share is not None]
    return {
        "fatal": len(fatal),
        "called": len(shares),
        "median_share": median(shares) if shares else None,
        "median_share_after_onset": median(after) if after else None,
    }
