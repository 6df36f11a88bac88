"""The loss has risen far above its best and stays there, or has left what it can be at all."""

import math

import numpy as np

from huohou.diagnose.case import Case, place
from huohou.diagnose.choice import STEADY, WHOLE_SCHEDULE, go_back, lowest_loss, safe_rate
from huohou.diagnose.curves import level, lowest, noise, trend
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.diagnose.settings import amount
from huohou.record.finding import Advice, Finding

POINTS = 10
RISE = 0.5  # end above 1.5 times the best
LOST = 0.5  # and half of what had been learnt is gone
SMALL = 0.1  # a loss that begins and ends below this is none that is brought down
NOISE = 2.5  # and by so many times what neighbours differ by
EVALS = 4
LEFT = 0.2  # above its lowest, where the loss ends as no number
LINES = 3
BURST = 1e3  # times its early level, and above this: a gradient of weights that run away
TAIL = 5  # in each of the last values, or in the last tenth of them but for one in ten
BELOW = 3  # lines below zero of a loss that has none: of a likelihood, a contrast, a margin
FLOOR = 0.01  # and by more than rounding, as a part of its first value
BOUNDED = ("cross-entropy", "in-batch", "margin", "logistic", "listwise")

# in-batch contrast of few updates that begins near its floor: batches differ, nothing is lost
WAVERING = [0.11, 0.22, 0.38, 0.15, 0.36, 0.43, 0.27, 0.25, 0.26, 0.19, 0.13, 0.29, 0.28, 0.04]
WAVERING += [0.12, 0.24, 0.15, 0.28, 0.23, 0.1, 0.15, 0.44, 0.25, 0.17, 0.25, 0.27, 0.08, 0.16]
WAVERING += [0.23, 0.27, 0.14, 0.13, 0.11, 0.04, 0.22, 0.42, 0.29, 0.09, 0.32, 0.26, 0.24, 0.19]
WAVERING += [0.29, 0.3, 0.26, 0.44, 0.24]
RISING = [*falling(4.0, 1.5, n=30), *line(1.5, 4.5, n=10)]
UPHILL = [*falling(5.0, 1.0, n=28), *line(1.0, 1.4, n=12)]
UNBOUND = [*falling(6.0, 1.0, n=20), *line(0.9, -8.0, n=20, noise=0.3)]


