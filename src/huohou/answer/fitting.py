"""Fit the confidence of answers to questions whose answers are known.

The weights are fitted to one part of the facts; how calibrated they are, and the threshold for a
stated share of wrong answers, is told by the other part, whose facts they have not seen.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.answer.confidence import Belief, Confidence, features
from huohou.answer.types import Hit
from huohou.errors import CannotJudgeError
from huohou.measure.calibration import auroc, brier, brier_skill, calibration_error
from huohou.measure.recalibration import threshold

PENALTY = 0.1  # on the squared weights of standardised features, of all questions together
TRUSTED = 4.0  # a model's log odds never count more than this many times
FEWEST = 50  # questions of either part: with fewer nothing can be said
PARTS = 5  # one of which is kept out to measure on
ERROR = 0.005  # wrong answers in those given, by default

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A question whose answer is known.

    hits: what the look-up found; right: number of the right row among them, None where it is not;
    group: questions of one group are in one part (those about the same fact); chosen: a model's
    probabilities, as ``Confidence.believe`` takes them.
    """

    hits: Sequence[Hit]
    right: int | None
    group: Hashable
    chosen: Sequence[float] | None = None


def fit(examples: Sequence[Example], error: float = ERROR, seed: int = 0) -> Confidence:
    """Weights, and the thresholds for a share of wrong answers of at most ``error``.

    ``about`` of the result has the number of questions, and of the part kept out: the calibration
    error, Brier skill, AUROC, and what the threshold was shown to keep. Where no threshold can be
    shown to keep the error the strictest one is taken, and ``about["bound"]`` is None. Raises
    CannotJudgeError for fewer than FEWEST questions in a part.
    """
    used, kept = _parts(examples, seed)
    if min(len(used), len(kept)) < FEWEST:
        raise CannotJudgeError("answer.few_to_calibrate", n=len(kept), fewest=FEWEST)
    found = _weights(used)
    return measured(replace(found, error=error), kept, {"fitted_on": len(used)})


def fit_trust(confidence: Confidence, examples: Sequence[Example], model: str) -> Confidence:
    """How far a model's choices are to be trusted beside the look-up, from 0 (not at all) to 4."""
    from scipy.optimize import minimize_scalar

    def loss(trust: float) -> float:
        trusting = replace(confidence, trust={model: trust})
        return -sum(_surprise(trusting, one, model) for one in examples)

    best = minimize_scalar(loss, bounds=(0.0, TRUSTED), method="bounded")
    trust = round(float(best.x), 4) if best.fun < loss(0.0) - 1.0 else 0.0  # a nat is by chance
    return replace(confidence, trust={**confidence.trust, model: trust})


def measured(confidence: Confidence, kept: Sequence[Example], about: dict[str, Any]) -> Confidence:
    """The confidence with its threshold chosen on these examples, and what they say of it."""
    beliefs = [confidence.believe(one.hits) for one in kept]
    first = [first_right(belief, one) for belief, one in zip(beliefs, kept, strict=True)]
    sure, right = [p for p, _ in first], [hit for _, hit in first]
    edge = threshold(sure, right, confidence.error)
    told = {
        **about,
        "measured_on": len(kept),
        "calibration_error": calibration_error(sure, right),
        "brier": brier(sure, right),
        "brier_skill": brier_skill(sure, right),
        "auroc": auroc(sure, right),
        "wrong": edge.error if edge else None,
        "bound": edge.bound if edge else None,
        "answered": edge.coverage if edge else None,
    }
    return replace(confidence, found=edge.value if edge else 0.999, about=told)


def first_right(belief: Belief, example: Example) -> tuple[float, float]:
    """Probability of the likeliest row, and whether it is the right one."""
    order = belief.order()
    if not order:
        return 0.0, 0.0
    return belief.hits[order[0]], float(example.right == order[0])


def _parts(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """What is fitted on and what is measured on; all questions of a group are on one side."""
    groups = list(dict.fromkeys(one.group for one in examples))
    order = np.random.default_rng(seed).permutation(len(groups))
    kept = {groups[i] for i in order[: len(groups) // PARTS]}
    return (
        [one for one in examples if one.group not in kept],
        [one for one in examples if one.group in kept],
    )


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
    widest = max((len(one.hits) for one in examples), default=0)
    place = {name: i for i, name in enumerate(names)}
    x = np.zeros((len(examples), widest, len(names)))
    there = np.zeros((len(examples), widest), bool)
    for n, one in enumerate(examples):
        for k, row in enumerate(features(one.hits)):
            there[n, k] = True
            for name, value in row.items():
                x[n, k, place[name]] = value
    right = [widest if one.right is None else one.right for one in examples]
    return x, there, np.array(right)
