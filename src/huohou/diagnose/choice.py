"""Advice that several rules give: which weights to take, and settings that cure."""

import math
from typing import Any

from huohou.diagnose.case import Case
from huohou.diagnose.rule import Rule, where
from huohou.diagnose.settings import amount
from huohou.record.finding import Advice
from huohou.record.record import Point


def use(rule: Rule, case: Case, best: Point) -> Advice:
    """Which weights to take: of the checkpoints that are there, the best."""
    kept = case.kept()
    if kept is None or kept == best:
        return rule.advice("use_best", where=where(best))
    if kept == case.evals[-1]:
        return rule.advice("keep_best", where=where(best))
    return rule.advice("use_kept", where=where(best), step=kept.step, value=kept.value)


# A schedule that begins and ends with the run, whatever its length.
WHOLE_SCHEDULE: dict[str, Any] = {"train.schedule": "cosine", "train.warmup_ratio": 0.05}
EVALS = 8  # evaluations in a run: enough to tell a rise from chance


def safe_rate(case: Case) -> float | None:
    """The learning rate at which the loss was at its lowest, where it was known and rose later;
    else the highest. None where no rate is known."""
    peak = case.peak_rate()
    if not peak or not len(case.loss):
        return peak or None
    best = case.loss[int(case.loss.values.argmin())]
    then = case.near("learning_rate", best)
    later = case.finite("learning_rate").values[-1]
    return then.value if then is not None and 0 < then.value < later else peak


def passes(case: Case) -> float | None:
    """Passes over the rows that the run makes, planned or done, None where nobody says."""
    return amount(case, "num_train_epochs") or case.epochs or None


def enough_evals(case: Case) -> dict[str, Any]:
    """The setting with which the run is evaluated often enough."""
    return {"train.evals_per_epoch": max(1, math.ceil(EVALS / (passes(case) or EVALS / 4)))}


def more_updates(case: Case, updates: int, wanted: int) -> dict[str, Any] | None:
    """The setting with which it makes that many: more passes, None where they are not known."""
    known = passes(case)
    if known is None or updates <= 0:
        return None
    return {"train.num_epochs": math.ceil(known * wanted / updates)}
