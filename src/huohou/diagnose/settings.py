"""Settings of a run: what its log says of them, else its plan."""

import math
from typing import Any

from huohou.diagnose.case import Case

# Names of facts to those of a run file, where they differ in more than the group.
_PLANNED = {
    "learning_rate": "train.learning_rate",
    "lr_scheduler": "train.schedule",
    "warmup_ratio": "train.warmup_ratio",
    "batch_size": "train.batch_size",
    "max_grad_norm": "train.max_grad_norm",
    "num_train_epochs": "train.num_epochs",
    "lora_rank": "lora.rank",
    "lora_alpha": "lora.alpha",
    "lora_dropout": "lora.dropout",
}


def setting(case: Case, name: str) -> Any:
    """The value of a setting by the name of its fact, None where it is not known."""
    value = case.record.facts.get(name)
    if value is not None:
        return value
    planned = (case.plan or {}).get("settings")
    found = planned.get(_PLANNED.get(name, name)) if isinstance(planned, dict) else None
    return found.get("value") if isinstance(found, dict) else None


def amount(case: Case, name: str) -> float | None:
    """A setting that is a finite number."""
    value = setting(case, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def rate_reached(case: Case) -> float | None:
    """The highest learning rate that the run came to, as a part of the one that was set: by the
    logged rates, else by a warm-up that is longer than the run. None where neither is known."""
    asked, peak = amount(case, "learning_rate"), case.peak_rate()
    if asked and peak and asked > 0:
        return peak / asked
    warm, done = amount(case, "warmup_steps"), case.updates
    return min(1.0, done / warm) if warm and warm > 0 and done else None


def plain_descent(case: Case) -> bool:
    """Whether the optimizer is known to be stochastic gradient descent, which takes rates a hundred
    times as high as Adam's."""
    name = setting(case, "optimizer")
    return isinstance(name, str) and name.lower().startswith("sgd")


def relative_rate(case: Case) -> bool:
    """Whether the rate is one of Adafactor, which multiplies it with the size of the weights."""
    name = setting(case, "optimizer")
    return isinstance(name, str) and name.lower().startswith("adafactor")


def dtype(case: Case) -> str | None:
    """The number format of the computation: fp32, fp16 or bf16."""
    value = case.record.facts.get("dtype")
    if value is None:
        chosen = (case.plan or {}).get("dtype")
        value = chosen.get("value") if isinstance(chosen, dict) else None
    return value if isinstance(value, str) else None
