"""The loss falls because a scale grows; the embeddings do not take part."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level
from huohou.diagnose.embedding import decimals, seen, told
from huohou.diagnose.examples import falling, run
from huohou.diagnose.one_number import Errors, errors, one_number
from huohou.diagnose.rule import Cause, Need, Outcome, rule, show
from huohou.diagnose.scores import Score, score
from huohou.diagnose.settings import plain_descent
from huohou.measure.contrast import scale_path
from huohou.measure.reference import COIN_LOSS, lagged_means, logit_of, softplus
from huohou.record.finding import Evidence, Finding, Severity
from huohou.record.record import Figure, Record

ON_PATH = 0.01  # training losses this near to what a growing scale gives
MATCHES = 3  # values that must agree
FEW = 10  # of more than these
OFF = 0.1  # this part may differ
GROWTH = 0.2  # of the logit over the run, or
MOVED = 0.05  # this much of one that has outgrown the scale that is told,
ABOUT = 0.1  # and there the training losses are as near as this to what it gives, on average
BACK = 0.02  # what it may fall on the way
SHOWN = 6
FALL = 0.05  # a loss that fell by this part while no score changed in a digit,
FAR = 0.2  # and so far that some ranking should have changed, or
MANY = 50  # with so many questions
FIRST = Score("accuracy", 1)
LONG = 1000  # a score that is no whole part of fewer questions than this
SPENT = 0.02  # learning rate in all: about how far an optimizer like Adam moves each weight
QUESTIONS = 30  # of which none changes its place,
OPEN = 12  # or so many that are not answered right, though
ROOM = 0.95  # of the first places are right at most: more leave little that could change

# Document 000.
EVALS = [0.2236, 0.1658, 0.1262, 0.0982, 0.0777]
TRAIN = [0.2720, 0.1930, 0.1449, 0.1115, 0.0875]
FACTS = {"eval_positives_only": True, "negatives": 5}
ERRORS = (Figure("mse", 2.3, "2.3"), Figure("rmse", 1.5, "1.5"), Figure("mae", 1.5, "1.5"))


def _epochs(train: list[float], evals: list[float], facts: Mapping[str, object]) -> Record:
    return run(loss=train, evals=evals, epochs=len(train), facts=facts)


def _with(record: Record, figures: tuple[Figure, ...]) -> Record:
    return Record(record.source, record.series, record.facts, figures=figures)


@rule(
    "scale-only",
    severity="error",
    cause=Cause.GEOMETRY,
    needs=(Need("embedding"),),
    explains=("overfit", "undertrained", "temperature-off", "lr-too-high", "at-chance"),
    fires=(
        _with(_epochs(TRAIN, EVALS, FACTS), ERRORS),
        _epochs(TRAIN, EVALS, FACTS),
        _with(_epochs(falling(0.4, 0.3, n=5), EVALS, {"eval_positives_only": True}), ERRORS),
        _epochs(TRAIN, EVALS, {"eval_positives_only": True, "scale": 1.0}),
        run(
            loss=falling(1.4, 1.1, n=20),
            evals=[1.30, 1.21, 1.17, 1.16],
            more={"eval_cosine_ndcg@10": [0.41327] * 4, "eval_cosine_accuracy@1": [0.246] * 4},
        ),
        run(
            loss=falling(0.74, 0.70, n=20),
            evals=[0.732, 0.725, 0.722, 0.721],
            learning_rate=[2e-3] * 20,
            more={"eval_mrr": [0.41327] * 4, "eval_accuracy@1": [0.246] * 4},
            facts={"eval_rows": 65},
        ),
    ),
    quiet=(
        _epochs(TRAIN, EVALS, {"eval_positives_only": True, "scale": 5.0}),
        _epochs(TRAIN, EVALS, {}),
        _with(_epochs([0.34, 0.26, 0.21, 0.17, 0.15], EVALS, FACTS), ()),
        _with(
            _epochs(TRAIN, [0.30, 0.24, 0.21, 0.17, 0.13], FACTS),
            (Figure("mse", 0.4, "0.4"), Figure("mae", 0.5, "0.5")),
        ),
        _epochs(TRAIN, EVALS, {"eval_positives_only": True, "negatives": 0}),
        run(
            loss=falling(1.4, 1.1, n=20),
            evals=[1.30, 1.21, 1.17, 1.16],
            more={"eval_cosine_ndcg@10": [0.41327, 0.421, 0.43, 0.436]},
        ),
        run(
            loss=falling(1.4, 1.1, n=20),
            evals=[1.30, 1.21, 1.17, 1.16],
            more={"eval_cosine_accuracy@1": [1.0] * 4},
        ),
        run(
            loss=falling(1.4, 1.1, n=20),
            evals=[1.30, 1.21, 1.17, 1.16],
            more={"eval_mrr": [0.16667] * 4, "eval_accuracy@1": [0.0] * 4},
        ),
        run(
            loss=falling(0.74, 0.70, n=20),
            evals=[0.732, 0.725, 0.722, 0.721],
            learning_rate=[2e-5] * 20,
            more={"eval_mrr": [0.41327] * 4, "eval_accuracy@1": [0.246] * 4},
            facts={"eval_rows": 65},
        ),
    ),
)
def scale_only(case: Case) -> Outcome:
    """An evaluation of positives only, whose logistic loss is softplus(-s), tells s. When s grows
    from evaluation to evaluation and the training losses between them, those of the latter half at
    least, are within 1 % what that growing s alone gives although negatives are trained on, then
    negatives have no effect and one scalar explains the run. The squared and absolute errors say it
    more directly where they are (s-1)² and s-1: the scores do not spread. That validation lies
    below training is then the lag of half an epoch between a mean over the epoch and a value at its
    end. Where the evaluation loss has gone below softplus(-scale) of the scale that is told, which
    no cosine can, training losses within 10 % of the path on average are enough. The other sign:
    the evaluation loss falls by 5 % or more while no score of the ranking changes in a digit and
    the share of right first places is neither 0 nor 1 (information with fewer than 50 questions,
    while it fell by less than 20 %). A loss that moved by less says it where 30 questions or more
    kept their places, 5 % of them not at the first (or 12 and more that are not at the first),
    though the learning rates of all updates add up to 0.02 or more: an optimizer like Adam has
    moved each weight that it trains about as far, and no encoder keeps its order then. Without word
    or sign that the evaluation holds positives only nothing is said: in any smooth run training
    losses lie between their evaluations. Losses off the path refute it.
    """
    if found := _one_scalar(case):
        return found
    return _no_score_moves(case)


def _one_scalar(case: Case) -> Finding | None:
    values: list[float] = case.evals.values.tolist()
    if len(values) < MATCHES or not all(0 < value < COIN_LOSS for value in values):
        return None
    logits = [logit_of(value) for value in values]
    scale, negatives = told(case, "scale"), told(case, "negatives")
    beyond = scale is not None and 0 < scale < (1 - ON_PATH) * logits[-1]
    least = MOVED if beyond else GROWTH
    if logits[-1] - logits[0] < least or any(b < a - BACK for a, b in pairwise(logits)):
        return None
    off = errors(case)
    identity = one_number(values[-1], off)
    path = _path(case) if negatives or identity or beyond else []
    path = path or (_about(case) if beyond else [])
    if not (identity or case.record.facts.get("eval_positives_only")) or not (identity or path):
        return None
    shown = ", ".join(show(s) for s in _some(logits))
    facts = [scale_only.evidence("logits", case.evals[-1], logits=shown)]
    facts += [_identity(off, logits[-1], identity)] if identity else []
    if beyond and scale:
        floor = softplus(-scale)
        facts.append(scale_only.evidence("beyond", case.evals[-1], scale=scale, floor=floor))
    facts += _lag(case, path) if path else []
    advice = [scale_only.advice(key) for key in ("similarities", "negatives", "bias")]
    return scale_only.finding(facts, advice, first=values[0], last=values[-1])


def _path(case: Case) -> list[tuple[float, float]]:
    """What the path gives and what was logged, for the latter half of the training losses at
    least; empty where they differ. Before that negatives may have acted."""
    pairs, half = _pairs(case)
    off = [i for i, (a, b) in enumerate(pairs) if abs(a - b) > ON_PATH * a + half]
    least = max(MATCHES, (len(pairs) + 1) // 2)
    if len(pairs) > FEW and sum(i >= len(pairs) - least for i in off) <= OFF * least:
        return pairs[-least:]
    last = pairs[off[-1] + 1 :] if off else pairs
    return last if len(last) >= least else []


def _pairs(case: Case) -> tuple[list[tuple[float, float]], float]:
    """What the path gives and what was logged, and half a unit of the last digit."""
    at, ends = _places(case)
    evals, losses = case.evals.values.tolist(), case.losses
    half = 0.5 * 10.0 ** -decimals([*evals, *losses])
    windows = list(pairwise(ends))
    inside = [i for i, (a, b) in enumerate(windows) if at and at[0] <= a < b <= at[-1]]
    if len(inside) < MATCHES or len(set(at)) < len(at) or at != sorted(at):
        return [], half
    expected = scale_path(at, evals, [windows[i] for i in inside])
    return [(a, losses[i + 1]) for a, i in zip(expected, inside, strict=True)], half


def _about(case: Case) -> list[tuple[float, float]]:
    """The same, for training losses that lie about the path: on it in the mean of its latter half.
    Little where nothing else tells, but no cosine brings a loss below softplus(-scale)."""
    pairs = _pairs(case)[0]
    last = pairs[len(pairs) // 2 :]
    if len(last) < MATCHES:
        return []
    return last if abs(math.log(sum(b for _, b in last) / sum(a for a, _ in last))) < ABOUT else []


def _places(case: Case) -> tuple[list[float], list[float]]:
    """Where evaluations and training losses stand; by order where nothing is dated."""
    at, ends = case.evals.places.tolist(), case.loss.places.tolist()
    if math.isfinite(min(at + ends)):
        return at, ends
    if len(at) != len(ends):
        return [], []
    order = [float(i) for i in range(len(at))]
    return order, order


def _some(values: Sequence[float]) -> list[float]:
    """A few of many, the first and the last among them."""
    many = len(values) - 1
    picked = {round(i * many / (SHOWN - 1)) for i in range(SHOWN)} if many >= SHOWN else None
    return [values[i] for i in sorted(picked)] if picked else list(values)


def _lag(case: Case, path: list[tuple[float, float]]) -> list[Evidence]:
    worst = max(abs(a - b) / a for a, b in path)
    expected, reported = (", ".join(show(x) for x in _some([p[i] for p in path])) for i in (0, 1))
    percent = f"{100 * worst:.1g}"
    facts = [scale_only.evidence("path", expected=expected, reported=reported, percent=percent)]
    if negatives := told(case, "negatives"):
        facts.append(scale_only.evidence("negatives", negatives=show(negatives)))
    evals = case.evals.values.tolist()
    if len(evals) == len(case.losses) and all(
        p[1] > e for p, e in zip(path, evals[-len(path) :], strict=False)
    ):
        means = ", ".join(show(mean) for mean in lagged_means(evals))
        facts.append(scale_only.evidence("lag", means=means))
    return facts


def _identity(off: Errors, s: float, spread: float) -> Evidence:
    known = ", ".join(f"{name.upper()} {show(value)}" for name, (value, _) in off.items())
    return scale_only.evidence(
        "identity", told=known, s=s, square=(s - 1) ** 2, spread=f"{spread:.2g}"
    )


def _no_score_moves(case: Case) -> Finding | None:
    """Whether the evaluation loss fell while every ranking stayed as it was."""
    evals = case.evals
    if len(evals) < MATCHES or evals[0].value <= 0:
        return None
    fall = 1 - level([p.value for p in evals[-2:]]) / evals[0].value
    names = [s.name for s in seen(case) if s.point and len(case.finite(s.name)) >= MATCHES]
    still = [n for n in names if len(set(case.finite(n).values.tolist())) == 1]
    first = (case.finite(n)[-1].value for n in still if score(n) == FIRST)
    pinned = any(value in (0.0, 1.0) for value in first)  # at the one end or the other
    long = [] if pinned else [n for n in still if _long(case.finite(n)[-1].value)]
    moved = _moved(case, [score(n) == FIRST and case.finite(n)[-1].value for n in still])
    if (fall < FALL and not moved) or still != names or not long:
        return None
    at = case.finite(long[0])[-1]
    facts = [scale_only.evidence("still", at, name=long[0], n=len(case.finite(long[0])))]
    facts.append(scale_only.evidence("fell", evals[-1], first=evals[0].value))
    advice = [scale_only.advice(key) for key in ("parameters", "similarities")]
    few = (told(case, "eval_rows") or MANY) < MANY and fall < FAR and not moved
    severity: Severity = "info" if few else "error"
    return scale_only.finding(facts, advice, severity, first=evals[0].value, last=evals[-1].value)


def _moved(case: Case, firsts: Sequence[float | bool]) -> bool:
    """Whether what is trained must have moved so far that some question had changed its place."""
    questions = told(case, "eval_rows") or 0
    open_ones = [questions * (1 - first) for first in firsts if first is not False]
    if not (questions >= QUESTIONS or (open_ones and min(open_ones) >= OPEN)):
        return False
    if any(first > ROOM for first in firsts):
        return False
    rates, losses = case.finite("learning_rate").values, case.evals.values
    spent = float(rates.mean()) * (case.updates or 0) if len(rates) else 0.0
    return spent >= SPENT and len(np.unique(losses)) >= MATCHES and not plain_descent(case)


def _long(value: float) -> bool:
    """Whether a score has digits that cannot stay the same by chance."""
    return 0 < value < 1 and abs(value * LONG - round(value * LONG)) > 1e-9
