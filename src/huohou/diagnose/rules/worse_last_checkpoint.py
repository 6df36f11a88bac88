"""The last weights are not the best."""

import math

from huohou.diagnose.case import Case, place
from huohou.diagnose.choice import WHOLE_SCHEDULE, comes_down, go_back, use
from huohou.diagnose.curves import above, lowest, valley
from huohou.diagnose.embedding import stuck_at_margin
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.diagnose.seams import seams
from huohou.record.columns import Point
from huohou.record.finding import Advice, Finding

EVALS = 4
NOISES = 5
SEEN = 1  # noise where the training loss has risen with it:
TRAINED = 3  # its last lines go up, all of them
RISEN = 0.5  # by this part above its lowest level
SMALL = 0.1  # a loss below this wavers
RAISED = 3  # noises where the learning rate rose after the best
CLEAR = 0.05  # and by this, where a warning is to be given
WORSE = 0.02

TRAIN = falling(2.0, 1.0, n=60)
STEPPED = [1.5, 1.3, 1.2, 1.15, 1.12, 1.1, 1.08, 1.06, 1.5, 1.68, 1.44]


@rule(
    "worse-last-checkpoint",
    severity="warning",
    cause=Cause.DURATION,
    needs=(Need("eval_loss", EVALS),),
    fires=(
        run(loss=TRAIN, evals=[1.5, 1.3, 1.2, 1.15, 1.12, 1.1, 1.1, 1.4]),
        run(loss=TRAIN, evals=[1.5, 1.3, 1.2, 1.15, 1.12, 1.1, 1.1, 1.4], facts={"best_step": 450}),
        run(loss=TRAIN, evals=STEPPED, learning_rate=[*line(1e-4, 2e-5, n=48), *[1e-3] * 12]),
    ),
    quiet=(
        run(loss=TRAIN, evals=[1.5, 1.3, 1.2, 1.15, 1.12, 1.1]),
        run(loss=TRAIN, evals=[1.5, 1.3, 1.25, 1.35, 1.22, 1.36, 1.24, 1.34]),
        run(loss=TRAIN, evals=STEPPED, learning_rate=line(1e-4, 1e-6, n=60)),
    ),
)
def worse_last_checkpoint(case: Case) -> Finding | None:
    """The last evaluation is worse than the best by more than 2 % and, by the best fitting
    course that first falls and then rises, by more than 5 times the noise that this course
    leaves over; 3 times where the learning rate rose after the best to 1.5 times the highest
    before it, once where the last three training losses go up, all of them half above their
    lowest level. Where the best checkpoint is kept, or is better by no more than 5 %, this is
    information. So it is where a resume lifted the evaluation loss by half of the rise.
    """
    evals = case.evals
    if len(evals) < EVALS or stuck_at_margin(case):
        return None
    values: list[float] = evals.values.tolist()
    at = values.index(min(values))
    fit = valley(values)
    rise = values[-1] - fit.low
    best, last = evals[at], evals[-1]
    back = go_back(case, best)
    least = NOISES if back is None else RAISED
    least = SEEN if _train_too(case) else least
    if fit.rise(fit.end) <= least or rise <= WORSE * abs(fit.low):
        return None
    named = best.step is not None and case.record.facts.get("best_step") == best.step
    mild = (back is None and _mild(case, fit.low)) or _at_resume(case, best, fit.low)
    kept = named or case.plan is not None  # our own runs end with the weights of the best
    facts = [
        worse_last_checkpoint.evidence("best", best),
        worse_last_checkpoint.evidence("last", last, noise=fit.noise),
    ]
    return worse_last_checkpoint.finding(
        facts,
        [use(worse_last_checkpoint, case, best), *_again(case, back)],
        severity="info" if kept or mild else "warning",
        percent=above(last.value, best.value),
        where=where(best),
    )


def _train_too(case: Case) -> bool:
    """Whether the training loss rises with it: its last lines are all far above its lowest level,
    and none of them below the one before."""
    values = case.losses[-TRAINED:]
    low = lowest(case.losses) if len(case.losses) > TRAINED else math.inf
    return bool(values) and min(values) > max((1 + RISEN) * low, SMALL) and values == sorted(values)


def _at_resume(case: Case, best: Point, low: float) -> bool:
    """Whether it was a resume that lifted the evaluation loss: by half of the rise and more, from
    the last before it to the highest after it."""
    evals = case.evals
    for i in seams(case, case.eval_name):
        if place(best) <= place(evals[i - 1]):
            lifted = float(evals.values[i : i + 2].max()) - evals[i - 1].value
            if lifted > RISEN * (evals[-1].value - low):
                return True
    return False


def _mild(case: Case, low: float) -> bool:
    """Whether what was lost is hardly worth a warning."""
    return case.evals[-1].value <= (1 + CLEAR) * low


def _again(case: Case, back: Advice | None) -> list[Advice]:
    """How to train again so that the last weights are the best."""
    if back is None and comes_down(case) is False:
        back = worse_last_checkpoint.advice("come_down", set=WHOLE_SCHEDULE)
    return [back] if back else []
