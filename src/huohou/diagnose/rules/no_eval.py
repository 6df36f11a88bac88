"""The run was never evaluated."""

import math

import numpy as np

from huohou.diagnose.case import Case, is_measure, of_training
from huohou.diagnose.choice import enough_evals
from huohou.diagnose.curves import level
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.record.finding import Finding

SAME = 3  # values that are equal to the last digit: no chance
ALIVE = 0.95  # of the lines of the training loss are numbers,
LOW = 0.05  # and it is above this: an evaluation loss without a number is not that of the weights


@rule(
    "no-eval",
    severity="warning",
    cause=Cause.WATCHING,
    needs=(Need("loss"),),
    fires=(
        run(loss=[2.0, 1.5, 1.2]),
        run(loss=[2.0, 1.5, 1.2], eval_train_loss=[1.8, 1.4, 1.1]),
        run(loss=[2.0, 1.5, 1.3, 1.2], eval_loss=[2.0, 1.5, 1.3, 1.2]),
        run(loss=[2.0, 1.5, 1.2], eval_gen_len=[14.2, 12.9, 13.5], eval_samples=[80, 80, 80]),
        run(loss=falling(2.0, 1.2), evals=[math.nan] * 4),
        run(loss=falling(2.0, 1.2), evals=[0.0] * 4),
    ),
    quiet=(
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4]),
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4], eval_train_loss=[1.8, 1.4, 1.1]),
        run(loss=[2.0, 1.5, 1.2], eval_accuracy=[0.5, 0.6, 0.7]),
        run(loss=[2.0, 1.5, 1.2], eval_bleu=[5.0, 9.6, 11.7], eval_gen_len=[14.2, 12.9, 13.5]),
        run(loss=[math.nan] * 40, evals=[math.nan] * 4),
        run(loss=falling(2.0, 1.2), evals=[math.nan] * 4, eval_accuracy=[0.5, 0.6, 0.7, 0.7]),
        run(loss=[2.0, 1.5, 1.2], facts={"after_training": {"eval_loss": 1.3}}),
        Case(run(loss=[2.0, 1.5]), plan={"eval": {"path": "val.jsonl", "rows": 50}}),
    ),
    source="finetune-doctor: 41 of 88 public trainer_state.json hold no evaluation",
)
def no_eval(case: Case) -> Finding | None:
    """Training loss alone cannot tell learning from learning by heart, nor which checkpoint is the
    best. Rows that are never trained on can. An evaluation that by its name (train, training) is
    one of the training rows is none, nor is one whose loss is the training loss to the last digit,
    three times and more, nor a single one from before the first update. Lengths, counts, times and
    rates of an evaluation say how much was done, not how well; and where the evaluation loss is 0
    or no number each time, beside a training loss that is neither, there was nothing to judge by.
    """
    hollow = sorted(n for n in case.record.series if n.startswith("eval_") and not is_measure(n))
    empty = _empty(case)
    planned = case.plan is not None and case.plan.get("eval")
    named = sorted(n for n in case.record.series if n.startswith("eval_") and of_training(n))
    same = _same(case)
    before = _before(case)
    if (case.evaluations or planned) and not (same or before or empty):
        return None
    facts = (
        [no_eval.evidence("none", n=len(case.course("loss")))]
        if not (same or before or empty)
        else []
    )
    facts += [no_eval.evidence("of_training", names=", ".join(named[:3]))] if named else []
    facts += [no_eval.evidence("same", case.evals[-1], n=len(case.evals))] if same else []
    facts += [no_eval.evidence("before", case.evals[-1])] if before else []
    facts += (
        [no_eval.evidence("hollow", names=", ".join(hollow[:3]))] if hollow and not named else []
    )
    facts += [no_eval.evidence("empty", case.course(empty)[-1], name=empty)] if empty else []
    held_out = {"data.eval": "val.jsonl"} | enough_evals(case)
    advice = [no_eval.advice("hold_out", set=held_out), no_eval.advice("arguments")]
    return no_eval.finding(facts, advice)


def _empty(case: Case) -> str:
    """The name of the evaluation loss where it is 0 or no number each time, while that of training
    is neither: there was nothing to evaluate on, or not a single label."""
    name = case.eval_name
    values, losses = case.course(name).values, case.losses
    if len(values) < SAME or len(losses) < SAME or _others(case, name):
        return ""
    without = bool(((values == 0) | ~np.isfinite(values)).all())
    trains = len(losses) > ALIVE * len(case.course("loss")) and level(losses) > LOW
    return name if without and trains and min(losses) > 0 else ""


def _others(case: Case, name: str) -> bool:
    """Whether another measure of the evaluation is a number, and not 0 each time."""
    names = [n for n in case.record.series if n.startswith("eval_") and n != name]
    measures = (case.finite(n).values for n in names if is_measure(n) and not of_training(n))
    return any((values != 0).any() for values in measures)


def _before(case: Case) -> bool:
    """Whether the one evaluation there is came before the first update of a run that has ended."""
    only = len(case.evals) == case.evaluations == 1
    return only and bool(case.finished) and case.evals[0].step == 0 and bool(case.updates)


def _same(case: Case) -> bool:
    """Whether the evaluation loss is the training loss of the same place, all along."""
    evals, losses = case.evals, case.loss
    if len(evals) < SAME or not {*evals.places.tolist()} <= {*losses.places.tolist()}:
        return False
    beside = dict(zip(losses.places.tolist(), losses.values.tolist(), strict=True))
    values = evals.values.tolist()
    at = evals.places.tolist()
    return len(set(values)) >= SAME and all(beside[p] == v for p, v in zip(at, values, strict=True))
