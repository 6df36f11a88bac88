"""Whether the rows of a training were known before the run began: by an earlier run, stage or fold.

A fresh model begins its training rows where it begins any others. One that answers them at once,
many times better than rows of an evaluation or nearly by heart, has seen them.
"""

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level

HEAD = 5  # log lines at the start, or so large a
SHARE = 0.1  # part of them
TIMES = 5  # the loss of other rows is so many times as high,
GAP = 1.0  # and so many nats above


def at_start(case: Case) -> float:
    """The training loss when the run began: the median of its first lines."""
    values = case.losses
    return level(values[: max(1, min(HEAD, round(SHARE * len(values))))])


def rows_known_before(case: Case) -> bool:
    """Whether a language model answers the training rows at the start far better than others."""
    if case.embedding or case.objective != "likelihood" or not case.losses or not case.evals:
        return False
    start, other = at_start(case), float(case.evals.values[0])
    return start >= 0 and other >= TIMES * start and other - start >= GAP
