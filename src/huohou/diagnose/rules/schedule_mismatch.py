"""The schedule of the learning rate and the length of the run do not belong together."""

import math
from collections.abc import Sequence

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.choice import WHOLE_SCHEDULE
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, where
from huohou.diagnose.schedule import Schedule, expected, schedule
from huohou.diagnose.settings import amount, setting
from huohou.record.columns import Floats
from huohou.record.finding import Evidence

RATES = 10
HIGH = 0.5  # of the peak: a schedule that is still here has its end far behind the run's
OVER = 1.5  # times the planned length: the schedule ends there or later
SHORT = 0.8  # of the planned length: it ends there or sooner
WARM = 0.5  # of the run spent on warming up; a one-cycle schedule spends 0.3
BACK = 0.08  # of the lines: a rise at the end that is so long and ends
RISEN = 0.15  # at this part of the peak, in steps of at most
STEP = 0.2  # of the peak: a restart comes at once, this one creeps up
RISING = 0.5  # of the peak: a warm-up begins below this
OFF = 0.15  # of the peak: a rate so far from the schedule that is set, within a line or two,
LEFT = 0.25  # of the peak above what is set, at the end and
FEW = 3  # lines before; or all of these the same to
SAME_RATE = 1e-3  # of the peak, and off what is set by
FLOOR = 0.05  # of it
LINES = 0.2  # in this part of the lines, is another schedule
SAME = 0.02  # of the rate that was set: a peak this far above it is another rate,
MET = 0.8  # and one below this; between them a line has missed the top
DONE_PART = 0.9  # of the updates: the last known rate is that of the end
DOWN = ("linear", "cosine")  # schedules that come down
TOP = 0.9  # of the lines: a rate that is at its peak no sooner, and has only risen
STRAIGHT = (0.3, 0.75)  # of the way that a warm-up has made in half of its lines

LOSS = falling(3.0, 1.0, n=40)
LONG = [1e-4 * (1 - i / 120) for i in range(40)]
PAST = [5e-5 * (1 + math.cos(1.4 * math.pi * i / 39)) for i in range(40)]
DONE = {"finished": True}
HELD = [max(1e-4 * (1 - i / 40), 6e-5) for i in range(40)]
LEAST = [max(1e-4 * (1 - i / 40), 1.2e-5) for i in range(40)]
CYCLES = [1e-5 + 9e-5 * abs(1 - (i % 16) / 8) for i in range(40)]
GROWN = [1e-4 * (1 - 0.85 * math.exp(-i / 6)) for i in range(40)]
SET = {"lr_scheduler": "linear", "learning_rate": 1e-4, "max_steps": 400, "warmup_steps": 0}


