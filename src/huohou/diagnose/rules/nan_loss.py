"""The loss is not a number."""

import math

from huohou.diagnose.case import Case, place, sane
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.diagnose.settings import dtype
from huohou.record.columns import Point, Series
from huohou.record.finding import Advice, Evidence, Finding

RECOVERED = 3  # finite values after the last bad one: the weights lived on
NAN, INF = math.nan, math.inf


@rule(
    "nan-loss",
    severity="error",
    cause=Cause.NUMBERS,
    needs=(Need("loss"),),
    explains=(
        *(
            "loss-stuck",
            "embedding-collapse",
            "nothing-trains",
            "undertrained",
            "masked-nan",
            "fp16-risk",
        ),
        *("lr-too-high", "crashed", "overfit", "worse-last-checkpoint"),
    ),
    fires=(
        run(loss=[2.1, 1.9, 1.8, 2.6, NAN, NAN, NAN], learning_rate=[1e-3] * 7),
        run(loss=[2.1, 2.0, INF, INF]),
        run(loss=[NAN] * 5),
        run(loss=[2.1, 1.9, NAN, 1.8, 1.7, 1.6]),
        run(loss=falling(2.0, 1.0), evals=[1.5, NAN, NAN]),
    ),
    quiet=(run(loss=[2.1, 1.9, 1.8, 1.7]), run(loss=[0.0, 0.0, 0.0])),
)
def nan_loss(case: Case) -> Finding | None:
    """A NaN in the loss is in the weights at the next update, and stays: nothing is learnt after
    it. A value that is finite again shows that the bad update was skipped (loss scaling of fp16)
    or that one batch was bad: that is a warning.
    """
    losses, evals = case.course("loss"), case.course(case.eval_name)
    bad = losses.take(~sane(losses.values))
    if not bad:
        return _only_eval(evals.take(~sane(evals.values)), len(evals))
    after = losses.places > place(bad[-1])
    survived = after.sum() >= RECOVERED
    return nan_loss.finding(
        severity="warning" if survived else "error",
        evidence=_evidence(case, bad, survived),
        advice=_advice(case, bad[0], survived),
        where=where(bad[0]),
    )


def _only_eval(bad: Series, evaluations: int) -> Finding | None:
    if not bad:
        return None
    facts = [nan_loss.evidence("eval", bad[0], n=len(bad), of=evaluations)]
    return nan_loss.finding(facts, [nan_loss.advice("eval_rows")], where=where(bad[0]))


def _evidence(case: Case, bad: Series, survived: bool) -> list[Evidence]:
    n, first = len(case.course("loss")), bad[0]
    facts = [nan_loss.evidence("first", first, n=len(bad), of=n)]
    before = case.loss.take(case.loss.places < place(first))
    if before:
        facts.append(nan_loss.evidence("before", before[-1]))
    rate = case.near("learning_rate", first)
    if rate is not None:
        facts.append(nan_loss.evidence("rate", rate))
    return [*facts, nan_loss.evidence("recovered")] if survived else facts


def _advice(case: Case, first: Point, survived: bool) -> list[Advice]:
    if survived:
        return [nan_loss.advice("look", where=where(first))]
    peak = case.peak_rate()
    half = dtype(case) == "fp16"
    lower = {"train.learning_rate": float(f"{peak / 3:.2g}")} if peak and not half else None
    return [
        nan_loss.advice("go_back", where=where(first)),
        nan_loss.advice("lower_rate", set=lower),
        nan_loss.advice("precision", set={"train.dtype": "float32"} if half else None),
    ]
