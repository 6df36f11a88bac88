"""The loss equals its margin: all similarities are the same."""

from collections.abc import Iterator

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.embedding import stuck_at_margin, told, too_early
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, show
from huohou.diagnose.settings import amount
from huohou.measure.contrast import ordered_floor
from huohou.record.finding import Evidence, Severity
from huohou.record.record import Record

NEAR = 0.005  # a part of the margin: differences of less than half of it leave the loss there
LINES, EVALS = 10, 2  # that are the same
ROUND = 0.05  # margins are multiples of it
DIGITS = 1e-6
HALF = 0.5  # a run that got below this part of the margin has left it

LOSSES = [0.0998, 0.0848, 0.0707, 0.0632, 0.0527]  # document 001
SIX = {"loss_kind": "margin", "margin": 0.1, "candidates": 6, "negatives": 5}


def _report(losses: list[float], **facts: object) -> Record:
    return run(loss=losses, epochs=len(losses), facts={**SIX, **facts})


@rule(
    "hinge-floor",
    severity="warning",
    cause=Cause.GEOMETRY,
    needs=(Need("loss"),),
    explains=("loss-stuck", "undertrained"),
    fires=(
        _report(LOSSES),
        _report(LOSSES, pairs="all"),
        run(loss=line(5.0, 4.99, n=30, noise=0.002), facts={"margin": 5.0}),
        _report([0.08, 0.07, 0.06, 0.05], pairs="all"),
        _report([0.5003, 0.31, 0.12, 0.04], margin=0.5),
        run(loss=[0.15] * 20, evals=[0.15] * 4, grad_norm=[0.0] * 20),
    ),
    quiet=(
        _report([0.0848, 0.0780, 0.0741, 0.0702], pairs="all"),
        _report([0.08, 0.07, 0.06, 0.05]),
        run(loss=falling(3.1, 0.2), facts={"margin": 5.0}),
        run(loss=LOSSES),
        run(loss=[0.1533] * 20, evals=[0.1533] * 4, grad_norm=[0.0] * 20),
        run(loss=[0.0] * 20, evals=[0.0] * 4, grad_norm=[0.0] * 20),
        run(loss=line(5.0, 5.0, n=30, noise=0.5), facts={"margin": 5.0}),
        run(loss=[*falling(5.2, 0.5, n=20), *line(5.0, 5.0, n=20)], facts={"margin": 5.0}),
        _report(LOSSES, margin=0.2),
    ),
)
def hinge_floor(case: Case) -> Outcome:
    """A ranking loss max(0, margin - difference) equals the margin when the differences of the
    similarities are 0: nothing is told apart. It is an error when the last third still lies there
    (within 2 %, and moves by no more than 2 %; losses that swing about the margin are those of a
    random order) and the loss was never below half of it, a warning when the first value does
    (within 0.5 %) and the run ends above half the margin, else information. For a loss over all
    ordered pairs of a list of which only the first place is known, the order of the others is
    arbitrary and costs margin x (k-2)/k on average; a training loss below that has learnt an
    arbitrary order by heart. First losses away from the margin refute the one, evaluation on other
    lists the other. Where the evaluation loss is more than 1.5 % off the margin, similarities
    differ, in whatever order: that is ``at-chance``. A margin that is not told is read off ten
    losses and two of the evaluation, or more, that are one and the same multiple of 0.05, with a
    gradient norm of 0, where no vocabulary is known.
    """
    margin, values = told(case, "margin"), case.losses
    if margin is None and (margin := _read_off(case)) is None:
        return Need("fact:margin")
    if margin <= 0 or not values or too_early(case):
        return None
    stuck = stuck_at_margin(case) or _read_off(case) is not None
    starts = abs(values[0] - margin) <= NEAR * margin
    below = list(_by_heart(case, margin))
    if not (stuck or starts or below):
        return None
    severity: Severity = "error" if stuck else "warning"
    if not stuck and not below and values[-1] < HALF * margin:
        severity = "info"
    facts = [hinge_floor.evidence("first", case.loss[0], margin=margin)] if starts else []
    facts += [hinge_floor.evidence("stuck", case.loss[-1], margin=margin)] if stuck else []
    facts += below or (_if_all_pairs(case, margin) if starts else [])
    advice = [hinge_floor.advice(key) for key in ("similarities", "first_only", "softmax")]
    return hinge_floor.finding(facts, advice, severity, margin=margin)


def _read_off(case: Case) -> float | None:
    """A margin that is not told: a round number that all losses are, of the evaluation, too, where
    no gradient arrives, and no vocabulary is known."""
    values = np.r_[case.loss.values, case.evals.values]
    norms = case.finite("grad_norm").values
    known = amount(case, "vocab_size") or amount(case, "vocabulary") or told(case, "margin")
    if known or len(case.loss) < LINES or len(case.evals) < EVALS or len(norms) < LINES:
        return None
    margin = round(float(values[0]) / ROUND) * ROUND
    alike = bool((np.abs(values - margin) < DIGITS).all()) and not norms.any()
    return margin if alike and margin > 0 else None


def _floor(case: Case, margin: float) -> float | None:
    """What an arbitrary order costs, where the list is known and the run ended below it."""
    negatives, k = told(case, "negatives"), told(case, "candidates")
    if negatives is not None:
        k = negatives + 1
    elif case.record.facts.get("pairs") != "all":
        return None  # candidates of an evaluation, it may be
    floor = ordered_floor(margin, int(k)) if k and k >= 2 else 0.0
    return floor if case.losses[-1] < floor else None


def _by_heart(case: Case, margin: float) -> Iterator[Evidence]:
    floor = _floor(case, margin)
    if floor is not None and case.record.facts.get("pairs") == "all":
        yield hinge_floor.evidence("below", case.loss[-1], floor=floor)


def _if_all_pairs(case: Case, margin: float) -> list[Evidence]:
    floor = _floor(case, margin)
    if floor is None or case.record.facts.get("pairs") is not None:
        return []
    return [hinge_floor.evidence("below_if", case.loss[-1], floor=show(floor))]
