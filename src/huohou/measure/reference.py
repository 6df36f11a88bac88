"""Reference constants: values a loss takes when a model has learnt nothing or everything is equal.

A loss that sits on one of these is a message. Sources are named at each function; the examples
are the numbers of real reports.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise


def softplus(x: float) -> float:
    """ln(1 + e^x), without overflow: the logistic loss of one pair with logit -x.

    >>> round(softplus(-1), 4)  # a loss that was stuck at 0.3133: every similarity 1, scale 1
    0.3133
    >>> round(softplus(-1.384), 4), softplus(1000.0)
    (0.2236, 1000.0)
    """
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def logit_of(loss: float) -> float:
    """The s with softplus(-s) = loss: what a mean logistic loss says of the logit behind it.

    Positives only, all similarities 1: s is the logit scale. loss > 0; ValueError otherwise.

    >>> [round(logit_of(x), 3) for x in (0.2236, 0.1658, 0.1262, 0.0982, 0.0777)]
    [1.384, 1.713, 2.006, 2.271, 2.516]
    """
    if not loss > 0:
        raise ValueError(f"a logistic loss is above 0, not {loss}")
    return -math.log(math.expm1(loss)) if loss < 30 else -loss


def uniform_loss(vocabulary: int) -> float:
    """ln V in nats: cross-entropy of a model that guesses all V tokens alike.

    A pretrained model above it has wrong labels, tokenizer or template.

    >>> round(uniform_loss(151_936), 2), round(uniform_loss(49_152), 2)
    (11.93, 10.8)
    """
    if vocabulary < 1:
        raise ValueError(f"a vocabulary has at least one token, not {vocabulary}")
    return math.log(vocabulary)


def in_batch_loss(batch: int) -> float:
    """ln N: InfoNCE over N candidates (in-batch negatives) when all similarities are equal.

    Source: van den Oord et al. (2018), arXiv 1807.03748, section 2.3 with equal scores.

    >>> round(in_batch_loss(32), 4)
    3.4657
    """
    return uniform_loss(batch)


COIN_LOSS = math.log(2)  # binary cross-entropy of a model that says 0.5 to everything


def constants(
    vocabulary: int | None = None,
    batch: int | None = None,
    scale: float | None = None,
    margin: float | None = None,
) -> dict[str, float]:
    """Reference constants that apply, by formula.

    scale: logit scale of a logistic loss on similarities; margin: of a hinge (ranking) loss,
    whose value is the margin when all similarities are equal.

    >>> {k: round(v, 4) for k, v in constants(batch=8, scale=1).items()}
    {'ln 2': 0.6931, 'ln N': 2.0794, 'softplus(-scale)': 0.3133, 'softplus(+scale)': 1.3133}
    """
    found = {"ln 2": COIN_LOSS}
    if vocabulary is not None:
        found["ln V"] = uniform_loss(vocabulary)
    if batch is not None:
        found["ln N"] = in_batch_loss(batch)
    if scale is not None:
        found["softplus(-scale)"] = softplus(-scale)
        found["softplus(+scale)"] = softplus(scale)
    if margin is not None:
        found["margin"] = margin
    return found


def sits_on(value: float, known: Mapping[str, float], tolerance: float = 0.005) -> str | None:
    """Name of the nearest constant within a relative tolerance, None where there is none.

    >>> sits_on(0.0998, constants(margin=0.1)), sits_on(0.3133, constants(scale=1))
    ('margin', 'softplus(-scale)')
    >>> sits_on(0.5, constants(scale=1, margin=0.1)) is None
    True
    """
    near = [(abs(value - v) / abs(v), name) for name, v in known.items() if v]
    distance, name = min(near, default=(math.inf, ""))
    return name if distance <= tolerance else None


def lagged_means(evals: Sequence[float], first: float | None = None) -> list[float]:
    """Mean of each pair of neighbouring evaluation losses: a training loss that lags by half.

    An epoch's training loss is a mean over the epoch, its evaluation loss is taken at the end.
    When both measure the same thing, the training loss of epoch k is about the mean of the
    evaluations before and after it, so validation below training is a lag and no overfitting.
    first: loss before the first epoch, when known.

    >>> [round(x, 4) for x in lagged_means([0.2236, 0.1658, 0.1262, 0.0982, 0.0777], 0.3133)]
    [0.2685, 0.1947, 0.146, 0.1122, 0.088]
    """
    points = [*([] if first is None else [first]), *evals]
    return [(a + b) / 2 for a, b in pairwise(points)]
