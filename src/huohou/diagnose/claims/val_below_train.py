"""Validation below training taken as a good sign, or as slight overfitting."""

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim
from huohou.diagnose.rule import show
from huohou.measure.reference import lagged_means
from huohou.text import say

NEAR = 0.05  # a lag explains the training losses this well


@claim(
    "val-below-train",
    verdict="reversed",
    says=(
        r"(?:验证|\bval|\beval|\bdev).{0,24}(?:低于|小于|更低|比训练.{0,6}低|below|lower|"
        r"less than|smaller)",
        r"好现象|好的?(?:信号|迹象|标志)|过拟合|拟合|健康|满足|✅|良好|正常|good|overfit|"
        r"healthy|\bfine\b|"
        r"positive sign|as it should|well",
    ),
    unless=r"验证.{0,10}(?:上升|高于)|\bval\w*.{0,20}(?:rises|above)",
    fires=(
        "The validation loss is always below the training loss, which is a good sign.",
        "Val loss lower than train loss: slight overfitting or an easy validation set",
        "验证集损失一直比训练集损失低，这是好现象",
        "验证损失低于训练损失，可能有轻微过拟合",
    ),
    quiet=(
        "The validation loss rises while the training loss falls: overfitting.",
        "At epoch 3 the validation loss is 0.13.",
        "验证损失上升而训练损失下降，说明过拟合",
        "验证集比训练集小",
    ),
    source="half an epoch of lag: a training loss is a mean over the epoch before the evaluation",
)
def val_below_train(case: Case) -> str | None:
    evals = [p.value for p in case.evals]
    if len(case.losses) != len(evals) or len(evals) < 2:
        return val_below_train.say("wanted")
    if not all(e < t for e, t in zip(evals, case.losses, strict=True)):
        return val_below_train.say("not_always")
    start = _start(case, evals[0])
    lagged = lagged_means(evals, start)
    losses = case.losses[-len(lagged) :]
    worst = max(abs(a / b - 1) for a, b in zip(lagged, losses, strict=True) if b)
    fields = {"lagged": _list(lagged), "losses": _list(losses), "percent": f"{100 * worst:.1f}"}
    return val_below_train.say("lag" if worst <= NEAR else "more_than_lag", **fields)


def _start(case: Case, first: float) -> float | None:
    """The loss before the first epoch, where the report tells of a run that stayed there."""
    stuck = [other.values("loss") for other in case.record.others]
    ends = [values[-1] for values in stuck if values and len(set(values)) == 1]
    return next((value for value in ends if value > first), None)


def _list(values: list[float]) -> str:
    return say("diagnose.comma").join(map(show, values))
