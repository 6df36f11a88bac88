"""The learning rate is too low: the loss creeps."""

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level, noise, trend
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.diagnose.schedule import schedule
from huohou.diagnose.settings import amount
from huohou.record.finding import Evidence, Finding, Severity

POINTS = 20
KNOWN_POINTS = 10  # where the rate itself is known to be tiny
GAIN = 0.15  # less than this part of the loss was gained
EVEN = (0.5, 2.0)  # falls of the second half and of the first, at a rate that does not change
STEADY = (
    0.15  # the gradient norm changed by no more than this part: the weights are where they were
)
EARLY = 0.5  # of a planned run: too early to say

# Rates below these are far under all that is usual: adapters, not known, all weights.
TINY = {"lora": 1e-5, "unknown": 1e-6, "full": 1e-7}

CREEP = line(2.40, 2.25, n=40, noise=0.004)


@rule(
    "lr-too-low",
    severity="warning",
    cause=Cause.RATE,
    needs=(Need("loss", KNOWN_POINTS),),
    explains=("loss-stuck", "undertrained"),
    fires=(
        run(loss=CREEP, learning_rate=[2e-6] * 40, facts={"lora_rank": 8}),
        run(loss=CREEP, grad_norm=line(1.2, 1.18), facts={"finished": True}),
        run(loss=line(1.40, 1.395, n=13, noise=0.003), learning_rate=[5e-7] * 13),
    ),
    quiet=(
        run(loss=falling(2.4, 1.2), learning_rate=[2e-6] * 40, facts={"lora_rank": 8}),
        run(loss=line(2.4, 1.2), grad_norm=line(1.2, 1.18)),
        run(loss=CREEP, grad_norm=line(1.2, 0.3)),
        run(loss=CREEP),
        run(loss=line(0.3, 0.3), grad_norm=line(0.1, 0.1)),
        run(loss=line(0.69, 0.60), learning_rate=[5e-7] * 40, more={"rewards/chosen": line(0, 1)}),
    ),
    source="LoRA Without Regret (2025); AutoTrainer (slow convergence)",
)
def lr_too_low(case: Case) -> Finding | None:
    """Less than 15 % of the loss was gained, and either the highest learning rate is known to be
    tiny (below 1e-5 with LoRA, 1e-7 for all weights, 1e-6 where that is not known), or the loss
    falls significantly, in its second half as fast as in its first, while the gradient norm stays
    where it was: the weights have hardly moved from where they began. A run that has gained much,
    one whose gradient changes, preferences and rewards (their rates are small), and the first half
    of a planned run are left out. It explains a loss that is stuck and a run that ends too early.
    """
    values = case.losses
    if case.objective != "likelihood" or len(values) < KNOWN_POINTS or _too_early(case):
        return None
    head = max(1, len(values) // 20)
    start, end = level(values[:head]), level(values[-max(3, len(values) // 10) :])
    if start <= 0 or (start - end) / start >= GAIN or end > start + 3 * noise(values):
        return None
    facts = [lr_too_low.evidence("gain", case.loss[-1], start=case.loss[0].value)]
    known = _tiny(case)
    if known is not None:
        return _finding(case, [*facts, known], "warning")
    creeping = _creeps(case)
    return _finding(case, [*facts, *creeping], "warning") if creeping else None


def _finding(case: Case, facts: list[Evidence], severity: Severity) -> Finding:
    peak = case.peak_rate() or amount(case, "learning_rate")
    higher = {"train.learning_rate": float(f"{10 * peak:.1g}")} if peak else None
    advice = [lr_too_low.advice("higher", set=higher), lr_too_low.advice("try")]
    return lr_too_low.finding(facts, advice, severity)


def _tiny(case: Case) -> Evidence | None:
    peak = case.peak_rate() or amount(case, "learning_rate")
    rank = amount(case, "lora_rank")
    kind = "unknown" if rank is None else "lora" if rank else "full"
    if not peak or peak >= TINY[kind]:
        return None
    return lr_too_low.evidence(f"rate_{kind}", rate=peak, limit=TINY[kind])


def _creeps(case: Case) -> list[Evidence]:
    """A straight slow fall with a gradient that does not change."""
    values, norms = case.losses, case.finite("grad_norm").values
    if len(values) < POINTS or len(norms) < POINTS or case.finished is False:
        return []
    whole = trend(values)
    if not whole.falls() or -whole.change < 3 * noise(values) / np.sqrt(len(values)):
        return []
    half = len(values) // 2
    first, second = (-trend(part).change for part in (values[:half], values[half:]))
    plan = schedule(case.finite("learning_rate"))
    falls_off = 0.33 if plan is not None and plan.shape != "constant" else 1.0
    even = first > 0 and EVEN[0] * falls_off <= second / first <= EVEN[1]
    moved = trend(norms.tolist())
    middle = level(norms.tolist())
    steady = middle > 0 and max(abs(moved.low), abs(moved.high)) < STEADY * middle
    if not even or not steady:
        return []
    percent = round(100 * -whole.change / level(values), 1)
    return [lr_too_low.evidence("creeps", percent=percent, norm=middle)]


def _too_early(case: Case) -> bool:
    planned, done = case.planned, case.updates
    return bool(planned and done is not None and done < EARLY * planned)