@rule(
    "schedule-mismatch",
    severity="warning",
    tier="config",
    cause=Cause.RATE,
    needs=(Need("updates"),),
    fires=(
        run(loss=LOSS, learning_rate=LONG, facts=DONE),
        run(loss=LOSS, learning_rate=LONG, facts={"max_steps": 500, "finished": False}),
        run(loss=LOSS, learning_rate=[1e-4 * i / 40 for i in range(40)], facts=DONE),
        run(loss=LOSS, facts={"warmup_steps": 500, "max_steps": 400}),
        run(loss=LOSS, learning_rate=PAST, facts=DONE),
        run(loss=LOSS, learning_rate=HELD, facts={**DONE, **SET}),
        run(loss=LOSS, learning_rate=GROWN, facts={**DONE, **SET}),
        run(loss=LOSS, learning_rate=LEAST, facts={**DONE, **SET}),
    ),
    quiet=(
        run(loss=LOSS, learning_rate=[1e-4 * (1 - i / 40) for i in range(40)], facts=DONE),
        run(loss=LOSS, learning_rate=[1e-4] * 40, facts=DONE),
        run(loss=LOSS, learning_rate=LONG, facts={"finished": False}),
        run(loss=LOSS, learning_rate=LONG, facts={"max_steps": 1200, "finished": False}),
        run(loss=LOSS, learning_rate=[1e-4 / (1 + i) ** 0.1 for i in range(40)], facts=DONE),
        run(loss=LOSS, facts={"warmup_steps": 50, "max_steps": 400}),
        run(loss=LOSS, learning_rate=HELD, facts={**DONE, **SET, "lr_scheduler": "polynomial"}),
        run(loss=LOSS, learning_rate=LONG, facts={**DONE, "max_steps": 1200}),
        run(loss=LOSS, learning_rate=GROWN, facts={**DONE, **SET, "lr_scheduler": "finder"}),
        run(loss=LOSS, learning_rate=LEAST, facts={**DONE, **SET, "lr_scheduler": "cosine_min_lr"}),
        run(loss=LOSS, learning_rate=CYCLES, facts={**DONE, "lr_scheduler": "cyclic"}),
        run(loss=LOSS, learning_rate=[1e-6 * 1.2**i for i in range(40)], facts=DONE),
    ),
)
def schedule_mismatch(case: Case) -> Outcome:
    """A linear or cosine schedule is recognised by fitting it to the logged rates, to within 1.2 %
    of the peak; so its end is known long before it comes. It does not belong to the run when the
    run has finished and the rate is still above half of its peak, or when it ends at more than 1.5
    or less than 0.8 times the planned updates. So does a warm-up, a rise in a straight line, that
    takes half of the run or more (a one-cycle schedule takes 30 %), and a rate that had fallen and
    creeps up again to the end: a cosine that goes on past its end. Where the settings name a linear
    or a cosine schedule with its warm-up and length, and its peak is the rate that is set, it is
    said of rates that lie off it by 15 % of the peak in a fifth of the lines, or end by a quarter
    of it above, or by 5 % without moving any more: held, broken off, stretched or begun again. A
    run that was ended on its way down is not called so where the schedule fits its plan: it is
    ``undertrained``. Other shapes, constant rates and runs whose length is not known are left out.
    Or the settings name one of the two, with a warm-up of less than half of the run, and the rate
    rises to the end. A rate that has already been 0 for long is ``lr-zero``. A peak that is up to a
    fifth below the rate that is set may have been missed between two lines.
    """
    found = schedule(case.finite("learning_rate"))
    settings = _warm_up_planned(case)
    if settings:
        return schedule_mismatch.finding(
            settings, [schedule_mismatch.advice("warm_up", set=WHOLE_SCHEDULE)]
        )
    if found is None or len(case.finite("learning_rate")) < RATES:
        return Need("learning_rate", RATES)
    facts = _length(case, found) or _warm_up(case, found) or _back_up(case)
    facts = facts or _is_another(case) or _only_rises(case)
    if not facts:
        return None
    key = "warm_up" if found.shape in ("other", "constant") else "length"
    return schedule_mismatch.finding(facts, [schedule_mismatch.advice(key, set=WHOLE_SCHEDULE)])


def _length(case: Case, found: Schedule) -> list[Evidence]:
    """The end of the schedule against the end of the run."""
    planned = case.planned
    last = case.finite("learning_rate")[-1]
    if found.end is None or last.step is None or last.step < DONE_PART * (case.updates or 0):
        return []
    told = {"shape": found.shape, "end": round(found.end)}
    late = case.finished is True and found.last > HIGH
    if planned and not OVER * planned > found.end > SHORT * planned:
        return [schedule_mismatch.evidence("planned", last, planned=planned, **told)]
    # A run that was broken off on its way is another matter.
    if late and found.end > OVER * last.step and not case.is_short_of(DONE_PART):
        share = round(100 * found.last)
        return [schedule_mismatch.evidence("late", last, share=share, **told)]
    return []


