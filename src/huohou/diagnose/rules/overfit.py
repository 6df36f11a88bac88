"""The evaluation loss rises while the training loss falls."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from huohou.diagnose.case import Case, place
from huohou.diagnose.choice import fewer_passes, use
from huohou.diagnose.curves import above, level, noise, trend, valley
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.known import rows_known_before
from huohou.diagnose.lag import train_at
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.record.columns import Series
from huohou.record.finding import Advice, Evidence, Finding, Severity
from huohou.record.record import Point

EVALS = 5
MANY = 10  # evaluations whose order tells a rise,
FEW_LATE = 4  # so many of them late
FELL = 0.7  # of the training loss at the best is left,
APART = 0.5  # and this part of the evaluation loss, where the rise is not smooth
NOISES = 4  # the rise in units of the noise of the evaluations
RISE = 0.02  # and as a part of the best
SLIGHT = 0.01  # worth a word when the rise is steady
CLEAR = 0.05  # a rise that is worth a warning
SERIOUS = 0.10
LARGE = 0.25  # a rise that is no matter of taste
ONCE = 1.0  # passes
FEWEST = 5  # training losses, one a pass, beside which only a plain rise counts;
ENOUGH = 10  # with so many any other does, too

_UP = ("accuracy", "acc", "f1", "bleu", "rouge", "ndcg", "mrr", "map", "exact_match", "recall")

TRAIN = falling(2.0, 0.1, n=60)


@rule(
    "overfit",
    severity="warning",
    cause=Cause.DURATION,
    needs=(Need("eval_loss", EVALS), Need("loss", FEWEST)),
    explains=("memorised", "worse-last-checkpoint", "undertrained"),
    fires=(
        run(loss=TRAIN, evals=[0.98, 0.95, 1.1, 1.24, 1.33, 1.5, 1.61, 1.69, 1.76]),
        run(loss=TRAIN, evals=[4.1, 1.8, 1.6, 1.53, 1.49, 1.48, 1.48, 1.49, 1.50, 1.52, 1.56]),
        run(loss=[1.85, 1.1, 0.62, 0.3, 0.12], evals=[1.62, 1.35, 1.41, 1.77, 2.2], epochs=5),
    ),
    quiet=(
        run(loss=TRAIN, evals=[1.2, 1.0, 0.9, 0.85, 0.83, 0.82]),
        run(loss=TRAIN, evals=[1.2, 1.0, 0.9, 0.88, 0.91, 0.87, 0.90, 0.88, 0.91, 0.89]),
        run(loss=TRAIN, evals=[0.74, 0.33, 0.30, 0.29, 0.291, 0.29]),
        run(loss=TRAIN, evals=[1.0, 1.4]),
        run(loss=[1.85, 1.1, 0.62, 0.3, 0.12], evals=[1.62, 1.35, 1.41, 1.39, 1.75], epochs=5),
        run(loss=TRAIN, evals=[0.98, 0.95, 1.1, 1.24, 1.33, 1.5, 1.61], epochs=1),
        run(loss=line(1.0, 2.0, n=60), evals=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5]),
        run(loss=line(0.3, 0.05, n=60), evals=[2.2, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6], epochs=4),
    ),
    source="Deep Learning Tuning Playbook; Prechelt (1998), Early Stopping - but when?",
)
def overfit(case: Case) -> Finding | None:
    """Overfitting is an evaluation loss that goes up while the training loss goes on down. The rise
    is that of the best fitting course that first falls and then rises, so that one lucky or unlucky
    evaluation decides nothing: more than 4 times the noise that this course leaves over, and 2 % of
    the best; or, of ten evaluations and more, each of the last third is above those around the
    best, by 5 % of it in the median, and the training loss of a language model has fallen by 30 %
    since, to half of the evaluation loss; or, of fewer than ten, each after the best is higher than
    the one before, by more than 25 % in all, while the training loss fell by 30 %. That plain rise
    is what counts with fewer than ten training losses. It is information while it is less than 5 %,
    or less than 25 % and a measure of the task still rises, or while rankings are as good as they
    were. A gap between the two losses alone is no overfitting, and in its first pass a run has no
    row to know by heart. Where a language model knows the rows when the run begins (a loss a fifth
    of that of others, and a nat below it), the fault is older than the run: ``memorised``.
    """
    evals = case.evals
    if len(evals) < EVALS or 0 < (case.epochs or 0.0) <= ONCE or rows_known_before(case):
        return None
    values: list[float] = evals.values.tolist()
    fit = valley(values)
    at = values.index(min(values))
    after = values[at:]
    if len(after) < 3 or not _train_falls(case, evals[at]):
        return None
    part = (level(after[-3:] if len(after) > 3 else after[-2:]) - fit.low) / abs(fit.low or 1)
    clear = fit.rise(fit.settled) > NOISES and part > RISE
    steady = part > SLIGHT and len(after) >= EVALS and trend(after).rises()
    clear = clear or (part > CLEAR and _stays_above(values, at) and _far_below(case, evals[at]))
    plain = part > LARGE and _climbs(case, after, evals[at])
    if len(case.loss) < ENOUGH and not plain:
        return None
    clear = clear or plain
    if not clear and not steady:
        return None
    better, as_good = _better(case, evals[at]), _as_good(case, evals[at])
    mild = not clear or part < CLEAR or as_good or (better and part < LARGE)
    severity: Severity = "info" if mild else "warning"
    if severity == "warning" and part > SERIOUS and values[-1] > values[0]:
        severity = "error"
    facts = [*_evidence(case, evals, at, fit.noise), *(better or as_good)]
    best = evals[at]
    advice = _advice(case, best, bool(better or as_good))
    return overfit.finding(
        facts, advice, severity, percent=above(values[-1], best.value), where=where(best)
    )


def _stays_above(values: Sequence[float], at: int) -> bool:
    """Whether the last third of noisy evaluations lies above those around the best, and none of
    what came after the best is as good, so that a rise need not be smooth."""
    late = values[-max(FEW_LATE, len(values) // 3) :]
    around = values[max(0, at - 1) : at + 2]
    if len(values) < MANY or at > len(values) - 2 * len(late):
        return False
    return min(late) > level(around) and level(late) > (1 + CLEAR) * min(values)


def _climbs(case: Case, after: Sequence[float], best: Point) -> bool:
    """Whether few evaluations rise one after the other while the training loss goes far down."""
    if len(case.evals) >= MANY or any(b <= a for a, b in pairwise(after)):
        return False
    span = case.loss.values[case.loss.places >= place(best)]
    return len(span) >= 3 and float(span[-1]) < FELL * float(span[0])


def _far_below(case: Case, best: Point) -> bool:
    """Whether the training loss of a language model has fallen by a third since the best, to half
    of the evaluation loss."""
    beside = float(train_at(case.loss, Series.of([best]))[0])
    end = level(case.losses[-max(3, len(case.losses) // 10) :])
    fell = end < FELL * beside and end < APART * case.evals[-1].value
    return fell and case.objective == "likelihood" and not case.embedding


def _train_falls(case: Case, best: Point) -> bool:
    """Whether the training loss fell on from the best evaluation to the end."""
    span = case.loss.values[case.loss.places >= place(best)]
    if len(span) < 3:
        return False
    third = max(1, len(span) // 3)
    return level(span[-third:]) < level(span[:third])


def _evidence(case: Case, evals: Sequence[Point], at: int, spread: float) -> list[Evidence]:
    # A logged loss lags behind the evaluation at the end of its window.
    beside = float(train_at(case.loss, evals[at : at + 1])[0])
    start = beside if math.isfinite(beside) else case.losses[0]
    return [
        overfit.evidence("best", evals[at]),
        overfit.evidence("last", evals[-1], noise=spread),
        overfit.evidence("train", case.loss[-1], start=start),
    ]


def _better(case: Case, best: Point) -> list[Evidence]:
    """Measures of the evaluation, the higher the better, that went on rising."""
    facts = []
    for name in sorted(case.record.series):
        if name.startswith("eval_") and any(word in re.split("[_@]", name) for word in _UP):
            points, then = case.finite(name), case.near(name, best)
            spread = noise(points.values)
            if points and then is not None and points[-1].value > then.value + spread:
                facts.append(overfit.evidence("better", points[-1], name=name, then=then.value))
    return facts


def _as_good(case: Case, best: Point) -> list[Evidence]:
    """Rankings at the end, where none of them is worse than at the best loss."""
    facts = []
    for name in sorted(case.record.series):
        if name.startswith("eval_") and re.search(r"ndcg|mrr|map@|@\d", name):
            points, then = case.finite(name), case.near(name, best)
            if not points or then is None or points[-1].value < then.value - noise(points.values):
                return []
            facts.append(overfit.evidence("held", points[-1], name=name, then=then.value))
    return facts[:1]


def _advice(case: Case, best: Point, better: bool) -> list[Advice]:
    shorter = fewer_passes(case, max(1, round(best.epoch))) if best.epoch else None
    if better:
        return [overfit.advice("choose_by_task"), overfit.advice("shorter", set=shorter)]
    return [
        use(overfit, case, best),
        overfit.advice("shorter", set=shorter),
        overfit.advice("more_data"),
    ]
