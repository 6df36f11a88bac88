"""The learning rate is zero, throughout or for a long stretch."""

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.choice import WHOLE_SCHEDULE
from huohou.diagnose.curves import longest_stretch, trend
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.record.columns import Floats
from huohou.record.finding import Finding

NOTHING = 1e-3  # of the peak: below this an update changes nothing that could be seen
WASTED = 0.2  # part of the run that may pass so
EVALS = 5  # that show whether something is learnt meanwhile:
LEARNT = 0.003  # of the evaluation loss

COSINE = [1e-4 * (1 - i / 40) for i in range(40)]


@rule(
    "lr-zero",
    severity="error",
    cause=Cause.RATE,
    needs=(Need("learning_rate", 5),),
    explains=("nothing-trains", "loss-stuck", "schedule-mismatch", "lr-too-low", "at-chance"),
    fires=(
        run(loss=line(2.0, 2.0), learning_rate=[0.0] * 40),
        run(loss=falling(2.0, 1.0), learning_rate=[*COSINE[::2], *[0.0] * 20]),
        run(loss=falling(2.0, 1.0), learning_rate=[*[0.0] * 12, *COSINE[:28]]),
        run(loss=falling(2.0, 1.0), learning_rate=[*COSINE[:10], *[0.0] * 12, *COSINE[10:28]]),
    ),
    quiet=(
        run(loss=falling(2.0, 1.0), learning_rate=COSINE),
        run(loss=falling(2.0, 1.0), learning_rate=[0.0, *COSINE[1:]]),
        run(loss=falling(2.0, 1.0), learning_rate=line(1e-3, -6e-4)),
        run(loss=falling(2.0, 1.0), learning_rate=[*[0.0] * 4, *COSINE[:36]]),
        run(loss=falling(2.0, 1.0), learning_rate=[2e-6, 2e-6, 1e-6, 1e-6, 1e-6, *[0.0] * 35]),
        run(
            loss=falling(2.0, 1.0),
            evals=[1.5, 1.49, 1.48, 1.471, 1.462, 1.455, 1.449, 1.44],
            learning_rate=[*[1e-3] * 5, *[1e-6] * 35],
        ),
    ),
)
def lr_zero(case: Case) -> Finding | None:
    """With a learning rate of 0 no weight changes. Throughout: nothing was trained. For a fifth of
    the run, a thousandth of its peak and less: where that is the end, the schedule was shorter than
    the run (or was not loaded with the checkpoint), where it is the beginning, the schedule began
    late; that time was spent on nothing. A rate that is not quite 0 and with which the evaluation
    loss goes on falling is ``lr-too-low``. Logs that print six decimals of a small rate are left
    out. A rate below 0 is none of 0: it is a matter of ``diverged``.
    """
    rates = case.finite("learning_rate")
    peak = case.peak_rate() or 0.0
    if rates and not rates.values.any():
        facts = [lr_zero.evidence("throughout", rates[-1], n=len(rates))]
        return lr_zero.finding(
            facts, [lr_zero.advice("set_rate", set=WHOLE_SCHEDULE)], where=where(rates[0])
        )
    marks = np.abs(rates.values) <= NOTHING * peak
    begin, end = longest_stretch(marks)
    if marks.sum() <= max(WASTED * len(rates), 4) or _rounded(peak, rates.values):
        return None
    if np.abs(rates.values[begin:end]).min() > 0 and _learns(case, rates.places[begin]):
        return None
    share = round(100 * float(marks.mean()))
    first, last = rates[begin], rates[end - 1]
    fact = lr_zero.evidence("tail", first, share=share)
    if end < len(rates):
        fact = lr_zero.evidence("stretch", first, until=where(last), share=share)
    return lr_zero.finding(
        severity="warning",
        evidence=[fact],
        advice=[lr_zero.advice("schedule", set=WHOLE_SCHEDULE)],
        where=where(first),
    )


def _learns(case: Case, since: float) -> bool:
    """Whether the evaluation loss goes on falling from a place on."""
    values = case.evals.values[case.evals.places >= since].tolist()
    learnt = len(values) >= EVALS and values[-1] < (1 - LEARNT) * values[0]
    return learnt and trend(values).falls()


def _rounded(peak: float, rates: Floats) -> bool:
    """Whether the rates are multiples of 1e-6 so small that 0 may mean half of that."""
    return peak < 2e-5 and bool((np.abs(rates * 1e6 - np.round(rates * 1e6)) < 1e-6).all())
