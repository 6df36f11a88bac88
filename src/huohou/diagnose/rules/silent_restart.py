"""Training began again from untrained weights, and nothing says so."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from huohou.diagnose.case import Case, place
from huohou.diagnose.curves import level, noise
from huohou.diagnose.examples import falling, line, lives, run
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.record.columns import Point, Series
from huohou.record.finding import Evidence, Finding
from huohou.record.record import Record
from huohou.text import say

EVALS = 3  # evaluations of a life
HEAD = 3  # values that show where a life begins and where it ends
LEARNT = 0.10  # the first life must have lowered the loss by this part of it, and by 3 noises
BACK = 0.25  # the second begins this near to where the first began, in parts of what was learnt

# Losses that say nothing for noise, and evaluations that do.
EVALUATED = Record(
    {"path": "example"},
    {
        "loss": lives(line(0.8, 0.72, 14, 0.2), line(0.8, 0.72, 14, 0.2)).points("loss"),
        "eval_loss": tuple(
            Point(value, step, seg=seg)
            for seg in (0, 1)
            for step, value in ((20, 0.82), (60, 0.76), (100, 0.7), (130, 0.68))
        ),
    },
)


@rule(
    "silent-restart",
    severity="error",
    cause=Cause.RESTART,
    needs=(Need("loss", 2 * HEAD, instead="restart"),),
    explains=("schedule-mismatch", "undertrained"),
    fires=(
        lives(falling(3.69, 1.5), falling(3.69, 1.4)),
        run(facts={"restart": {"at": 3.6947, "reached": 0.5}}),
        EVALUATED,
        lives(falling(3.69, 1.5, seed=1), falling(3.69, 1.2, seed=2), falling(3.69, 1.3, seed=3)),
    ),
    quiet=(
        lives(falling(3.69, 0.5)),
        run(facts={"restart": {"at": 0.52, "reached": 0.5}}),
        run(facts={"restart": {"at": 3.6947}}),
        lives(falling(3.69, 1.5), falling(1.6, 1.2), starts=(0, 200)),
        lives(falling(3.69, 1.5), falling(1.5, 1.2)),
        lives(falling(3.69, 3.6, n=6), falling(3.69, 1.5)),
    ),
)
def silent_restart(case: Case) -> Finding | None:
    """The steps of a log go back to the start and the loss is back where the first life began, not
    where it ended: the weights were not taken up. Where the training loss is too noisy to tell, the
    evaluation loss is asked. A log that goes on at the level it had, at an earlier step or at the
    first, is a resume and no fault. A report that tells of it is believed.
    """
    if told := case.record.facts.get("restart"):
        return _told(told)
    pairs = [(a, b) for a, b in pairwise(_lives(case, "loss", HEAD)) if _began_again(a, b)]
    if not pairs:
        evals = pairwise(_lives(case, case.eval_name, EVALS))
        pairs = [(a, b) for a, b in evals if _again_by_evals(a, b)]
    if not pairs:
        return None
    facts = [fact for a, b in pairs for fact in _evidence(a, b)]
    advice = [silent_restart.advice("resume"), silent_restart.advice("which")]
    return silent_restart.finding(facts, advice, n=len(pairs), where=where(pairs[-1][1][0]))


def _told(restart: Mapping[str, float]) -> Finding | None:
    """What a report tells: "each time it begins at 3.6947 and not at 0.5"."""
    at, reached = restart["at"], restart.get("reached")
    if reached is None or at - reached < LEARNT * abs(at):
        return None
    facts = [silent_restart.evidence("told", at=at, reached=reached)]
    if round(at, 4) != round(at, 3):
        facts.append(silent_restart.evidence("told_digits", at=f"{at:.4f}"))
    advice = [silent_restart.advice("resume"), silent_restart.advice("which")]
    found = silent_restart.finding(facts, advice, n=1, where="")
    return replace(
        found, title=say("rule.silent-restart.told", at=f"{at:g}", reached=f"{reached:g}")
    )


def _lives(case: Case, name: str, least: int) -> list[Series]:
    """Values of each process life that is long enough to be compared."""
    losses = case.record.points(name)
    return losses.take(np.abs(losses.values) < np.inf).lives(least)


def _began_again(a: Series, b: Series) -> bool:
    begins = _median(a[:HEAD])
    learnt = begins - _median(a[-HEAD:])
    spread = noise(a.values)
    if learnt < max(LEARNT * abs(begins), 3 * spread) or place(b[0]) > place(a[HEAD - 1]):
        return False
    # Where the loss falls within three lines, a warm-up or none is enough for a higher median.
    highest = max(begins, float(a[:HEAD].values.max()))
    return begins - BACK * learnt < _median(b[:HEAD]) < highest + BACK * learnt


def _again_by_evals(a: Series, b: Series) -> bool:
    """The same by evaluations, which have little noise: the second life begins where the first did,
    or goes through the same values once more."""
    first, reached, again = a[0].value, a[-1].value, b[0].value
    learnt = first - min(reached, level(a.values[-2:]))
    if learnt < max(LEARNT * abs(first), noise(a.values)) or place(b[0]) > place(a[0]):
        return False
    return abs(again - first) < BACK * learnt


def _evidence(a: Series, b: Series) -> list[Evidence]:
    facts = [
        silent_restart.evidence("reached", a[-1]),
        silent_restart.evidence("again", b[0], first=a[0].value),
    ]
    if b[0].step == a[0].step and f"{a[0].value:.4g}" == f"{b[0].value:.4g}":
        facts.append(silent_restart.evidence("same_digits", b[0]))
    return facts


def _median(points: Series) -> float:
    return level(points.values)
