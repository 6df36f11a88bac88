"""Fit the confidence of answers to questions whose answers are known.

How calibrated the weights are, and the threshold for a stated share of wrong answers, is told by
questions about facts that they have not seen.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from huohou.answer.confidence import Belief, Confidence, features
from huohou.answer.types import Hit, Status
from huohou.errors import CannotJudgeError
from huohou.measure.calibration import auroc, brier, brier_skill, calibration_error
from huohou.measure.recalibration import fit_platt, threshold

PENALTY = 0.1  # on the squared weights of standardised features, of all questions together
WIDEST = 10  # rows of a look-up that are fitted on: those that follow are hardly ever right
TRUSTED = 4.0  # a model's log odds never count more than this many times
FEWEST = 200  # questions: with fewer nothing can be said
FEW = 10  # claims that held, and that did not: with fewer a curve says nothing
PARTS = 5  # one at a time is kept out, to measure on
ERROR = 0.01  # wrong answers in those given, by default
EDGES = (0.55, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A question whose answer is known.

    hits: what the look-up found; right: number of the right row among them, None where it is not;
    group: questions of one group are in one part (those about the same fact); known: whether any
    row of the table answers it; chosen: a model's probabilities, as ``Confidence.believe`` takes
    them.
    """

    hits: Sequence[Hit]
    right: int | None
    group: Hashable
    known: bool
    chosen: Sequence[float] | None = None


def fit(examples: Sequence[Example], error: float = ERROR, seed: int = 0) -> Confidence:
    """Weights, and the thresholds for a share of wrong answers of at most ``error``.

    The weights are fitted to all questions. How calibrated they are, the threshold and the ceilings
    are told by weights that were fitted without the facts in question, a fifth of them at a time
    (cross-validation): ``about`` has the number of questions, calibration error, Brier skill and
    AUROC of the claims, and what the threshold was shown to keep. Where no threshold can be shown
    to keep the error, one that was seen to is taken, and ``about["bound"]`` is None. Raises
    CannotJudgeError for fewer than FEWEST questions.
    """
    if len(examples) < FEWEST:
        raise CannotJudgeError("answer.few_to_calibrate", n=len(examples), fewest=FEWEST)
    unseen: list[tuple[Confidence, Example]] = []
    for kept in _folds(examples, seed):
        held = set(map(id, kept))
        fitted = _weights([one for one in examples if id(one) not in held])
        unseen += [(fitted, one) for one in kept]
    return _measured(replace(_weights(examples), error=error), unseen)


def fit_trust(confidence: Confidence, examples: Sequence[Example], model: str) -> Confidence:
    """How far a model's choices are to be trusted beside the look-up, from 0 (not at all) to 4."""
    from scipy.optimize import minimize_scalar

    def loss(trust: float) -> float:
        trusting = replace(confidence, trust={model: trust})
        return -sum(_surprise(trusting, one, model) for one in examples)

    best = minimize_scalar(loss, bounds=(0.0, TRUSTED), method="bounded")
    trust = round(float(best.x), 4) if best.fun < loss(0.0) - 1.0 else 0.0  # a nat is by chance
    return replace(confidence, trust={**confidence.trust, model: trust})


def _measured(confidence: Confidence, unseen: Sequence[tuple[Confidence, Example]]) -> Confidence:
    """The confidence with its threshold and ceilings, and what is to be told of it.

    unseen: each question with weights that have not seen its fact.
    """
    first = [_first_right(fitted.believe(one.hits), one) for fitted, one in unseen]
    sure, right = _columns(first)
    edge = threshold(sure, right, confidence.error, steps=EDGES)
    lowest = edge.value if edge else _seen(sure, right, confidence.error)
    chosen = replace(confidence, found=lowest, curves={}, ceilings={})
    claims = [_claim(replace(chosen, weights=f.weights, none=f.none), one) for f, one in unseen]
    settled = replace(chosen, curves=_curves(claims), ceilings=_ceilings(claims))
    stated = [(settled.settled(status, p), holds) for status, p, holds in claims]
    sure, holds = _columns(stated)
    about = {
        "questions": len(unseen),
        "calibration_error": calibration_error(sure, holds),
        "brier": brier(sure, holds),
        "brier_skill": brier_skill(sure, holds),
        "auroc": auroc(sure, holds),
        "wrong": edge.error if edge else None,
        "bound": edge.bound if edge else None,
        "answered": edge.coverage if edge else None,
    }
    return replace(settled, about=about)


def _seen(sure: Sequence[float], right: Sequence[float], error: float) -> float:
    """The lowest edge above which no more than the error was seen, though it cannot be shown."""
    for edge in EDGES:
        above = [hit for p, hit in zip(sure, right, strict=True) if p >= edge]
        if above and 1 - sum(above) / len(above) <= error:
            return edge
    return EDGES[-1]


def _claim(confidence: Confidence, example: Example) -> tuple[Status, float, float]:
    """What is claimed of a question, how surely, and whether it is so."""
    decision = confidence.decide(confidence.believe(example.hits))
    if decision.status == "unknown":
        return "unknown", decision.confidence, float(not example.known)
    named = decision.rows if decision.status == "ambiguous" else decision.rows[:1]
    return decision.status, decision.confidence, float(example.right in named)


