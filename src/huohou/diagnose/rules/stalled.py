"""The run stood still, or became much slower."""

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling
from huohou.diagnose.rule import Cause, Need, Outcome, rule, where
from huohou.record.columns import Floats, Series
from huohou.record.finding import Finding
from huohou.record.record import Point, Record

POINTS = 20
STILL = 1800.0  # seconds between two lines: StalledTraining of SageMaker Debugger
TIMES = 10.0  # and so many usual gaps
PART = 0.25  # of all the time, and
MANY = 30.0  # usual gaps: a gap that is long for a short run
SLOWER = 2.5  # times as slow as before,
LASTING = 0.2  # for this part of the lines, up to the end
EVALS = 3  # gaps with an evaluation: fewer do not say how long one takes
SECONDS = 0.005  # a line: what is quicker cannot be told from the clock


def _timed(seconds: list[float], evals: bool = False) -> Record:
    """A run whose lines take these times; evals: with an evaluation before each long gap."""
    times = np.cumsum(seconds).tolist()
    rows = zip(falling(2.0, 1.0, n=len(times)), times, strict=True)
    losses = tuple(Point(v, 10 * (i + 1), t=1e9 + t) for i, (v, t) in enumerate(rows))
    long = [p for p, s in zip(losses[:-1], seconds[1:], strict=True) if s > STILL]
    series = {"loss": losses, "eval_loss": tuple(long) if evals else ()}
    return Record({"path": "example"}, {name: s for name, s in series.items() if s})


@rule(
    "stalled",
    severity="warning",
    cause=Cause.RESTART,
    needs=(Need("loss", POINTS),),
    fires=(
        _timed([5.0] * 30 + [7200.0] + [5.0] * 20),
        _timed([5.0] * 40 + [25.0] * 15),
        _timed([5.0] * 30 + [200.0] + [5.0] * 20),
    ),
    quiet=(
        _timed([5.0] * 60),
        _timed([5.0] * 30 + [300.0] + [5.0] * 220),
        _timed(([5.0] * 9 + [60.0]) * 6),
        _timed([5.0] * 20 + [2000.0] + [5.0] * 20 + [2100.0] + [5.0] * 10, evals=True),
        _timed([5.0] * 40 + [1900.0] + [5.0] * 9 + [1900.0] + [5.0] * 9, evals=True),
        _timed([60.0] * 3 + [5.0] * 50),
        _timed([0.001] * 40 + [0.01] * 15),
        _timed([5.0] * 40 + [10.0] * 15),
    ),
    source="StalledTraining of Amazon SageMaker Debugger; trainproof (step time)",
)
def stalled(case: Case) -> Outcome:
    """From the times of the lines: a single gap of more than half an hour and of more than 10 times
    the usual one, or of more than 30 times and a quarter of all the time, within one process life;
    a gap that holds an evaluation is compared with others that do, by the latter; or lines that
    take more than 2.5 times as long as in the first half of the run, for the last fifth of it.
    Evaluations and checkpoints that make regular gaps do not count: compared are medians.
    """
    losses = case.loss
    if len(losses) < POINTS or np.isnan(losses.times).any():
        return Need("time", POINTS)
    gaps = _gaps(losses)
    usual = float(np.nanmedian(gaps)) if np.isfinite(gaps).any() else 0.0
    pauses = _pauses(case, losses)
    long = np.where(pauses, 0.0, np.nan_to_num(gaps))
    i = int(np.argmax(long))
    whole = PART * float(np.nansum(gaps))
    usual = max(usual, SECONDS)
    if long[i] > max(STILL, TIMES * usual) or long[i] > max(whole, MANY * usual):
        return _finding("gap", losses[i + 1], seconds=float(long[i]), usual=usual)
    at_eval = np.where(pauses, np.nan_to_num(gaps), 0.0)
    each = _longest(case, losses, at_eval)
    if len(each) >= EVALS:
        often, j = max(float(np.median(each)), SECONDS), int(np.argmax(at_eval))
        if at_eval[j] > max(whole, MANY * often):
            return _finding("gap", losses[j + 1], seconds=float(at_eval[j]), usual=often)
    before = max(float(np.nanmedian(gaps[: len(gaps) // 2])), SECONDS)
    last = gaps[-max(POINTS // 2, int(LASTING * len(gaps))) :]
    now = float(np.nanmedian(last))
    if now > SLOWER * before:
        return _finding("slower", losses[len(losses) - len(last)], before=before, now=now)
    return None


def _gaps(losses: Series) -> Floats:
    """Seconds between neighbours, NaN across process lives."""
    gaps = np.diff(losses.times)
    gaps[np.diff(losses.segs) != 0] = np.nan
    return np.asarray(gaps, dtype=np.float64)


def _pauses(case: Case, losses: Series) -> Floats:
    """Which gaps hold an evaluation."""
    at, places = case.evals.places, losses.places
    if not len(at):
        return np.zeros(len(losses) - 1)
    before = np.searchsorted(np.sort(at), places, side="left")
    upto = np.searchsorted(np.sort(at), places, side="right")
    return np.asarray(upto[1:] > before[:-1], dtype=np.float64)


def _longest(case: Case, losses: Series, gaps: Floats) -> list[float]:
    """The longer of the gaps beside each evaluation that has lines on both sides: one that stands
    at a line's own step is before or after it, and only one of the two gaps holds it."""
    found = []
    for at in np.unique(case.evals.places):
        first = int(np.searchsorted(losses.places, at, side="left"))
        last = int(np.searchsorted(losses.places, at, side="right"))
        if first > 0 and last < len(losses.places):
            found.append(float(gaps[first - 1 : last].max()))
    return found


def _finding(key: str, point: Point, **fields: float) -> Finding:
    facts = [stalled.evidence(key, point, **fields)]
    return stalled.finding(facts, [stalled.advice(key)], where=where(point))
