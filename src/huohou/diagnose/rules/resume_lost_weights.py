"""A training was taken up again, but not its weights."""

import math
from collections.abc import Sequence

import numpy as np

from huohou.diagnose.aftercheck import ENOUGH, AfterCheck, after_check
from huohou.diagnose.case import Case, place
from huohou.diagnose.curves import level, noise
from huohou.diagnose.examples import falling, line, lives, run
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.diagnose.seams import seams
from huohou.record.columns import Floats, Point
from huohou.record.finding import Finding
from huohou.record.record import Record

FEW = 3  # losses on each side of a seam that tell it; more where there are more
EVALS_LEARNT = 0.05
LEARNT = 0.10  # the part of the loss that must have been learnt before
NOISES = 6  # of a single loss: what a jump must exceed
FEWER = 2  # updates a line
AT_ONCE = 0.15  # of what was learnt is lost in the first line already; clear where a line
UNSURE = 0.15  # wavers by less than this part of it
PARTLY = 0.2  # of it, where that is beyond noise and the rate is what it was before
NEAR = 0.25  # without a known seam: back at the start to within this part of what was learnt
AGAIN = 0.25  # and this part of it is learnt again afterwards

BEFORE = falling(3.6, 1.2, n=30)

# Losses that say nothing for noise, and evaluations that do.
EVALUATED = Record(
    {"path": "example"},
    {
        "loss": lives(line(0.2, 0.15, 14, 0.2), line(0.2, 0.1, 30, 0.2), starts=(0, 140)).points(
            "loss"
        ),
        "eval_loss": tuple(
            Point(value, step, seg=int(step > 140))
            for step, value in ((60, 0.178), (130, 0.151), (200, 0.179), (300, 0.142), (400, 0.11))
        ),
    },
)

# Without a seam in the log: a jump to where the run began, and the same way down once more.
UNSEEN = [*BEFORE, *falling(3.6, 1.2, n=30, seed=1)]


@rule(
    "resume-lost-weights",
    severity="error",
    cause=Cause.RESTART,
    needs=(Need("loss", 4 * FEW),),
    explains=(
        *("undertrained", "overfit", "diverged", "lr-too-high"),
        *("loss-stuck", "resume-lost-optimizer", "hinge-floor", "at-chance"),
    ),
    fires=(
        lives(BEFORE, falling(3.6, 1.3, seed=2), starts=(0, 300)),
        lives(falling(3.6, 1.2, n=30), [2.9, 2.2, 1.8, 1.5], starts=(0, 300)),
        run(loss=UNSEEN),
        EVALUATED,
    ),
    quiet=(
        lives(BEFORE, falling(1.2, 1.1, seed=2), starts=(0, 300)),
        lives(falling(3.6, 3.5, noise=0.05), falling(3.6, 3.4, noise=0.05), starts=(0, 400)),
        run(loss=[*BEFORE, *falling(2.2, 1.1, n=30, seed=1)]),
        run(loss=[*BEFORE, 3.6, *line(1.2, 1.15, n=29)]),
        run(loss=[*BEFORE, *line(3.5, 3.6, n=30)]),
        run(loss=falling(3.6, 1.2, n=60, noise=0.1)),
    ),
    source="LLaMA-Factory issue 512; transformers issue 35850",
)
def resume_lost_weights(case: Case) -> Finding | None:
    """Where the log shows that another process took the training up (a new segment, a counter
    of tokens that begins at 0), the first losses after it are compared with those before it and
    with the very first: a jump of more than half of what had been learnt, and of more than
    three standard errors, says that the weights were not loaded; so does an evaluation loss
    that gives back more than half of what it had gained. Where the log shows no such place, a
    single jump is called so only if it leads back to where the run began, to within a quarter
    of what had been learnt and by more than 6 times the noise, and the loss goes down once more
    from there, step by step. Harder data that lift the loss part of the way are not called so;
    data that lift it exactly to the first loss would be. The first line after a resume is
    untouched by later updates: where it lies less than 15 % of what had been learnt above those
    before, the weights came along, whatever follows; where a line is one update or two, a jump
    of a fifth of it, beyond 6 noises and not gone in the next line, says that a part of them
    was lost.
    """
    values = case.losses
    if len(values) < 4 * FEW:
        return None
    known = seams(case)
    for i in known:
        found = _at_seam(values, i, _single(case, i))
        if found is None and not _intact(values, i):
            found = _by_evals(case, case.loss[i])
        if found is not None:
            return lost(case.loss[i], found)
    at = _jump(case.loss.values) if not known else None
    if at is None:
        return None
    found = AfterCheck("lost", values[0], level(values[at - FEW : at]), values[at])
    return lost(case.loss[at], found, seen=False)


