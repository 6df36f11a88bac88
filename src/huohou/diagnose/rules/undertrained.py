"""The run ended while the loss was still falling."""

from collections.abc import Iterator, Sequence

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.choice import WARMED, comes_down, longer, passes
from huohou.diagnose.curves import level, trend
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, show
from huohou.diagnose.settings import amount, rate_reached
from huohou.record.finding import Evidence, Finding
from huohou.record.record import Point

POINTS = 20
TAIL = 3  # the last third shows how it ends
FALL = 0.02  # fall of the loss in a tenth of the run, at least
STEEP = 0.05  # this much is a warning where the run was short, and
GAINED = 0.05  # there a fall of this much in its second half is one, too
ALL = 0.9  # passes: with fewer not all rows were seen once
PLANNED = 0.6  # of the updates that were planned: with fewer it was ended early
MOST = 1e6  # times the level at the end that a fall is said to be
LEAST = 4  # points that have a trend
BROKEN_OFF = 6  # points that show that it was still learning then
EVALS = 5
MUCH = 0.5  # of the updates are left out,
OFTEN = 0.15  # or so many of the pairs of neighbouring evaluations are the same, two and more,
TWICE = 2
DIGITS = 4  # to so many digits,
ONCE = 1.1  # passes: no row was seen again, and an evaluation loss this many times that of
OTHER = {False: 1.75, True: 30.0}  # training is of other rows (of a contrast: of other batches),
OTHER_LEAST = 0.3  # where it is above this
LOWEST = 1.02  # and has not risen again
LIVE = 0.1  # while the rate is above this part of its peak


