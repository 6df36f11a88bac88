"""The evaluation holds right pairs only."""

import re

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling, run
from huohou.diagnose.one_number import errors, one_number
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.rules.scale_only import ERRORS, EVALS, TRAIN
from huohou.measure.reference import COIN_LOSS, logit_of
from huohou.record.finding import Evidence
from huohou.record.record import Figure, Record

SAME = 0.005  # rmse and mae this near to each other, as a part
HALF = 0.5  # what they are when labels are balanced and every answer is one half
TIMES = 3
NAMES = re.compile(r"(?:^|[_-])(?:map|mrr|ndcg)(?:@\d+)?$")  # scores of a ranking
TWO = 2  # of them
LEARNING = 0.3  # of the first training loss is left at the first evaluation, or more, and
ON = 0.5  # of that at the end, or less: the run had much to learn

PERFECT = {"eval_map": [1.0] * 8, "eval_mrr@10": [1.0] * 8}
_SERIES = run(loss=TRAIN, evals=EVALS, epochs=5)


def _report(figures: tuple[Figure, ...], **facts: object) -> Record:
    return Record({"path": "report"}, _SERIES.series, facts, figures=figures)


@rule(
    "positives-only-eval",
    severity="warning",
    cause=Cause.DATA,
    needs=(Need("embedding"),),
    fires=(
        _report(ERRORS, eval_positives_only=True),
        _report((), eval_positives_only=True),
        _report(ERRORS, loss_kind="logistic"),
        run(
            loss=falling(0.6, 0.2),
            eval_rmse=[0.5131, 0.8122, 1.1341],
            eval_mae=[0.5127, 0.8119, 1.1340],
            facts={"loss_kind": "logistic"},
        ),
        run(loss=falling(5.5, 0.2), evals=[0.01] * 8, more=PERFECT),
    ),
    quiet=(
        _report(()),
        run(loss=falling(5.5, 3.0), evals=[0.01] * 8, more=PERFECT),
        run(
            loss=falling(5.5, 0.2),
            evals=[0.01] * 8,
            more={**PERFECT, "eval_map": [0.4] + [1.0] * 7},
        ),
        _report((Figure("mse", 2.3, "2.3"), Figure("mae", 1.2, "1.2")), loss_kind="logistic"),
        _report(ERRORS, loss_kind="cross-entropy"),
        run(
            loss=falling(0.6, 0.2),
            eval_rmse=[0.5, 0.5, 0.5],
            eval_mae=[0.5, 0.5, 0.5],
            facts={"loss_kind": "logistic"},
        ),
    ),
)
def positives_only_eval(case: Case) -> Outcome:
    """Said by whoever wrote of the run, or read from its numbers: the evaluation loss is
    softplus(-s) and the squared and absolute errors are (s-1)² and s-1, or the root of the squared
    error equals the absolute error within half a percent, evaluation after evaluation. With right
    and wrong pairs in the evaluation neither can be, unless every answer were one half. Wrong pairs
    among the evaluated rows refute it. It is read, too, from two scores of a ranking or more that
    are 1 in each evaluation from the first on, when 0.3 of the training loss was left, and half of
    that was still to be learnt: each right text is ranked among itself alone.
    """
    facts: list[Evidence] = []
    if case.record.facts.get("eval_positives_only") is True:
        facts.append(positives_only_eval.evidence("told"))
    facts += _identity(case) or _same(case) or _perfect(case)
    if not facts:
        return None
    advice = [positives_only_eval.advice(key) for key in ("add_negatives", "rank")]
    return positives_only_eval.finding(facts, advice)


def _identity(case: Case) -> list[Evidence]:
    last = case.evals[-1] if case.evals else None
    if last is None or not 0 < last.value < COIN_LOSS:
        return []
    spread = one_number(last.value, errors(case))
    if spread is None:
        return []
    s = logit_of(last.value)
    return [positives_only_eval.evidence("identity", last, s=s, square=(s - 1) ** 2, off=s - 1)]


def _perfect(case: Case) -> list[Evidence]:
    """Two rankings or more that are without a fault from the first evaluation on, in a run that
    had most of it still to learn then: each right text is ranked among itself alone."""
    names = [n for n in sorted(case.record.series) if n.startswith("eval_") and NAMES.search(n)]
    scores = [course for n in names if len(course := case.finite(n)) >= TIMES]
    if len(scores) < TWO or any((course.values != 1.0).any() for course in scores):
        return []
    losses, then = case.losses, case.near("loss", scores[0][0])
    if then is None or not losses[0] > 0 or then.value < LEARNING * losses[0]:
        return []
    if float(np.median(losses[-TIMES:])) > ON * then.value:
        return []
    told = {"n": len(scores[0]), "loss": then.value, "end": losses[-1]}
    return [positives_only_eval.evidence("perfect", scores[0][0], names=", ".join(names), **told)]


def _same(case: Case) -> list[Evidence]:
    roots, means = (case.finite(f"eval_{name}") for name in ("rmse", "mae"))
    pairs = [(a.value, b.value) for a, b in zip(roots, means, strict=False)]
    if len(pairs) < TIMES or len(roots) != len(means):
        return []
    if any(abs(a - b) > SAME * b or abs(b - HALF) < SAME for a, b in pairs):
        return []
    return [positives_only_eval.evidence("same", means[-1], n=len(pairs))]