def lost(point: Point, found: AfterCheck, *, seen: bool = True) -> Finding:
    """The finding. point: the first loss after the resume; seen: the log shows the resume."""
    numbers = {"first": found.first, "before": found.before, "after": found.after}
    facts = [resume_lost_weights.evidence("levels", point, **numbers)]
    if not seen:
        facts.append(resume_lost_weights.evidence("unseen", point))
    keys = ("back", "load", "check") if seen else ("back", "load", "or_data")
    advice = [resume_lost_weights.advice(key) for key in keys]
    return resume_lost_weights.finding(
        facts, advice, "error" if seen else "warning", where=where(point)
    )


def _single(case: Case, i: int) -> bool:
    """Whether the first line after a resume is that of one update or two, not a mean of many."""
    before, after = case.loss.places[i - 1 : i + 1].tolist()
    return math.isfinite(before) and math.isfinite(after) and after - before <= FEWER


def _at_seam(values: Sequence[float], i: int, single: bool) -> AfterCheck | None:
    for many in (ENOUGH, FEW):
        before = values[max(0, i - 4 * many) : i]
        found = after_check(values[:i], before, values[i : i + many], enough=many)
        if found is None:
            continue
        if found.first - found.before <= LEARNT * abs(found.first):
            return None
        if not _off_at_once(values, i, found):
            return None
        return found if found.judgement == "lost" else _at_once(values, i, found, single)
    return None


def _off_at_once(values: Sequence[float], i: int, found: AfterCheck) -> bool:
    """Whether the first loss after the resume, which no later update has touched, is higher: what
    rises only from the second line on was done by the optimizer or its rate."""
    fell = found.first - level(values[max(0, i - 2 * FEW + 1) : i])
    return bool(values[i] - level(values[max(0, i - 2 * FEW + 1) : i]) > AT_ONCE * fell)


def _intact(values: Sequence[float], i: int) -> bool:
    """Whether the first line after the resume is where the last were: the weights came along."""
    before = values[max(0, i - 2 * FEW + 1) : i]
    spread = noise(values[:i])
    if len(before) < FEW or spread > UNSURE * (values[0] - level(before)):
        return False
    return bool(values[i] - level(before) < max(AT_ONCE * (values[0] - level(before)), 2 * spread))


def _by_evals(case: Case, seam: Point) -> AfterCheck | None:
    """The evaluation loss is back where it began: it is told from noise by fewer values."""
    evals = case.evals
    before = evals.values[evals.places < place(seam)]
    after = evals.values[evals.places >= place(seam)]
    if not len(before) or not len(after):
        return None
    first, left, again = float(before[0]), float(before[-1]), float(after[0])
    fell = first - left
    if fell <= EVALS_LEARNT * abs(first) or again - left <= fell / 2:
        return None
    return AfterCheck("lost", first, left, again)


def _at_once(values: Sequence[float], i: int, found: AfterCheck, single: bool) -> AfterCheck | None:
    """What was lost may be learnt again within a few lines: then the first of them tells."""
    first, after = values[0], values[i]
    before = level(values[max(0, i - 2 * FEW + 1) : i])
    jump, fell, spread = after - before, first - before, noise(values[:i])
    some = (
        single and jump > max(PARTLY * fell, NOISES * spread) and values[i + 1] - before > jump / 3
    )
    if not some and (jump <= max(fell / 2, NOISES * spread) or values[i + 1] > after):
        return None
    return AfterCheck("lost", first, before, after)


def _jump(values: Floats) -> int | None:
    """Index of the one jump back to the start that decays once more; None where there is none."""
    n, start, spread = len(values), float(values[0]), noise(values)
    found = []
    if values.min() <= 0:
        return None
    # Noise may be a part of the level, large where the loss is large: a jump stands out so, too.
    logs = np.log(values)
    large = np.diff(values) > NOISES * spread
    large &= np.diff(logs) > NOISES * noise(logs)
    for i in (np.flatnonzero(large) + 1).tolist():
        if not 2 * FEW <= i < n - FEW:
            continue
        before = level(values[i - FEW : i])
        learnt = start - before
        is_back = abs(values[i] - start) < NEAR * learnt
        if learnt > max(LEARNT * abs(start), 2 * NOISES * spread) and is_back:
            found.append((i, before, learnt))
    if len(found) != 1:
        return None
    i, before, learnt = found[0]
    after = values[i : i + max(FEW, min(i, n - i))]
    stays_up = after[1:FEW].min() > before + max(NEAR * learnt / 2, spread)
    falls = after[0] - level(after[-FEW:]) > max(AGAIN * learnt, NOISES * spread)
    return i if stays_up and falls else None
