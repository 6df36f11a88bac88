"""The last weights are not the best."""

from huohou.diagnose.case import Case
from huohou.diagnose.curves import band, level, noise
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, rule, show, where
from huohou.record.finding import Advice, Finding
from huohou.record.record import Point

EVALS = 5
WORSE = 0.02

TRAIN = falling(2.0, 1.0, n=60)


@rule(
    "worse-last-checkpoint",
    severity="warning",
    cause=Cause.DURATION,
    needs=(Need("eval_loss", EVALS),),
    fires=(
        run(loss=TRAIN, evals=[1.5, 1.3, 1.2, 1.15, 1.12, 1.1, 1.1, 1.4]),
        run(loss=TRAIN, evals=[1.5, 1.3, 1.2, 1.15, 1.12, 1.1, 1.1, 1.4], facts={"best_step": 450}),
    ),
    quiet=(
        run(loss=TRAIN, evals=[1.5, 1.3, 1.2, 1.15, 1.12, 1.1]),
        run(loss=TRAIN, evals=[1.5, 1.3, 1.25, 1.35, 1.22, 1.36, 1.24, 1.34]),
    ),
    source="finetune-doctor (noise band of the evaluations)",
)
def worse_last_checkpoint(case: Case) -> Finding | None:
    """The last evaluation is worse than those around the best by more than 3 noises of the
    evaluations and 2 %. Where the best checkpoint is kept this is information.
    """
    evals = case.evals
    if len(evals) < EVALS:
        return None
    values = [p.value for p in evals]
    at = values.index(min(values))
    base = level(values[max(at - 1, 0) : at + 2])
    rise = values[-1] - base
    if rise <= band(values) or rise <= WORSE * abs(base):
        return None
    best, last = evals[at], evals[-1]
    kept = best.step is not None and case.record.facts.get("best_step") == best.step
    facts = [
        worse_last_checkpoint.evidence("best", best),
        worse_last_checkpoint.evidence("last", last, noise=noise(values)),
    ]
    return worse_last_checkpoint.finding(
        facts,
        [_advice(case, best)],
        severity="info" if kept else "warning",
        percent=show(round(100 * (last.value / best.value - 1), 1)),
        where=where(best),
    )


def _advice(case: Case, best: Point) -> Advice:
    steps = case.record.facts.get("checkpoints")
    if steps and best.step is not None and best.step not in steps:
        near = min(steps, key=lambda step: abs(step - best.step))
        return worse_last_checkpoint.advice("use_nearest", step=near, where=where(best))
    return worse_last_checkpoint.advice("use_best", where=where(best))