def _curves(claims: Sequence[tuple[Status, float, float]]) -> dict[str, tuple[float, float]]:
    """Platt's curve for each kind of claim of which enough held and enough did not.

    The weights are fitted to which row is right; a claim is another question (one of three rows, or
    that there is none), and may be surer or less sure than it should be.
    """
    found: dict[str, tuple[float, float]] = {}
    for status in dict.fromkeys(status for status, _, _ in claims):
        own = [(p, held) for s, p, held in claims if s == status]
        if sum(held for _, held in own) >= FEW and sum(1 - held for _, held in own) >= FEW:
            stated, holds = _columns(own)
            curve = fit_platt(stated, holds)
            if curve.slope > 0:
                found[status] = (round(curve.slope, 4), round(curve.offset, 4))
    return found


def _ceilings(claims: Sequence[tuple[Status, float, float]]) -> dict[str, float]:
    """The share that held of the surest half of the claims of a kind, by Laplace's rule.

    A conditional logit is surer of some rows than any count can show; and of "unknown" it cannot
    know what the look-up has not found. "Unsure" says a low probability by itself, and needs none.
    """
    found: dict[str, float] = {}
    for status in dict.fromkeys(status for status, _, _ in claims if status != "unsure"):
        own = sorted(((p, held) for s, p, held in claims if s == status), reverse=True)
        surest = [held for _, held in own[: max(1, (len(own) + 1) // 2)]]
        found[status] = round((sum(surest) + 1) / (len(surest) + 2), 5)
    return found


def _columns(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [a for a, _ in pairs], [b for _, b in pairs]


def _first_right(belief: Belief, example: Example) -> tuple[float, float]:
    """Probability of the likeliest row, and whether it is the right one."""
    order = belief.order()
    if not order:
        return 0.0, 0.0
    return belief.hits[order[0]], float(example.right == order[0])


def _folds(examples: Sequence[Example], seed: int) -> Iterator[list[Example]]:
    """The questions in PARTS parts, all of a group in one."""
    groups = list(dict.fromkeys(one.group for one in examples))
    order = np.random.default_rng(seed).permutation(len(groups))
    part = {groups[group]: place % PARTS for place, group in enumerate(order)}
    for number in range(PARTS):
        yield [one for one in examples if part[one.group] == number]


def _surprise(confidence: Confidence, example: Example, model: str) -> float:
    """Log likelihood of what is right."""
    belief = confidence.believe(example.hits, example.chosen, model)
    p = belief.none if example.right is None else belief.hits[example.right]
    return float(np.log(max(p, 1e-12)))


def _weights(examples: Sequence[Example]) -> Confidence:
    """Maximum likelihood of the conditional logit, with a little pull of all weights to 0."""
    from scipy.optimize import minimize

    names = sorted({name for one in examples for row in features(one.hits) for name in row})
    x, there, right = _arrays(examples, names)
    spread = np.where(x[there].std(axis=0) > 0, x[there].std(axis=0), 1.0)
    x = x / spread
    # "none" is one more row whose only feature is a constant
    bias = np.zeros((*x.shape[:2], 1))
    none = np.zeros((len(x), 1, len(names) + 1))
    none[:, 0, -1] = 1.0
    x = np.concatenate([np.concatenate([x, bias], axis=2), none], axis=1)
    there = np.concatenate([there, np.ones((len(x), 1), bool)], axis=1)
    free = np.append(np.full(len(names), PENALTY / len(x)), 0.0)

    def loss(w: Floats) -> tuple[float, Floats]:
        scores = np.where(there, x @ w, -np.inf)
        scores -= scores.max(axis=1, keepdims=True)
        raw = np.exp(scores)
        p = raw / raw.sum(axis=1, keepdims=True)
        rows = np.arange(len(x))
        value = -np.log(np.maximum(p[rows, right], 1e-300)).mean() + float(free @ w**2) / 2
        slope = np.einsum("nk,nkf->f", p, x) - x[rows, right].sum(axis=0)
        return float(value), slope / len(x) + free * w

    best = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    weights = dict(zip(names, (best[:-1] / spread).round(5).tolist(), strict=True))
    return Confidence({name: w for name, w in weights.items() if w}, round(float(best[-1]), 5))


def _arrays(
    examples: Sequence[Example], names: Sequence[str]
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    """Features [N, K, F], which rows are there [N, K], the right row [N], K for none."""
    widest = max((min(len(one.hits), WIDEST) for one in examples), default=0)
    place = {name: i for i, name in enumerate(names)}
    x = np.zeros((len(examples), widest, len(names)))
    there = np.zeros((len(examples), widest), bool)
    for n, one in enumerate(examples):
        for k, row in enumerate(features(one.hits)[:widest]):
            there[n, k] = True
            for name, value in row.items():
                x[n, k, place[name]] = value
    right = [widest if one.right is None else min(one.right, widest) for one in examples]
    return x, there, np.array(right)
