"""The weights do not change."""

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, where
from huohou.diagnose.rules.loss_stuck import damped
from huohou.record.finding import Evidence

POINTS = 3
NO_GRADIENT = 1e-7  # VanishingGradient of SageMaker Debugger
DIGITS = 4  # an evaluation that is printed shorter may look the same by rounding


@rule(
    "nothing-trains",
    severity="error",
    cause=Cause.RATE,
    needs=(Need("loss", POINTS),),
    explains=("loss-stuck", "undertrained"),
    fires=(
        run(loss=line(2.3, 2.3), grad_norm=[0.0] * 40),
        run(loss=line(2.3, 2.3), evals=[2.31745] * 4),
    ),
    quiet=(
        run(loss=falling(2.3, 1.1), grad_norm=line(1.0, 0.3), evals=[1.9, 1.5, 1.2, 1.2]),
        run(loss=line(2.3, 2.3), evals=[2.31745, 2.31744, 2.31745, 2.31745]),
        run(loss=falling(2.3, 1.1), evals=[1.1, 1.1, 1.1]),
        run(loss=[0.0] * 6, grad_norm=[0.0] * 6, reward=[1.0] * 6),
    ),
)
def nothing_trains(case: Case) -> Outcome:
    """An evaluation is deterministic: the same digits again and again from the first to the
    last mean the same weights. A gradient norm of exactly 0 at every step says it more
    directly. Then no trained parameter is reached by the loss: frozen layers, an adapter on
    layers that are not used, labels that are all masked, or updates so small that bf16 weights
    round them away. Where a gradient arrives and a huge epsilon of the optimizer is set, that
    is ``loss-stuck``.
    """
    grads, evals = case.finite("grad_norm"), case.evals
    if case.objective == "reward":
        return None
    if damped(case) is not None and not (len(grads) and (grads.values < NO_GRADIENT).all()):
        return None
    if len(grads) < POINTS and len(evals) < POINTS:
        return Need("grad_norm", POINTS)
    facts: list[Evidence] = []
    if len(grads) >= POINTS and (grads.values < NO_GRADIENT).all():
        facts.append(nothing_trains.evidence("gradient", grads[-1], n=len(grads)))
    same = len(set(evals.values.tolist())) == 1 and len(f"{evals[0].value:g}".strip("0.")) >= DIGITS
    if len(evals) >= POINTS and same:
        facts.append(nothing_trains.evidence("evals", evals[-1], n=len(evals)))
    if not facts:
        return None
    advice = [nothing_trains.advice(key) for key in ("parameters", "labels", "precision")]
    return nothing_trains.finding(facts, advice, where=where(case.course("loss")[-1]))
