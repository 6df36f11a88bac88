"""A training was taken up again with its weights, but without its optimizer or its schedule."""

from collections.abc import Sequence

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level, noise
from huohou.diagnose.examples import falling, lives, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, where
from huohou.diagnose.seams import seams
from huohou.diagnose.settings import setting
from huohou.record.columns import Floats, Series
from huohou.record.finding import Finding

RISE = 0.08  # of the peak: no schedule rises by so much at once after its warm-up,
DROP = 0.2  # nor falls by so much, to rise again
RAMP = 3.0  # and not by so many times what it changed by just before
MANY = 100  # rises are no schedule
DOWN_TO = 0.95  # of its peak: a schedule that has begun to fall
HEAD = 5  # rates before a jump: staircases of a warm-up are shorter
LOW = 0.1  # of the peak: from below this a cosine restarts
EQUAL = 0.15  # two cycles of a schedule are as long as each other, to within this
KICK = 4  # noises that the second and the third line after a seam lie higher, not the first
BUMP = 6  # noises that the loss lies higher after a seam
LINES = 5
PAUSE = 3  # usual gaps in time: another process does not begin within less

DOWN = [1e-4 * (1 - i / 60) for i in range(60)]
AGAIN = [*DOWN[:30], *[1e-4 * i / 6 for i in range(6)], *[1e-4 * (1 - i / 60) for i in range(24)]]
LOSS = falling(3.0, 1.0, n=60)
SAW = [1e-4 * (1 - (i % 20) / 20) for i in range(60)]


@rule(
    "resume-lost-optimizer",
    severity="warning",
    cause=Cause.RESTART,
    needs=(Need("loss", 2 * LINES),),
    explains=("lr-too-high",),
    fires=(
        run(loss=LOSS, learning_rate=AGAIN),
        run(loss=LOSS, learning_rate=[*DOWN[:40], *DOWN[10:30]]),
        lives(
            falling(3.0, 1.0, n=30),
            [1.5, 1.4, 1.32, 1.25, 1.2, 1.16, 1.13, 1.1, 1.08, 1.07],
            starts=(0, 300),
        ),
    ),
    quiet=(
        run(loss=LOSS, learning_rate=DOWN),
        run(loss=LOSS, learning_rate=SAW),
        run(loss=LOSS, learning_rate=[*DOWN[:40], *DOWN[10:30]], facts={"extended": True}),
        run(loss=LOSS, learning_rate=[*SAW[:20], *SAW[:20]], every=15),
        run(loss=LOSS, learning_rate=[1e-4] * 30 + [1e-5] * 30),
        run(loss=LOSS, learning_rate=[2e-5 * (1 + min(i, 4)) for i in range(60)]),
        lives(falling(3.0, 1.0, n=30), falling(1.0, 0.95, n=10), starts=(0, 300)),
    ),
    source="transformers issues 34053 and 27749",
)
def resume_lost_optimizer(case: Case) -> Outcome:
    """The learning rate is a function of the step: a rise by more than 8 % of its peak from one
    line to the next, or a drop by more than a fifth of it with a rise after it, and by more
    than 3 times what it changed by just before, is a schedule that began again or was stretched
    anew. A drop that stays is a schedule in stairs, a rise above all rates before is a warm-up,
    and rises at equal distances, or one from near 0 that ends a half or a third of the run, are
    restarts that were meant; they are left out, like what happens within the first 5 lines and
    a run of ours that was made longer on purpose. Where the log shows one process and the time
    of its lines runs on without a gap, nothing was taken up: that is ``schedule-mismatch``.
    Where the log shows that another process took over, a loss that is more than 6 noises higher
    there and goes down once more, by less than what lost weights would cost, says that the
    state of the optimizer was not loaded. Where another process took over, or where the
    schedule had been falling line by line and falls again, a rise above all rates before counts
    as well. So does, at such a place, a second and a third line that are 4 noises higher, after
    a first that is not: the first update was one without a memory.
    """
    known = seams(case)
    rates = case.finite("learning_rate")
    if len(rates) < 2 * HEAD and not known:
        return Need("learning_rate", 2 * HEAD)
    longer = bool(case.record.facts.get("extended"))
    name = str(setting(case, "lr_scheduler") or "")
    i = None if longer else _at_resume(case, rates, known, name) or _jump(rates, name)
    if i is not None and not known and _runs_on(rates, i):
        return None
    if i is not None:
        return _schedule(case, rates, i, known)
    for i in known:
        if _bump(case.losses, i):
            return _optimizer(case, i)
    return None


def _schedule(case: Case, rates: Series, i: int, known: Sequence[int]) -> Finding:
    found = resume_lost_optimizer
    facts = [found.evidence("rate", rates[i], before=rates[i - 1].value)]
    if known:
        facts.append(found.evidence("seam", case.loss[known[0]]))
    advice = [found.advice("load"), found.advice("length")]
    return found.finding(facts, advice, where=where(rates[i]))


