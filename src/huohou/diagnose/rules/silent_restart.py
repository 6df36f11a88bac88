"""Training began again from untrained weights, and nothing says so."""

from collections.abc import Sequence
from itertools import pairwise

from huohou.diagnose.case import Case, place
from huohou.diagnose.curves import level, noise
from huohou.diagnose.examples import falling, lives
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.record.finding import Evidence, Finding
from huohou.record.record import Point

HEAD = 3  # values that show where a life begins and where it ends
LEARNT = 0.10  # the first life must have lowered the loss by this part of it, and by 3 noises
BACK = 0.25  # the second begins this near to where the first began, in parts of what was learnt

Life = Sequence[Point]


@rule(
    "silent-restart",
    severity="error",
    cause=Cause.RESTART,
    needs=(Need("loss", 2 * HEAD),),
    fires=(
        lives(falling(3.69, 1.5), falling(3.69, 1.4)),
        lives(falling(3.69, 1.5, seed=1), falling(3.69, 1.2, seed=2), falling(3.69, 1.3, seed=3)),
    ),
    quiet=(
        lives(falling(3.69, 0.5)),
        lives(falling(3.69, 1.5), falling(1.6, 1.2), starts=(0, 200)),
        lives(falling(3.69, 1.5), falling(1.5, 1.2)),
        lives(falling(3.69, 3.6, n=6), falling(3.69, 1.5)),
    ),
    source="transformers issues 23099 and 27749; comparison of the two lives in units of noise",
)
def silent_restart(case: Case) -> Finding | None:
    """The steps of a log go back to the start and the loss is back where the first life began,
    not where it ended: the weights were not taken up. A log that goes on at the level it had, at
    an earlier step or at the first, is a resume and no fault.
    """
    lived = _lives(case)
    pairs = [(a, b) for a, b in pairwise(lived) if _began_again(a, b)]
    if not pairs:
        return None
    facts = [fact for a, b in pairs for fact in _evidence(a, b)]
    advice = [silent_restart.advice("resume"), silent_restart.advice("which")]
    return silent_restart.finding(facts, advice, n=len(pairs), where=where(pairs[-1][1][0]))


def _lives(case: Case) -> list[Life]:
    """Losses of each process life that is long enough to be compared."""
    found: dict[int, list[Point]] = {}
    for p in case.record.points("loss"):
        if p.value == p.value:
            found.setdefault(p.seg, []).append(p)
    return [life for life in found.values() if len(life) >= HEAD]


def _began_again(a: Life, b: Life) -> bool:
    begins = _median(a[:HEAD])
    learnt = begins - _median(a[-HEAD:])
    spread = noise([p.value for p in a])
    if learnt < max(LEARNT * abs(begins), 3 * spread) or place(b[0]) > place(a[HEAD - 1]):
        return False
    return abs(_median(b[:HEAD]) - begins) < BACK * learnt


def _evidence(a: Life, b: Life) -> list[Evidence]:
    facts = [
        silent_restart.evidence("reached", a[-1]),
        silent_restart.evidence("again", b[0], first=a[0].value),
    ]
    if b[0].step == a[0].step and f"{a[0].value:.4g}" == f"{b[0].value:.4g}":
        facts.append(silent_restart.evidence("same_digits", b[0]))
    return facts


def _median(points: Life) -> float:
    return level([p.value for p in points])
