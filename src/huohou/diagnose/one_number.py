"""Whether the errors of an evaluation and its loss are one and the same number, said three times.

Positives only, all with the same score s: the logistic loss is softplus(-s), the mean squared
error (s-1)², the mean absolute error and the root of the squared error are |s-1|.
"""

import math
import re
from collections.abc import Mapping

from huohou.diagnose.case import Case
from huohou.diagnose.embedding import decimals
from huohou.diagnose.scores import error_measure
from huohou.measure.contrast import score_spread
from huohou.measure.reference import logit_of
from huohou.record.record import Figure

NEAR = 0.02  # as a part: a spread that is a seventh of the error leaves it
COARSE = 0.05  # a number that is rounded by more than this part of itself says nothing
FINE = 0.01  # and one that is rounded by less says it alone

Errors = Mapping[str, tuple[float, float]]
"""``mse``, ``rmse`` and ``mae`` to the value and half a unit of its last digit."""


def errors(case: Case) -> Errors:
    """Errors of the evaluation: figures of a report, else the last of each series."""
    found: dict[str, tuple[float, float]] = {}
    for name in sorted(case.record.series):
        measure, points = error_measure(name), case.finite(name)
        if measure and points and not name.startswith("train_"):
            value = points[-1].value
            found[measure] = value, 0.5 * 10.0 ** -decimals([value])
    for figure in case.record.figures:
        measure = error_measure(figure.name)
        if measure and math.isfinite(figure.value):
            found[measure] = figure.value, half_unit(figure)
    return found


def half_unit(figure: Figure) -> float:
    """Half a unit of the last digit that a figure was written with.

    >>> half_unit(Figure("mse", 2.3, "2.3")), half_unit(Figure("mae", 1.516))
    (0.05, 0.0005)
    """
    written = re.search(r"\d+(?:\.(\d+))?", figure.text)
    digits = len(written[1] or "") if written else decimals([figure.value])
    return 0.5 * 10.0**-digits * (0.01 if "%" in figure.text else 1.0)


def one_number(loss: float, found: Errors) -> float | None:
    """How far the scores can spread at most where loss and errors are one number, else None.

    >>> document = {"mse": (2.3, 0.05), "rmse": (1.5, 0.05), "mae": (1.5, 0.05)}
    >>> round(one_number(0.0777, document), 2), one_number(0.1, document)
    (0.23, None)
    >>> one_number(0.0777, {"mse": (2.8, 0.05), "mae": (1.5, 0.05)}) is None
    True
    """
    if not 0 < loss < math.log(2):
        return None
    off = abs(logit_of(loss) - 1)
    expected = {"mse": off * off, "rmse": off, "mae": off}
    told = {name: pair for name, pair in found.items() if pair[1] <= COARSE * abs(pair[0])}
    if not told.keys() & {"mse", "rmse"} or any(
        abs(value - expected[name]) > half + NEAR * expected[name]
        for name, (value, half) in told.items()
    ):
        return None
    if len(told.keys() & {"mse", "mae"}) < 2 and min(h / v for v, h in told.values()) > FINE:
        return None
    return _spread(loss, told)


def _spread(loss: float, told: Errors) -> float:
    """Of the variance mse - mean², the most that the digits allow."""
    square = min(
        (value + half) ** power
        for name, power in (("mse", 1), ("rmse", 2))
        if name in told
        for value, half in (told[name],)
    )
    by_loss = score_spread(loss, square)
    if by_loss is not None:
        return by_loss
    value, half = told.get("mae", (0.0, 0.0))
    return math.sqrt(max(0.0, square - (value - half) ** 2))