def _is_another(case: Case) -> list[Evidence]:
    """The logged rates against the schedule that is set, by its name."""
    rates, length = case.finite("learning_rate"), case.planned
    asked, peak = amount(case, "learning_rate"), case.peak_rate()
    name = str(setting(case, "lr_scheduler")).rpartition(".")[2].lower()
    warm = amount(case, "warmup_steps")
    if not length or not asked or not peak or warm is None:
        return []
    if not MET * asked <= peak <= (1 + SAME) * asked:
        return []
    at, window = rates.places, float(np.median(np.diff(rates.places)))
    beside = (expected(name, at + shift * window, warm, length) for shift in (-1, 0, 1))
    should = [one for one in beside if one is not None]
    if not should or not np.isfinite(window):
        return []
    part = rates.values / asked
    off = np.min([np.abs(part - one) for one in should], axis=0) > OFF
    apart = part - should[1]
    done = not case.is_short_of(DONE_PART)
    held = done and ((off[-FEW:].all() and apart[-1] > LEFT) or _stays(part, should))
    if off.sum() < max(LINES * len(off), RATES / 2) and not held:
        return []
    off[-FEW:] |= held
    begins, share = where(rates[int(np.flatnonzero(off)[0])]), round(100 * float(off.mean()))
    told = {"shape": name, "length": length, "share": share, "wanted": asked * float(should[1][-1])}
    return [schedule_mismatch.evidence("another", rates[-1], begins=begins, **told)]


def _stays(part: Floats, should: Sequence[Floats]) -> bool:
    """Whether the last rates are one and the same, off a schedule that comes down to the end: it
    has a floor that nobody set."""
    still = float(np.ptp(part[-FEW:])) < SAME_RATE and float(part[-1]) < TOP * float(part.max())
    return still and min(abs(float(part[-1] - one[-1])) for one in should) > FLOOR


def _warm_up(case: Case, found: Schedule) -> list[Evidence]:
    """The warm-up against the length of the run."""
    rates = case.finite("learning_rate")
    done = case.updates if case.finished else None
    length = case.planned or done
    begins = float(rates.values[0]) < RISING * found.peak
    if not length or not begins or found.warm_up < WARM * length:
        return []
    top = rates[int(rates.values.argmax())]
    rise = rates.values[: int(rates.values.argmax()) + 1]
    if (rise[1:] < rise[:1]).any() or not _straight(rise):
        return []
    share = round(100 * found.warm_up / length)
    return [schedule_mismatch.evidence("warm_up", top, share=share, length=length)]


def _straight(rise: Floats) -> bool:
    """Whether a rate rises about linearly, as a warm-up does and an exponential does not."""
    middle = (float(rise[len(rise) // 2]) - float(rise[0])) / max(float(rise[-1] - rise[0]), 1e-30)
    return STRAIGHT[0] <= middle <= STRAIGHT[1]


def _only_rises(case: Case) -> list[Evidence]:
    """A rate that rises to the end of a run whose settings name a schedule that comes down, and no
    warm-up that is as long."""
    rates, warm, length = case.finite("learning_rate"), amount(case, "warmup_steps"), case.updates
    name = str(setting(case, "lr_scheduler")).rpartition(".")[2].lower()
    if case.finished is not True or warm is None or not length or warm > WARM * length:
        return []
    rises = bool((np.diff(rates.values) >= 0).all()) and rates.values.argmax() >= TOP * len(rates)
    if not rises or rates.values[0] > RISING * rates.values[-1] or name not in DOWN:
        return []
    return [schedule_mismatch.evidence("only_rises", rates[-1], shape=name, warm=round(warm))]


def _back_up(case: Case) -> list[Evidence]:
    """A rate that had fallen and rises again, smoothly and to the end: a cosine past its end."""
    rates = case.finite("learning_rate")
    values = rates.values
    top = int(values.argmax())
    if case.finished is False or top > len(values) // 2:
        return []
    if "cycl" in str(setting(case, "lr_scheduler")).lower():
        return []
    low = top + int(values[top:].argmin())
    rise = np.diff(values[low:])
    peak = float(values[top])
    smooth = len(rise) >= BACK * len(values) and (rise >= 0).all() and rise.max() < STEP * peak
    if not smooth or values[low] > HIGH * peak or values[-1] < max(RISEN * peak, 2 * values[low]):
        return []
    share = round(100 * float(values[-1]) / peak)
    return [schedule_mismatch.evidence("back_up", rates[low], share=share)]


def _warm_up_planned(case: Case) -> list[Evidence]:
    warm, length = amount(case, "warmup_steps"), case.planned
    if not warm or not length or warm < WARM * length:
        return []
    return [schedule_mismatch.evidence("warm_up_planned", warm=round(warm), length=length)]
