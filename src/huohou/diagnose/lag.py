"""Training loss beside an evaluation: corrected for what a logged loss is.

A trainer logs the mean loss since its last line, taken while the weights still changed: it
belongs to the middle of that window, half a window before the evaluation at its end. Where a log
has a line an epoch that is half an epoch, and an evaluation loss below the training loss is what
one should expect.
"""

from collections.abc import Sequence

import numpy as np

from huohou.record.columns import Floats, Series
from huohou.record.record import Point


def train_at(losses: Sequence[Point], evals: Sequence[Point]) -> Floats:
    """The training loss at the place of each evaluation, interpolated between the middles of the
    windows it was logged for; after the last middle it goes on as between the last two.

    losses, evals: in order. NaN where they do not say where they stand.
    """
    train, asked = Series.of(losses), Series.of(evals).places
    places, values = train.places, train.values
    if len(places) < 2 or not np.isfinite([*places, *asked]).all():
        return np.full(len(asked), np.nan)
    middles = places - np.median(np.diff(places)) / 2
    found = np.interp(asked, middles, values)
    slope = (values[-1] - values[-2]) / max(middles[-1] - middles[-2], 1e-12)
    beyond = asked > middles[-1]
    found[beyond] += np.minimum(slope, 0.0) * (asked[beyond] - middles[-1])
    return np.asarray(np.maximum(found, 0.0 if values.min() >= 0 else -np.inf), dtype=np.float64)
