"""Losses of embeddings: what a contrastive, logistic or ranking loss says of the similarities.

Similarities are cosines, multiplied with a scale (1 / temperature) before they enter the loss.
"""

import math
from collections.abc import Mapping, Sequence

from huohou.measure.reference import logit_of, softplus


def contrast_loss(candidates: int, lead: float) -> float:
    """In-batch loss when the right one's logit is ahead of the N - 1 others by the same lead.

    ln(1 + (N-1) e^-lead): ln N for a lead of 0. candidates: N >= 2.

    >>> round(contrast_loss(32, 0.0), 4), round(contrast_loss(32, 20 * 0.5), 4)
    (3.4657, 0.0014)
    """
    if candidates < 2:
        raise ValueError(f"a contrast has at least 2 candidates, not {candidates}")
    return softplus(math.log(candidates - 1) - lead)


def contrast_bounds(candidates: int, scale: float) -> tuple[float, float]:
    """The least and the highest in-batch loss that cosines allow at a scale.

    [ln(1 + (N-1) e^-2s), ln(1 + (N-1) e^2s)]: cosines differ by 2 at most.

    >>> [round(x, 2) for x in contrast_bounds(32, 1)]  # a temperature of 1: never below 1.65
    [1.65, 5.44]
    >>> contrast_bounds(32, 20)[0] < 1e-15
    True
    """
    return contrast_loss(candidates, 2 * scale), contrast_loss(candidates, -2 * scale)


def lead_of(loss: float, candidates: int) -> float:
    """The lead with ``contrast_loss(candidates, lead) = loss``; loss > 0.

    By Jensen's inequality the right one's logit is ahead of the others by at least this on
    average; divided by the mean difference of the similarities it is a lower bound of the scale.

    >>> round(lead_of(2.74, 32), 2), round(lead_of(math.log(32), 32), 2)
    (0.76, 0.0)
    """
    return math.log(candidates - 1) + logit_of(loss)


def needed_loss(accuracy: float, candidates: int) -> float:
    """The highest loss that fits a ranking whose first is right this often, well scaled.

    H(a) + (1 - a) ln(N - 1): Fano's inequality (Cover & Thomas, section 2.10) read as what a
    calibrated guess at this accuracy costs. A higher loss means logits that are too timid or too
    loud for what they rank, not a bad ranking.

    >>> round(needed_loss(0.9, 32), 2), round(needed_loss(1 / 32, 32) - math.log(32), 6)
    (0.67, 0.0)
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"an accuracy is 0 to 1, not {accuracy}")
    parts = [p for p in (accuracy, 1 - accuracy) if p > 0]
    unsure = -sum(p * math.log(p) for p in parts)
    return unsure + (1 - accuracy) * math.log(max(candidates - 1, 1))


def among_fewer(accuracy_at: Mapping[int, float], of: int, fewer: int) -> float:
    """Least share of questions whose right one is first among fewer candidates, drawn from all.

    accuracy_at: k to the share of right ones among the first k of ``of`` candidates. One at rank
    k is first among N when none of the k - 1 before it is drawn: (1 - (k-1)/(C-1))^(N-1).

    >>> round(among_fewer({1: 0.26, 3: 0.45, 5: 0.6, 10: 0.75}, 256, 32), 2)
    0.55
    >>> among_fewer({1: 0.9}, 32, 32)
    0.9
    """
    if fewer >= of:
        return accuracy_at.get(1, 0.0)
    share = before = 0.0
    for k, value in sorted(accuracy_at.items()):
        share += max(0.0, value - before) * max(0.0, 1 - (k - 1) / (of - 1)) ** (fewer - 1)
        before = max(before, value)
    return min(1.0, share)


def one_logit_loss(negatives: float) -> float:
    """Least logistic loss when every pair gets the same logit: the entropy of the labels.

    negatives: a positive. Reached by a bias alone, however much is trained.

    >>> round(one_logit_loss(1), 4), round(one_logit_loss(5), 4)
    (0.6931, 0.4506)
    """
    share = 1 / (1 + negatives)
    return needed_loss(share, 2)


def ordered_floor(margin: float, candidates: int) -> float:
    """Least mean hinge over all ordered pairs of a list of which only the first place is known.

    The other places are an arbitrary order: the (k-1)(k-2)/2 pairs among them cost at least the
    margin on average for who has not learnt that order by heart. k(k-1)/2 pairs in all.

    >>> round(ordered_floor(0.1, 6), 4)  # 10 of 15 pairs; document 001 ended at 0.0527
    0.0667
    """
    if candidates < 2:
        raise ValueError(f"a list has at least 2 candidates, not {candidates}")
    return margin * (candidates - 2) / candidates


def scale_path(
    at: Sequence[float], evals: Sequence[float], windows: Sequence[tuple[float, float]]
) -> list[float]:
    """Training losses that one growing logit alone gives, by the evaluations it was seen at.

    evals: logistic losses of positives, each softplus(-s), taken at these places, which rise, two
    or more; windows: begin and end of what each training loss is a mean over. s is interpolated
    (monotone cubic, Fritsch & Carlson 1980), the mean by Simpson's rule. Where training losses lie
    on this path one scalar explains the whole run.

    >>> evals = [0.2236, 0.1658, 0.1262, 0.0982, 0.0777]  # document 000
    >>> path = scale_path([1, 2, 3, 4, 5], evals, [(1, 2), (2, 3), (3, 4), (4, 5)])
    >>> [round(x, 4) for x in path]  # its training losses: 0.1930, 0.1449, 0.1115, 0.0875
    [0.1929, 0.1448, 0.1114, 0.0874]
    """
    from scipy.interpolate import PchipInterpolator

    logit = PchipInterpolator(at, [logit_of(value) for value in evals])
    means = []
    for begin, end in windows:
        a, middle, b = (softplus(-float(logit(x))) for x in (begin, (begin + end) / 2, end))
        means.append((a + 4 * middle + b) / 6)
    return means


def score_spread(loss: float, mse: float) -> float | None:
    """Highest standard deviation of the scores of positives that both figures allow.

    loss: their mean logistic loss; mse: mean (score - 1)². By Jensen's inequality the mean score
    is at least s = logit_of(loss), so that for s >= 1 the variance is at most mse - (s-1)². None
    where the figures do not belong together.

    >>> round(score_spread(0.0777, 2.35), 2)  # document 000, where 2.3 is at most 2.35
    0.23
    >>> score_spread(0.0777, 1.0) is None
    True
    """
    s = logit_of(loss)
    left = mse - (s - 1) ** 2
    return math.sqrt(left) if left >= 0 and s >= 1 else None
