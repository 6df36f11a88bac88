"""The run was never evaluated."""

import math
from collections.abc import Iterator

import numpy as np

from huohou.diagnose.case import Case, of_training
from huohou.diagnose.choice import enough_evals
from huohou.diagnose.curves import level, trend
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.record.finding import Evidence, Finding

SAME = 3  # values that are equal to the last digit: no chance
DIGITS = 2e-5  # as a part: the last digit that logs print
LINES = 10
FELL = 0.2  # of the training loss
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
        run(loss=falling(2.0, 1.2), eval_judge_requests=[80.0] * 4, eval_judge_failed=[80.0] * 4),
        run(loss=falling(3.0, 1.0), evals=[1.8734] * 6),
        run(loss=[2.0, 1.8, 1.5, 1.3, 1.2, 1.1], evals=[1.9, 1.4, 1.15]),
    ),
    quiet=(
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4]),
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4], eval_train_loss=[1.8, 1.4, 1.1]),
        run(loss=[2.0, 1.5, 1.2], eval_accuracy=[0.5, 0.6, 0.7]),
        run(loss=[2.0, 1.5, 1.2], eval_bleu=[5.0, 9.6, 11.7], eval_gen_len=[14.2, 12.9, 13.5]),
        run(loss=falling(2.0, 1.2), eval_points=[12.0, 19.0, 31.0, 30.0]),
        run(loss=line(2.0, 1.99, noise=0.05), evals=[1.8734] * 6),
        run(loss=[2.0, 1.8, 1.5, 1.3, 1.2, 1.1], evals=[1.91, 1.42, 1.17]),
        run(loss=[math.nan] * 40, evals=[math.nan] * 4),
        run(loss=falling(2.0, 1.2), evals=[math.nan] * 4, eval_accuracy=[0.5, 0.6, 0.7, 0.7]),
        run(loss=[2.0, 1.5, 1.2], facts={"after_training": {"eval_loss": 1.3}}),
        Case(run(loss=[2.0, 1.5]), plan={"eval": {"path": "val.jsonl", "rows": 50}}),
    ),
)
def no_eval(case: Case) -> Finding | None:
    """Training loss alone cannot tell learning from learning by heart, nor which checkpoint is the
    best. Rows that are never trained on can. An evaluation that by its name (train, training) is
    one of the training rows is none, nor is one whose loss is the training loss to the last digit,
    three times and more: that of the same line, of the next or the one before, or the mean of the
    lines since the last evaluation; nor a single one from before the first update. Lengths, counts,
    times and rates of an evaluation say how much was done, not how well; so does whatever has no
    name of a known measure and is the same each time: a number of requests, or of those that
    failed. Where the evaluation loss is 0 or no number each time, beside a training loss that is
    neither, there was nothing to judge by. And where it is the same to the last digit each time,
    while the training loss falls by a fifth and more, other weights were evaluated than those that
    are trained. Not where the log says that there are right pairs only: their loss may be 0.
    """
    hollow = sorted(n for n in case.record.series if n.startswith("eval_") and not case.tells(n))
    facts = [*_no_measure(case)]
    planned = case.plan is not None and case.plan.get("eval")
    if (case.evaluations or planned) and not facts:
        return None
    named = [n for n in hollow if of_training(n)]
    facts = facts or [no_eval.evidence("none", n=len(case.course("loss")))]
    facts += [no_eval.evidence("of_training", names=", ".join(named[:3]))] if named else []
    facts += (
        [no_eval.evidence("hollow", names=", ".join(hollow[:3]))] if hollow and not named else []
    )
    held_out = {"data.eval": "val.jsonl"} | enough_evals(case)
    advice = [no_eval.advice("hold_out", set=held_out), no_eval.advice("arguments")]
    return no_eval.finding(facts, advice)


def _no_measure(case: Case) -> Iterator[Evidence]:
    """Evaluations that there are, and that say nothing of the weights that are trained."""
    if _same(case):
        yield no_eval.evidence("same", case.evals[-1], n=len(case.evals))
    if _before(case):
        yield no_eval.evidence("before", case.evals[-1])
    if _frozen(case):
        yield no_eval.evidence("frozen", case.evals[-1], n=len(case.evals), first=case.losses[0])
    if (empty := _empty(case)) and not case.record.facts.get("eval_positives_only"):
        yield no_eval.evidence("empty", case.course(empty)[-1], name=empty)


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


def _frozen(case: Case) -> bool:
    """Whether the evaluation loss does not change in a digit while that of training falls."""
    values, losses = case.evals.values, case.losses
    if len(values) < SAME or len(losses) < LINES or (values != values[0]).any() or values[0] == 0:
        return False
    since = case.loss.values[case.loss.places >= case.evals.places[0]].tolist()
    if len(since) < LINES or _others(case, case.eval_name, changing=True):
        return False
    third = len(since) // 3
    return trend(since).falls() and level(since[-third:]) < (1 - FELL) * level(since[:third])


def _others(case: Case, name: str, *, changing: bool = False) -> bool:
    """Whether another measure of the evaluation is a number, and not 0 each time; or changes."""
    names = [n for n in case.record.series if n.startswith("eval_") and n != name]
    measures = (case.finite(n).values for n in names if case.tells(n))
    least = SAME - 1 if changing else 1
    return any((values != 0).any() and len(np.unique(values)) >= least for values in measures)


def _before(case: Case) -> bool:
    """Whether the one evaluation there is came before the first update of a run that has ended."""
    only = len(case.evals) == case.evaluations == 1
    return only and bool(case.finished) and case.evals[0].step == 0 and bool(case.updates)


def _same(case: Case) -> bool:
    """Whether the evaluation loss is the training loss, all along: of the same place, of the line
    before or after it, or the mean of the lines since the evaluation before."""
    evals, losses = case.evals, case.loss
    values, at = evals.values, losses.places
    if len(values) < SAME or len(losses) < SAME or not np.isfinite([*at, *evals.places]).all():
        return False
    if len(np.unique(values)) < SAME or case.record.segments()[1:]:
        return False
    here = np.searchsorted(at, evals.places, side="right") - 1
    ends = np.concatenate([[0], here[:-1] + 1])
    means = [
        float(losses.values[a : b + 1].mean()) if a <= b else math.nan
        for a, b in zip(ends, here, strict=True)
    ]
    lines = [losses.values[np.clip(here + shift, 0, len(at) - 1)] for shift in (-1, 0, 1)]
    return any(
        bool((np.abs(beside - values) <= DIGITS * np.abs(values)).all())
        for beside in (*lines, np.array(means))
    )
