"""The measure of the evaluation does not measure what the model is for."""

from collections.abc import Iterator

from huohou.diagnose.case import Case
from huohou.diagnose.curves import trend
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.one_number import errors, one_number
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.rules.scale_only import ERRORS, EVALS, TRAIN
from huohou.diagnose.scores import error_measure, score
from huohou.measure.reference import COIN_LOSS, logit_of
from huohou.record.finding import Evidence
from huohou.record.record import Figure, Record

MOST = {"mse": 4.0, "rmse": 2.0, "mae": 2.0}  # of a cosine against a label of -1 to 1
TIMES = 5
CONSTANT = 0.5  # the root of the squared error that one answer for all keeps to
LAST = 3  # evaluations
LEARNT = 0.8  # of the first evaluation loss is left

_SERIES = run(loss=TRAIN, evals=EVALS, epochs=5)
ABOVE = [1.4, 0.6, 0.34, 0.39]
LOGISTIC = {"loss_kind": "logistic"}


def _report(figures: tuple[Figure, ...], **facts: object) -> Record:
    return Record({"path": "report"}, _SERIES.series, facts, figures=figures)


@rule(
    "metric-meaningless",
    severity="warning",
    cause=Cause.DATA,
    needs=(Need("embedding"),),
    fires=(
        _report(ERRORS, eval_positives_only=True),
        _report(ERRORS, **LOGISTIC),
        _report((Figure("mse", 49.0, "49"),), **LOGISTIC),
        run(loss=falling(2.0, 0.4), evals=EVALS, eval_mse=line(0.2, 2.3, n=5), facts=LOGISTIC),
        run(loss=falling(0.8, 0.3), evals=[0.75, 0.5, 0.33, 0.3], eval_mse=ABOVE, facts=LOGISTIC),
        _report((Figure("accuracy", 1.0, "100%"),), eval_positives_only=True),
    ),
    quiet=(
        _report((Figure("mse", 0.04, "0.04"), Figure("mae", 0.15, "0.15")), **LOGISTIC),
        _report((), eval_positives_only=True),
        _report((Figure("accuracy@1", 0.4, "40%"),), eval_positives_only=True),
        run(loss=falling(2.0, 0.4), evals=EVALS, eval_mse=line(0.3, 0.04, n=5), facts=LOGISTIC),
        run(loss=falling(2.0, 0.4), evals=EVALS, eval_mse=line(2.0, 49.0, n=5)),
        run(loss=falling(0.8, 0.7), evals=[0.75, 0.72, 0.7, 0.7], eval_mse=ABOVE, facts=LOGISTIC),
    ),
)
def metric_meaningless(case: Case) -> Outcome:
    """Squared or absolute errors of scores against a label of 1, where the scores are similarities
    times a scale: (s·cos - 1)² is least at cos = 1/s and grows as right pairs come nearer. That
    they are such scores follows from a value no cosine can reach (4 for the squared, 2 for the
    other errors), from errors that are (s-1)² and s-1 for the s of the loss softplus(-s), or from
    errors that rise significantly over 5 evaluations or more while the evaluation loss falls, or
    from errors above one half, which one answer for all would not make, in the last three
    evaluations of a run whose evaluation loss fell by 20 %. With right pairs only any error and any
    accuracy is met best by a constant, so there they are all without meaning; what ranks the right
    one among others is not.
    """
    facts = [*_impossible(case), *_identity(case), *_against_loss(case)]
    facts = facts or [*_worse_than_constant(case)]
    if case.record.facts.get("eval_positives_only") is True:
        facts += _one_class(case)
    if not facts:
        return None
    advice = [metric_meaningless.advice(key) for key in ("rank", "unscaled")]
    return metric_meaningless.finding(facts, advice, names=_names(case))


def _impossible(case: Case) -> Iterator[Evidence]:
    for name, (value, half) in errors(case).items():
        if value - half > MOST[name]:
            yield metric_meaningless.evidence(
                "impossible", name=name.upper(), told=value, most=MOST[name]
            )


def _identity(case: Case) -> Iterator[Evidence]:
    last = case.evals[-1].value if case.evals else 0.0
    if 0 < last < COIN_LOSS and one_number(last, errors(case)) is not None:
        s = logit_of(last)
        yield metric_meaningless.evidence("identity", s=s, square=(s - 1) ** 2, off=abs(s - 1))


def _against_loss(case: Case) -> Iterator[Evidence]:
    losses = case.evals.values.tolist()
    for name in sorted(case.record.series):
        points = case.finite(name)
        if not error_measure(name) or len(points) < TIMES or len(losses) < TIMES:
            continue
        if trend(points.values.tolist()).rises() and trend(losses).falls():
            yield metric_meaningless.evidence("against", points[-1], name=name)


def _worse_than_constant(case: Case) -> Iterator[Evidence]:
    """Errors that one answer for all would not make, while the loss says that much is learnt."""
    losses = case.evals.values.tolist()
    if len(losses) < LAST or min(losses) <= 0 or losses[-1] > LEARNT * losses[0]:
        return
    for measure in ("rmse", "mse", "mae"):
        name = next((n for n in sorted(case.record.series) if error_measure(n) == measure), "")
        points = case.finite(name)
        root = 0.5 if measure == "mse" else 1.0
        if len(points) >= LAST and all(
            max(p.value, 0.0) ** root > CONSTANT for p in points[-LAST:]
        ):
            yield metric_meaningless.evidence("constant", points[-1], name=name)
            return


def _one_class(case: Case) -> Iterator[Evidence]:
    if names := _names(case):
        yield metric_meaningless.evidence("one_class", names=names)


def _names(case: Case) -> str:
    """Errors and accuracies of the evaluation that are no ranking."""
    record = case.record
    named = [*(f.name for f in record.figures), *(n for n in record.series if n[:5] == "eval_")]
    wanted = [n for n in named if error_measure(n) or ("accuracy" in n and score(n) is None)]
    return ", ".join(dict.fromkeys(wanted))
