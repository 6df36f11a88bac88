"""The run stood still, or became much slower."""

import numpy as np
import numpy.typing as npt

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
SEVERAL = 2  # gaps of more than so many times
LONGER = 20.0  # the usual one, which together are that part of all the time;
QUICK = 0.25  # quantile of the quicker lines
EVENLY = 0.3  # not where what lies between them is the same but for this part,
MOSTLY = 0.45  # but for a run that stands still about as long as it moves, by gaps of 10 times;
WAITS = 0.78  # and but for one that waits for so much of all its time, however regularly;
MOST = 0.5  # or more of them than this part are at ends of passes
EVALS = 3  # gaps with an evaluation: fewer do not say how long one takes
TINY = 1e-6
HICCUP = 0.2  # seconds, and this: less is a hiccup of the machine
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
        _timed([5.0] * 12 + [120.0] + [5.0] * 3 + [120.0] + [5.0] * 30 + [120.0] + [5.0] * 8),
        _timed([5.0] * 12 + [90.0] + [5.0] * 15 + [90.0] + [5.0] * 11 + [90.0] + [5.0] * 10),
        _timed([5.0] * 25 + [20.0] * 20 + [5.0] * 25),
        _timed(([5.0] * 9 + [250.0]) * 6),
    ),
    quiet=(
        _timed([5.0] * 60),
        _timed([5.0] * 30 + [300.0] + [5.0] * 220),
        _timed(([5.0] * 9 + [60.0]) * 6),
        _timed([5.0] * 20 + [60.0] + [5.0] * 20 + [60.0] + [5.0] * 20),
        _timed([5.0] * 12 + [30.0] + [5.0] * 3 + [30.0] + [5.0] * 30 + [30.0] + [5.0] * 8),
        _timed([5.0] * 20 + [2000.0] + [5.0] * 20 + [2100.0] + [5.0] * 10, evals=True),
        _timed([5.0] * 40 + [1900.0] + [5.0] * 9 + [1900.0] + [5.0] * 9, evals=True),
        _timed([60.0] * 3 + [5.0] * 50),
        _timed([5.0, 5.0, 30.0] * 11 + [5.0, 30.0, 30.0] * 4),
        _timed([0.001] * 40 + [0.01] * 15),
        _timed([5.0] * 40 + [10.0] * 15),
    ),
)
def stalled(case: Case) -> Outcome:
    """From the times of the lines: a single gap of more than half an hour and of more than 10 times
    the usual one, or of more than 30 times and a quarter of all the time, within one process life;
    a gap that holds an evaluation is compared with others that do, by the latter. Several gaps of
    more than 20 times the usual one are called so where they are more than a quarter of all the
    time together, and do not come at equal distances, as checkpoints and ends of passes do. Or
    lines that take more than 2.5 times as long as in the first half of the run for the last fifth
    of it, or for any fifth as the lines before and after it. Gaps of more than 10 times the usual
    are enough where they take 45 % of all the time: then even at the ends of passes, but not every
    so many lines, unless they take 78 % of it: a run that waits three times as long as it trains
    stands still, be it for its checkpoints. Lines are slower where their mean is, too: about every
    second one may hold an evaluation.
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
    if (several := _several(losses, gaps, pauses, [usual, *each])) is not None:
        return several
    before = max(float(np.nanmedian(gaps[: len(gaps) // 2])), SECONDS)
    last = gaps[-max(POINTS // 2, int(LASTING * len(gaps))) :]
    now = float(np.nanmedian(last))
    if now > SLOWER * before and _each(last) > SLOWER * _each(gaps[: len(gaps) // 2]):
        return _finding("slower", losses[len(losses) - len(last)], before=before, now=now)
    return _for_a_while(losses, gaps)


def _several(losses: Series, gaps: Floats, pauses: Floats, known: list[float]) -> Finding | None:
    """Gaps that are long each, and together a large part of the run. known: the usual gap, then
    those that hold an evaluation."""
    usual = known[0]
    at_eval = float(np.median(known[1:])) if len(known) > EVALS else np.inf
    alike = np.where(pauses > 0, max(at_eval, usual), usual)
    long = np.flatnonzero(np.nan_to_num(gaps) > LONGER * alike)
    some = np.flatnonzero(np.nan_to_num(gaps) > np.maximum(TIMES * alike, HICCUP))
    every = np.flatnonzero(np.nan_to_num(gaps) > TIMES * usual)
    mostly = float(gaps[some].sum()) >= MOSTLY * float(np.nansum(gaps))
    waits = float(gaps[some].sum()) >= WAITS * float(np.nansum(gaps))
    mostly = mostly and (waits or not _regular(losses, every))
    long = some if mostly else long
    lost = float(gaps[long].sum())
    if len(long) < SEVERAL or not lost > 0 or lost < PART * float(np.nansum(gaps)):
        return None
    if not mostly and _evenly(losses, np.flatnonzero(np.nan_to_num(gaps) > TIMES * usual)):
        return None
    told = {
        "n": len(long),
        "seconds": lost,
        "usual": usual,
        "share": round(100 * lost / _all(gaps)),
    }
    return _finding("gaps", losses[int(long[0]) + 1], **told)


def _each(gaps: Floats) -> float:
    """Mean time of a line: a median leaps where about half of the lines hold an evaluation."""
    return max(float(np.nanmean(gaps)), SECONDS)


def _all(gaps: Floats) -> float:
    return float(np.nansum(gaps))


def _regular(losses: Series, long: npt.NDArray[np.intp]) -> bool:
    """Whether these gaps come every so many lines, to within one, as checkpoints do, and not where
    a pass ends, where rows are prepared anew."""
    if len(long) < EVALS or int(np.ptp(np.diff(long))) > 1:
        return len(long) < EVALS
    passes = np.diff(np.floor(losses.epochs - TINY)) > 0
    return not bool(passes[long].all() and passes.sum() <= len(long) + 1)


def _evenly(losses: Series, long: npt.NDArray[np.intp]) -> bool:
    """Whether these gaps come at equal distances, from the start of the run on, or each pass."""
    steps = np.diff(np.r_[0, long + 1])
    if np.ptp(steps) <= EVENLY * steps.max():
        return True
    epochs = losses.epochs[long + 1]
    if np.isnan(losses.epochs).any():
        return False
    at_ends = np.abs(epochs - np.round(epochs)) <= 2 * np.median(np.diff(losses.epochs))
    return bool(at_ends.mean() > MOST)


def _for_a_while(losses: Series, gaps: Floats) -> Finding | None:
    """A fifth of the run somewhere in it whose quicker lines, too, were slower than the usual ones
    before and after."""
    width = max(POINTS // 2, int(LASTING * len(gaps)))
    if len(gaps) < 3 * width or np.isnan(gaps).any():
        return None
    inner = np.lib.stride_tricks.sliding_window_view(gaps, width)[width:-width]
    if not len(inner):
        return None
    quick = np.quantile(inner, QUICK, axis=1)
    begin = int(quick.argmax()) + width
    before = max(float(np.median(gaps[:begin])), SECONDS)
    after = max(float(np.median(gaps[begin + width :])), SECONDS)
    if quick.max() <= SLOWER * max(before, after):
        return None
    return _finding("slower", losses[begin + 1], before=before, now=float(quick.max()))


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
    advice = [stalled.advice("gap" if key == "gaps" else key)]
    return stalled.finding(facts, advice, where=where(point))