@rule(
    "undertrained",
    severity="warning",
    cause=Cause.DURATION,
    needs=(Need("loss", BROKEN_OFF),),
    fires=(
        run(loss=line(3.0, 1.5)),
        run(loss=line(3.0, 1.0), evals=[2.6, 2.0, 1.4, 1.1]),
        run(loss=falling(3.0, 1.0, rate=1.0), facts={"finished": True}),
        run(loss=line(1.5, 1.2, noise=0.12), evals=line(1.6, 1.1, n=8), epochs=0.3),
        run(loss=line(4.9, 3.6, n=9), every=1, facts={"max_steps": 88, "finished": True}),
        run(loss=falling(3.0, 2.0), facts={"skip_above_quantile": 0.2}),
        run(
            loss=falling(3.0, 2.0),
            evals=[2.5411, 2.5411, 2.5411, 2.3172, 2.3172, 2.2009],
            learning_rate=line(1e-3, 2e-4),
        ),
        run(
            loss=line(4.6, 2.0, noise=0.1),
            evals=line(4.5, 2.0, n=12),
            facts={"learning_rate": 1e-3, "warmup_steps": 4000, "max_steps": 400},
        ),
        run(loss=falling(2.2, 1.2), evals=falling(4.4, 2.6, n=9, rate=3), epochs=1.0),
    ),
    quiet=(
        run(loss=falling(2.2, 1.2), evals=falling(4.4, 1.4, n=9, rate=3), epochs=1.0),
        run(loss=falling(2.2, 0.2, rate=9), evals=falling(4.4, 1.4, n=9, rate=6), epochs=4.0),
        run(loss=falling(3.0, 1.0)),
        run(loss=falling(3.0, 1.0), facts={"skip_above_quantile": 0.99}),
        run(
            loss=falling(3.0, 2.0),
            evals=[2.5411, 2.3172, 2.2009, 2.1912, 2.1912, 2.1912],
            learning_rate=line(1e-3, 0.0),
        ),
        run(loss=line(3.0, 1.5), facts={"finished": False}),
        run(loss=line(3.0, 1.0), evals=[2.0, 1.5, 1.4, 1.45]),
        run(loss=line(3.0, 2.9, noise=0.1)),
        run(loss=line(1.0, 0.2), epochs=10),
        run(loss=line(4.9, 3.6, n=9), every=1, facts={"max_steps": 88}),
        run(loss=line(4.9, 3.6, n=9), every=1, facts={"max_steps": 10, "finished": True}),
    ),
)
def undertrained(case: Case) -> Outcome:
    """In the last third of the run the training loss still fell by more than 2 % in each tenth of
    the run, by the cautious end of the 95 % interval of Sen's slope, and the evaluation loss fell
    with it. It is a warning where the run was short: it did not see all its rows once and the rate
    had not come down, or it made less than 0.6 of the updates or of the passes that were planned,
    or it came to less than half of the rate that was set, for it was still warming up. There a
    significant fall by 5 % in the second half of the run is enough, of the evaluation loss where it
    has 5 values, else of the training loss. Of a run that ended with less than 0.6 of its updates 6
    values that fall significantly, or 5 evaluations, are enough. Without an evaluation it is said
    of a single pass only: later passes go down because rows are seen again. A run that has not
    ended, and a loss near zero, are left out. It is a warning, too, where updates are left out: by
    a setting that skips half of them or more, or where a language model's evaluations are the same
    to the last digit, two and 15 % of them, while the rate is above a tenth of its peak and others
    differ. And where a first pass ends with an evaluation loss more than 1.75 times that of
    training (30 times, of a contrast), at its lowest: rows of a first pass are as new as those of
    the evaluation, so these are of another kind, of which few were trained.
    """
    values = case.losses
    facts = case.record.facts
    died = facts.get("crash") is not None or facts.get("state") in ("failed", "lost")
    if died or case.finished is False or case.objective != "likelihood":
        return None
    if left_out := [*_skips(case), *_stands(case)]:
        return _left_out(case, left_out)
    if others := [*_other_rows(case)]:
        advice = [undertrained.advice("more_of_them"), undertrained.advice("mix")]
        return undertrained.finding(others, advice, percent=0)
    if len(values) < POINTS:
        return _broken_off(case) or Need("loss", POINTS)
    if len(case.evals) < 3 and (case.epochs or 0) > 1.5:
        return Need("eval_loss", 3)
    tail = values[-len(values) // TAIL :]
    end, found = level(tail[-max(3, len(tail) // 4) :]), trend(tail)
    # found covers a third of the run; a tenth of the run is 0.3 of that.
    cautious, fall = (-x * 0.1 * TAIL / end if end > 0 else 0.0 for x in (found.high, found.change))
    short = _is_short(case)
    if cautious >= FALL and _evals_fall(case.evals):
        return _finding(case, fall, short and fall > STEEP)
    watched = case.evals if len(case.evals) >= EVALS else case.loss
    return _finding(case, max(fall, 0.0), True) if short and _still_gains(watched) else None


def _skips(case: Case) -> Iterator[Evidence]:
    """Updates that by the settings are not made: where the gradient is above a part of those
    before, or above a norm that most are above."""
    part = amount(case, "skip_above_quantile")
    if part is not None and 0 <= part <= 1 - MUCH:
        yield undertrained.evidence("skips", share=round(100 * (1 - part)))
    norm, norms = amount(case, "skip_above_norm"), case.finite("grad_norm").values
    if norm is not None and len(norms) >= BROKEN_OFF and (norms > norm).mean() >= MUCH:
        yield undertrained.evidence("skips", share=round(100 * float((norms > norm).mean())))
    done, left = case.updates, amount(case, "skipped_updates") or amount(case, "skipped_steps")
    if done and left and left >= MUCH * done:
        yield undertrained.evidence("skips", share=round(100 * min(1.0, left / done)))


def _stands(case: Case) -> Iterator[Evidence]:
    """Evaluations of a language model that are the same to the last digit, again and again, while
    the rate is far from 0 and others differ: no update was made between them."""
    evals, rates = case.evals, case.finite("learning_rate")
    values = evals.values
    if case.embedding or len(values) < EVALS or len(rates) < BROKEN_OFF:
        return
    if len(f"{evals[-1].value:g}".strip("0.")) < DIGITS:
        return
    at = np.minimum(np.searchsorted(rates.places, evals.places[1:]), len(rates) - 1)
    same = (np.diff(values) == 0) & (evals.places[1:] > evals.places[:-1])
    live = rates.values[at] > LIVE * rates.values.max()
    n = int((same & live).sum())
    if n >= TWICE and n >= OFTEN * len(same) and len(set(values.tolist())) > TWICE:
        yield undertrained.evidence("stands", evals[-1], n=n, of=len(same))


def _other_rows(case: Case) -> Iterator[Evidence]:
    """A first pass, whose rows are all as new as those of the evaluation, that ends with an
    evaluation loss far above that of training, though it is at its lowest: few of the rows that
    are trained are of the kind that is evaluated."""
    evals, values, seen = case.evals.values, case.losses, passes(case)
    if not seen or seen > ONCE or len(values) < POINTS or len(evals) < EVALS:
        return
    train, held = level(values[-len(values) // TAIL :]), level(evals[-max(2, len(evals) // TAIL) :])
    times = OTHER[case.embedding]
    if train <= 0 or held <= times * train or evals[-1] > LOWEST * evals.min():
        return
    if held <= OTHER_LEAST or not trend(evals.tolist()).falls(0.05):
        return
    told = {"train": train, "times": show(held / train)}
    yield undertrained.evidence("other_rows", case.evals[-1], **told)


def _left_out(case: Case, facts: list[Evidence]) -> Finding:
    advice = [undertrained.advice("every_update"), undertrained.advice("rate")]
    return undertrained.finding(facts, advice, percent=0)


def _broken_off(case: Case) -> Finding | None:
    """Ended long before its plan, after few lines, each about lower than the one before."""
    values = case.losses
    if not case.finished or not case.is_short_of(PLANNED):
        return None
    evals: list[float] = case.evals.values.tolist()
    if len(values) < LEAST or not trend(values).falls(0.05):
        if len(evals) < EVALS or not trend(evals).falls(0.05):
            return None
        values = evals
    start, end = level(values[: len(values) // TAIL]), level(values[-len(values) // TAIL :])
    tenths = 10 * (1 - 1 / TAIL)  # between the middles of the first third and the last
    return _finding(case, (start - end) / end / tenths, True) if 0 < end < start else None


def _is_short(case: Case) -> bool:
    """Whether rows were left out, updates not made, or the rate was still warming up."""
    part = rate_reached(case)
    asked = amount(case, "num_train_epochs")
    if asked and 0 < (case.epochs or 0.0) < PLANNED * asked:
        return True
    if case.is_short_of(PLANNED) or (part is not None and 0 < part < WARMED):
        return True
    return 0 < (case.epochs or 0.0) < ALL and comes_down(case) is not True


def _still_gains(points: Sequence[Point]) -> bool:
    """Whether a loss fell in the second half, more than chance would, and is at its lowest."""
    values = [p.value for p in points]
    rest = values[len(values) // 2 - 1 :]
    width = max(2, len(rest) // 4)
    end = level(rest[-width:])
    if end <= 0 or not trend(values).falls() or not (len(rest) < 8 or trend(rest).falls(0.05)):
        return False
    lowest = min(level(rest[i : i + width]) for i in range(len(rest) - width + 1))
    return level(rest[:width]) - end > GAINED * end and lowest >= 0.97 * end


def _evals_fall(evals: Sequence[Point]) -> bool:
    if len(evals) < 3:
        return True
    values = [p.value for p in evals]
    return values[-1] == min(values) and values[-1] < (1 - FALL / 2) * values[-2]


def _finding(case: Case, fall: float, sure: bool) -> Finding:
    start = case.loss[-len(case.loss) // TAIL]
    facts = [undertrained.evidence("fall", case.loss[-1], start=start.value)]
    if len(case.evals) >= 3:
        facts.append(undertrained.evidence("eval", case.evals[-1], before=case.evals[-2].value))
    return undertrained.finding(
        facts,
        [undertrained.advice("longer", set=longer(case) or None), undertrained.advice("rate")],
        severity="warning" if sure else "info",
        percent=round(100 * min(fall, MOST)),
    )
