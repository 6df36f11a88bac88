"""Advice that several rules give: which weights to take, and settings that cure."""

import math
from typing import Any

from huohou.diagnose.case import Case, place
from huohou.diagnose.rule import Rule, show, where
from huohou.diagnose.settings import amount, rate_reached, setting
from huohou.record.finding import Advice
from huohou.record.record import Point
from huohou.text import say


def use(rule: Rule, case: Case, best: Point) -> Advice:
    """Which weights to take: of the checkpoints that are there, the best."""
    kept = case.kept()
    if kept is None or kept == best:
        return rule.advice("use_best", where=where(best))
    if kept == case.evals[-1]:
        return rule.advice("keep_best", where=where(best))
    return rule.advice("use_kept", where=where(best), step=kept.step, value=kept.value)


# A schedule that begins and ends with the run, whatever its length, and the same with clipping.
WHOLE_SCHEDULE: dict[str, Any] = {"train.schedule": "cosine", "train.warmup_ratio": 0.05}
STEADY: dict[str, Any] = WHOLE_SCHEDULE | {"train.max_grad_norm": 1.0}
EVALS = 8  # evaluations in a run: enough to tell a rise from chance
FEW_EVALS = 5  # fewer cannot
PASSES = 3  # over the rows: usual; once where a pass alone has
LONG = 2000  # updates
LEAST_BATCH = 8  # rows an update: with fewer the gradient is mostly noise
JUMP = 1.5  # times as high: a learning rate that leaves the one before
ALIKE = 1.3  # times as high: the rate that was set, met a little after its peak
WARMED = 0.5  # of the rate that was set: with less a run was still warming up
LOW = 0.25  # of its peak: a learning rate that has come down
WHOLE = 0.9  # of what was planned
SHORTEST = 1e-6  # passes: with fewer nothing was seen, whatever the log says


def safe_rate(case: Case) -> float | None:
    """The learning rate at which the loss was at its lowest, where it was known and rose later;
    else the highest. None where no rate is known."""
    peak = case.peak_rate()
    if not peak or not len(case.loss):
        return peak or None
    then = case.near("learning_rate", lowest_loss(case))
    later = case.finite("learning_rate").values[-1]
    return then.value if then is not None and 0 < then.value < later else peak


def lowest_loss(case: Case) -> Point:
    """Where the training loss was at its lowest."""
    return case.loss[int(case.loss.values.argmin())]


def go_back(case: Case, best: Point) -> Advice | None:
    """To the learning rate that the run did well at until a higher one spoilt it, where there is
    one: the highest before the best, reached in the first half of the way there."""
    rates = case.finite("learning_rate")
    gone = rates.places > place(best)
    before, after = rates.values[~gone], rates.values[gone]
    if len(before) < 3 or not len(after):
        return None
    held, high = float(before.max()), float(after.max())
    if not 0 < JUMP * held <= high or before.argmax() > len(before) // 2:
        return None
    asked = amount(case, "learning_rate") or 0.0
    rate = asked if held <= asked <= ALIKE * held else float(f"{held:.2g}")
    told = say("advice.held_rate", rate=show(rate), high=show(high), where=where(best))
    return Advice(told, {"train.learning_rate": rate} | WHOLE_SCHEDULE)


def comes_down(case: Case) -> bool | None:
    """Whether the learning rate comes down in the run, by its course or else by the name of its
    schedule; None where neither is known. A run that was over before it had warmed up came to no
    such place."""
    reached = rate_reached(case)
    if reached is not None and 0 < reached < WARMED:
        return False
    rates = case.finite("learning_rate").values
    if len(rates) >= 3:
        return bool(rates[-1] <= LOW * rates.max())
    name = setting(case, "lr_scheduler")
    return not name.startswith("constant") if isinstance(name, str) else None


def passes(case: Case) -> float | None:
    """Passes over the rows that the run makes, planned or done, None where nobody says."""
    known = amount(case, "num_train_epochs") or case.epochs or None
    return known if known and known > SHORTEST else None


def evals_per_epoch(number: float) -> int:
    """The setting with which a run of so many passes is evaluated often enough."""
    return max(1, math.ceil(EVALS / number))


def enough_evals(case: Case) -> dict[str, Any]:
    """The setting with which the run is evaluated often enough."""
    return {"train.evals_per_epoch": evals_per_epoch(passes(case) or EVALS / 4)}


def fewer_passes(case: Case, number: int) -> dict[str, Any]:
    """The settings of a shorter run, which is evaluated as often where that is not too seldom."""
    known = passes(case)
    fewer = {"train.num_epochs": number}
    if known and case.evaluations * number / known < FEW_EVALS:
        fewer["train.evals_per_epoch"] = evals_per_epoch(number)
    return fewer


def longer(case: Case) -> dict[str, Any]:
    """Settings for a run that was still learning at its end: the passes that were planned, the
    usual number or twice as many, and a schedule that comes down with them. Where the rate had not
    come down after the usual number, that comes first: it brings a gain of its own."""
    whole = WHOLE_SCHEDULE if comes_down(case) is False else {}
    done, planned = case.epochs or 0.0, amount(case, "num_train_epochs") or 0.0
    if done <= 0:
        return dict(whole)
    usual = 1 if (case.updates or 0) / done >= LONG else PASSES
    if done < WHOLE * planned:
        return {"train.num_epochs": math.ceil(planned)} | whole
    if whole:
        return ({"train.num_epochs": usual} if done < WHOLE * usual else {}) | whole
    return {"train.num_epochs": max(usual, round(2 * done))}


def more_updates(case: Case, updates: int, wanted: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the batch and of the length with which a run makes that many updates: first the
    usual number of passes, then a smaller batch, and only then more passes, which learn by heart.
    The length comes with a schedule where the rate did not come down.
    """
    known = _made(case)
    if known is None or known <= SHORTEST or updates <= 0:
        return {}, {}
    number = max(passes(case) or known, min(PASSES, math.ceil(known * wanted / updates)))
    made, size = updates * number / known, _rows_an_update(case, updates)
    batch: dict[str, Any] = {}
    if made < wanted and size and size > LEAST_BATCH:
        smaller = max(LEAST_BATCH, 2 ** int(math.log2(max(1.0, size * made / wanted))))
        batch, made = {"train.batch_size": smaller}, made * size / smaller
    number = max(number, math.ceil(number * wanted / made))
    length: dict[str, Any] = {"train.num_epochs": number} if number > known else {}
    return batch, length | (WHOLE_SCHEDULE if comes_down(case) is False else {})


def _made(case: Case) -> float | None:
    """Passes that the updates of a run are of: those that were done, where they are far from those
    that were planned and no plan says how many updates these are."""
    done, planned = case.epochs, amount(case, "num_train_epochs")
    short = case.finished and done and planned and done < WHOLE * planned
    return done if short else passes(case)


def _rows_an_update(case: Case, updates: int) -> float | None:
    rows, known = amount(case, "rows"), _made(case)
    if rows and known:
        return rows * known / updates
    size = amount(case, "batch_size")
    pieces = amount(case, "gradient_accumulation") or 1
    return amount(case, "total_batch_size") or (size * pieces if size else None)