def _runs_on(rates: Series, i: int) -> bool:
    """Whether no time passed at a place in which another process could have begun."""
    gaps = np.diff(rates.times)
    return bool(np.isfinite(gaps).all() and gaps[i - 1] <= PAUSE * np.median(gaps))


def _optimizer(case: Case, i: int) -> Finding:
    found, before = resume_lost_optimizer, case.losses[i - LINES : i]
    facts = [found.evidence("bump", case.loss[i], before=level(before), noise=noise(before))]
    return found.finding(facts, [found.advice("load")], where=where(case.loss[i]))


def _jump(rates: Series, name: str) -> int | None:
    """Index of the first rate that does not follow from those before it."""
    values = rates.values
    if len(values) < 2 * HEAD or "restart" in name or "cyclic" in name:
        return None
    peak, steps = float(values.max()), np.diff(values)
    usual = np.maximum(*(np.abs(np.r_[np.zeros(lag), steps[:-lag]]) for lag in (1, 2)))
    reached = np.maximum.accumulate(values)[:-1]
    rises = steps > np.maximum(RISE * peak, RAMP * usual)
    # Who goes beyond it is still warming up, unless the schedule had been falling line by line.
    beyond = np.flatnonzero(rises & (values[1:] > 1.01 * reached))
    rises[[i for i in beyond[:MANY].tolist() if not _falling(values, i)]] = False
    rises[beyond[MANY:]] = False
    drops = -steps > np.maximum(DROP * peak, RAMP * usual)
    found = [int(i) + 1 for i in np.flatnonzero(rises | drops) if i + 1 >= HEAD]
    odd = [i for i in found if values[i] > values[i - 1] or _rises_again(values, i, peak)]
    return None if not odd or _is_cycle(rates, odd, peak) else odd[0]


def _at_resume(case: Case, rates: Series, known: Sequence[int], name: str) -> int | None:
    """Index of the first rate of another process where it is not the one that was due: higher than
    the last, though the schedule was falling or held, by more than its usual steps. How high it was
    before says nothing here: what was set for the new process may be more than ever."""
    values = rates.values
    if len(values) < 2 * HEAD or "restart" in name or "cyclic" in name:
        return None
    steps = np.diff(values)
    for seam in known:
        i = int(np.searchsorted(rates.places, case.loss.places[seam]))
        if not HEAD <= i < len(values):
            continue
        usual = float(np.abs(steps[max(0, i - HEAD) : i - 1]).max())
        if steps[i - 2] <= 0 and steps[i - 1] > max(RISE * values[:i].max(), RAMP * usual):
            return i
    return None


def _falling(values: Floats, i: int) -> bool:
    """Whether a schedule had come down from its peak to here, lower with each of the last lines,
    and comes down again from the next: no warm-up, and no other rate that was set and kept."""
    before, after = values[max(0, i - 2 * HEAD) : i + 1], values[i + 1 : i + 1 + HEAD]
    if len(before) < HEAD or len(after) < HEAD:
        return False
    down = bool((np.diff(before) < 0).all() and values[-1] < LOW * values[i + 1 :].max())
    return down and values[i] < DOWN_TO * values[: i + 1].max()


def _rises_again(values: Floats, i: int, peak: float) -> bool:
    """Whether a drop is the begin of a warm-up."""
    return bool(values[i:].max() > values[i] + DROP * peak)


def _is_cycle(rates: Series, odd: Sequence[int], peak: float) -> bool:
    """Whether these are restarts of a schedule in cycles."""
    values, places = rates.values, rates.places
    if any(values[i - 1] > values[i] or values[i - 1] > LOW * peak for i in odd):
        return False
    if not np.isfinite(places).all():
        return True  # whether they are at equal distances cannot be told
    begins = [float(places[0]), *(float(places[i]) for i in odd)]
    lengths = np.diff(begins)
    last = float(places[-1]) - begins[-1]
    if len(lengths) == 1:
        return any(abs(last - n * lengths[0]) < EQUAL * last for n in (1, 2))
    return bool(np.ptp(lengths) < EQUAL * lengths.mean() or (np.diff(lengths) > 0).all())


def _kicked(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether the first line is where the last were, for the weights came along, the next ones are
    far higher, for the first update was one without a memory, and those after them lower again."""
    left, spread = level(before[-LINES:]), noise(before)
    kick = min(after[1:3]) - left
    intact = after[0] - left < 2 * spread
    return intact and kick > KICK * spread > 0 and level(after[-LINES:]) < left + kick / 2


def _bump(values: Sequence[float], i: int) -> bool:
    before, after = values[max(0, i - 4 * LINES) : i], values[i : i + 2 * LINES]
    if min(len(before), len(after)) < 2 * LINES:
        return False
    if _kicked(before, after):
        return True
    rise = level(after[:LINES]) - level(before[-LINES:])
    decays = level(after[:3]) > level(after[-3:])
    return decays and rise > BUMP * noise(before)
