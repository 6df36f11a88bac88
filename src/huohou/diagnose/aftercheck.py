"""Whether a resumed run really went on: its first losses against those before and the very first.

Weights that were not loaded show at once: the loss is where the run began. Weights that were show
as well: it is where the run left off. Compared are means of raw losses; the noise is measured from
the differences of neighbours (von Neumann's estimate), which a falling trend hardly moves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal

ENOUGH = 5  # losses after the resume to judge by
CLEAR = 3.0  # standard errors that begin and end of the run must lie apart to be told apart

Judgement = Literal["good", "lost", "undecided"]


@dataclass(frozen=True, slots=True)
class AfterCheck:
    """What was compared: mean loss at the begin of the run, before the stop, after the resume."""

    judgement: Judgement
    first: float
    before: float
    after: float


def after_check(
    first: Sequence[float],
    before: Sequence[float],
    after: Sequence[float],
    enough: int = ENOUGH,
) -> AfterCheck | None:
    """Judge the first losses after a resume; None while there are fewer than enough of each.

    first: losses from the run's begin; before: losses up to the checkpoint, in order; after: those
    since. ``undecided`` where begin and end of the run are not told apart from noise, or after a
    NaN.
    """
    if min(len(first), len(before), len(after)) < enough:
        return None
    begun, left, resumed = fmean(first[:enough]), fmean(before[-enough:]), fmean(after[:enough])
    error = math.sqrt(2 / enough) * _noise([*before[-4 * enough :]])
    fell = begun - left
    judgement: Judgement = "good"
    if not all(map(math.isfinite, (begun, left, resumed))) or fell <= CLEAR * error:
        judgement = "undecided"
    elif resumed - left > max(fell / 2, CLEAR * error):
        judgement = "lost"
    return AfterCheck(judgement, begun, left, resumed)


def _noise(losses: Sequence[float]) -> float:
    """Standard deviation of single losses around their trend."""
    steps = [(b - a) ** 2 for a, b in pairwise(losses)]
    return math.sqrt(fmean(steps) / 2) if steps else 0.0