@rule(
    "diverged",
    severity="error",
    cause=Cause.RATE,
    needs=(Need("loss", POINTS),),
    explains=(
        *("lr-too-high", "undertrained", "overfit", "worse-last-checkpoint", "loss-stuck"),
        *("at-chance", "below-chance", "hinge-floor", "embedding-collapse"),
    ),
    fires=(
        run(loss=RISING, learning_rate=[1e-3] * 40),
        run(loss=[4.4, 7.8, 6.0, 8.6, 9.2, 9.3, 7.6, 8.2, 8.8, 8.4, 7.6]),
        run(
            loss=[*falling(3.8, 2.3, n=30), *line(2.3, 4.0, n=15), 4.1, 3.3, 3.9, 4.0, 4.1],
            evals=[3.2, 2.5, 2.4, 3.1, 4.0, 4.2],
        ),
        run(loss=UNBOUND, facts={"vocab_size": 900}),
        run(loss=UPHILL, learning_rate=line(1e-3, -5e-4)),
        run(loss=UNBOUND, facts={"loss_kind": "in-batch"}),
        run(loss=[*falling(0.4, 0.2, n=10), *[0.3] * 30], grad_norm=[8.0] * 30 + [9e5] * 10),
        run(
            loss=[*falling(5.4, 2.4, n=20), *line(2.5, 3.4, n=10), *[math.nan] * 6],
            evals=[3.0, 2.4, 2.7, 3.0, 3.1],
        ),
        run(loss=UNBOUND, evals=[4.0, 2.1, 1.4, 1.1, 2.6, 4.8]),
    ),
    quiet=(
        run(loss=falling(4.0, 1.5)),
        run(loss=[*falling(4.0, 1.5, n=36), 6.0, 1.5, 1.6, 1.5]),
        run(loss=[*falling(2.0, 0.002, n=30), *line(0.002, 0.005, n=10)]),
        run(loss=[*falling(3.0, 1.0, n=20), *falling(2.5, 1.2, n=20)]),
        run(loss=line(1.0, 1.1, noise=0.2)),
        run(loss=falling(4.0, 1.5), grad_norm=[8.0] * 30 + [9e5] * 10),
        run(loss=[*falling(4.0, 1.5, n=30), *[math.nan] * 6]),
        run(loss=WAVERING),
        run(loss=falling(5.0, 1.0), learning_rate=line(1e-3, -1e-5)),
        run(loss=UNBOUND),
        run(loss=UNBOUND, evals=falling(3.5, -7.0, n=8)),
        run(loss=UNBOUND, evals=falling(3.5, 1.0, n=8)),
        run(loss=UNBOUND, reward=line(0.1, 0.9), facts={"vocab_size": 900}),
    ),
)
def diverged(case: Case) -> Finding | None:
    """The updates are too large for the loss surface: the run left what it had found. A jump that
    is on its way down again (harder data, a rise of the learning rate) is not called so unless it
    is still above the start, nor is a loss near zero that wavers, nor a rise that is no more than
    batches differ by, unless the evaluation loss is as far gone and at its highest, nor one of
    rewards, whose level says nothing. The other sign: three lines or more of the training loss lie
    below zero, where it is known to be of a likelihood, of a contrast or of a margin, or where the
    evaluation loss never does and ends far above its lowest. Such a loss cannot be below zero: what
    is minimised has another term or another sign, which has no floor, and the run follows it. A
    loss that had risen by a fifth of its lowest, for good and beyond noise, before it ended as no
    number has diverged first. So has a run whose gradient norm grew a thousandfold, to above 1000,
    while its loss did not fall. And so has one whose learning rate is below 0 in three lines or
    more, beyond a hundredth of its peak, and whose loss ends above what it was when that began:
    with such a rate each update goes uphill.
    """
    values = case.losses
    if len(values) < POINTS or case.objective == "reward":
        return None
    if (uphill := _uphill(case)) is not None:
        return uphill
    if min(values) < 0:
        return _unbound(case) if case.objective == "likelihood" else None
    if (burst := _burst(case)) is not None:
        return burst
    low, start = lowest(values), level(values[: max(1, len(values) // 20)])
    if (ended := _into_nan(case, low)) is not None:
        return ended
    limit = low + max(RISE * abs(low), LOST * (start - low))
    tail = values[-max(TAIL, len(values) // 10) :]
    if start < SMALL and level(tail) < SMALL:
        return None
    above, far = sum(v > limit for v in tail), level(tail) - low >= NOISE * noise(values)
    stays = far and above >= len(tail) - len(tail) // 10
    if not stays and (level(tail) <= limit or not _evaluated(case)):
        return None
    recovering = trend(values[-max(TAIL, len(values) // 4) :]).falls(0.05)
    if recovering and level(tail) < start:
        return None
    return _finding(case, low, limit)


def _uphill(case: Case) -> Finding | None:
    """Of a learning rate below 0: a schedule that went on past its end, or has another sign."""
    rates = case.finite("learning_rate")
    below = rates.values < -FLOOR * max(case.peak_rate() or 0.0, 0.0)
    if below.sum() < BELOW or not below[-1]:
        return None
    onset = rates[int(below.argmax())]
    curve = case.evals if len(case.evals) >= EVALS else case.loss
    before = curve.values[curve.places <= place(onset)]
    if not len(before) or curve[-1].value <= float(before[-1]):
        return None
    facts = [diverged.evidence("uphill", onset, n=int(below.sum()), of=len(rates))]
    facts.append(diverged.evidence("end", case.loss[-1]))
    advice = [diverged.advice("schedule", set=WHOLE_SCHEDULE)]
    low, end = lowest(case.losses), case.losses[-1]
    return diverged.finding(facts, advice, where=where(onset), low=low, end=end)


def _burst(case: Case) -> Finding | None:
    """Of a gradient that has grown beyond all measure, though the loss hides it: what is flat,
    clipped or at its margin shows no weights that run away."""
    norms, losses = case.finite("grad_norm"), case.losses
    if len(norms) < POINTS:
        return None
    early, tail = (
        level(norms.values[: len(norms) // 3]),
        norms.values[-max(LINES, len(norms) // 5) :],
    )
    large = norms.values > max(BURST * early, BURST)
    if early <= 0 or large.sum() < LINES or level(tail) < BURST * early:
        return None
    if level(losses[-TAIL:]) < level(losses[: len(losses) // 3]):
        return None  # it learns all the same
    first = norms[int(large.argmax())]
    at = case.near("loss", first) or case.loss[0]
    facts = [diverged.evidence("burst", first, early=early, most=float(norms.values.max()))]
    facts.append(diverged.evidence("end", case.loss[-1]))
    advice = [_lower(case), diverged.advice("warm_up", set=STEADY)]
    return diverged.finding(facts, advice, low=at.value, end=losses[-1], where=where(at))


def _into_nan(case: Case, low: float) -> Finding | None:
    """Of a loss that had left its lowest level for good before it was no number any more."""
    course, values = case.course("loss").values, case.losses
    if np.isfinite(course[-LINES:]).any() or len(values) < POINTS:
        return None
    tail = values[-max(TAIL, len(values) // 10) :]
    far = level(tail) - low >= NOISE * noise(values) / 2
    evals = case.evals.values
    rose = len(evals) >= EVALS and evals[-1] >= (1 + LEFT) * evals.min() and far
    limit = low + LEFT * abs(low)
    if not (rose or (far and sum(v > limit for v in tail) >= len(tail) - len(tail) // 5)):
        return None
    return _finding(case, low, limit)


def _unbound(case: Case) -> Finding | None:
    """Of a loss that has left the values that it can have."""
    values, evals = case.loss.values, case.evals.values
    below = np.flatnonzero(values < -FLOOR * abs(float(values[0])))
    if len(below) < BELOW or values[0] < 0 or bool((evals < 0).any()):
        return None
    known = bool(amount(case, "vocab_size")) or case.record.facts.get("loss_kind") in BOUNDED
    if not known and not (len(evals) >= EVALS and _evaluated(case)):
        return None
    onset = case.loss[int(below[0])]
    facts = [diverged.evidence("below_zero", onset, n=len(below), of=len(values))]
    if len(evals) >= EVALS and evals[-1] > evals.min():
        low = case.evals[int(evals.argmin())]
        facts.append(diverged.evidence("evals", case.evals[-1], low=low.value, place=where(low)))
    advice = [diverged.advice("terms"), diverged.advice("go_back", where=where(onset))]
    ends = {"low": float(values[0]), "end": float(values[-1])}
    return diverged.finding(facts, advice, None, where=where(onset), **ends)


def _lower(case: Case) -> Advice:
    safe = safe_rate(case)
    lower = {"train.learning_rate": float(f"{safe / 3:.2g}")} if safe else None
    return diverged.advice("lower_rate", set=lower)


def _evaluated(case: Case) -> bool:
    """Whether the evaluation loss, which has no noise of batches, is as far gone at its end."""
    values = case.evals.values
    if len(values) < EVALS:
        return False
    low = float(values.min())
    limit = low + max(RISE * abs(low), LOST * (float(values[0]) - low))
    return bool(values[-2:].min() > limit) and values[-1] == values.max()


def _finding(case: Case, low: float, limit: float) -> Finding:
    at = int(np.abs(case.loss.values - low).argmin())
    best, after = case.loss[at], case.loss[at:]
    onset = after[int((after.values > limit).argmax())]
    facts = [diverged.evidence("best", best), diverged.evidence("onset", onset)]
    facts.append(diverged.evidence("end", case.loss[-1]))
    rate = case.near("learning_rate", onset)
    if rate is not None:
        facts.append(diverged.evidence("rate", rate))
    advice = [
        go_back(case, lowest_loss(case)) or _lower(case),
        diverged.advice("warm_up", set=STEADY),
    ]
    if best != case.loss[0]:
        advice.append(diverged.advice("go_back", where=where(onset)))
    return diverged.finding(facts, advice, low=low, end=case.loss[-1].value, where=where(best))
