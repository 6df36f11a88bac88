"""The ranking is worse than a random one."""

from dataclasses import dataclass

from huohou.diagnose.case import Case
from huohou.diagnose.embedding import Seen, ranked, seen
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, show
from huohou.measure.ranking import at_most, guessed
from huohou.record.finding import Evidence, Severity
from huohou.record.record import Figure, Record

SURE = 0.05  # after Bonferroni's correction for the number of scores
ORDERED = ("accuracy", "recall")

_SERIES = run(loss=falling(0.1, 0.05, n=5), epochs=5).series
SIX = {"candidates": 6, "margin": 0.1, "loss_kind": "margin"}


def _top(*counts: tuple[int, int], of: int = 50, when: str = "") -> tuple[Figure, ...]:
    return tuple(Figure(f"accuracy@{k}", c / of, f"{c}/{of}", None, c, of, when) for k, c in counts)


def _report(*counts: tuple[int, int], when: str = "", **facts: object) -> Record:
    return Record({"path": "report"}, _SERIES, {**SIX, **facts}, figures=_top(*counts, when=when))


@dataclass(frozen=True, slots=True)
class Tested:
    """A score against chance: p is the probability of one as low when the order is random."""

    seen: Seen
    chance: float
    p: float


@rule(
    "below-chance",
    severity="error",
    cause=Cause.DATA,
    needs=(Need("embedding"),),
    explains=("at-chance",),
    fires=(
        _report((1, 5), (3, 15), (5, 38), when="before"),  # document 001
        _report((3, 15)),
        run(
            loss=falling(2.0, 1.0),
            more={"eval_cosine_accuracy": [0.45, 0.3, 0.21]},
            facts={"eval_rows": 200},
        ),
        run(
            loss=falling(2.0, 1.0),
            more={"eval_cosine_mrr@10": [0.3, 0.2, 0.15]},
            facts={"eval_rows": 400, "eval_candidates": 10},
        ),
    ),
    quiet=(
        _report((1, 12), (3, 28), (5, 45)),
        _report((1, 7), (3, 22), (5, 40)),
        _report((3, 15), candidates=12),
        _report((3, 15), candidates=None),
        run(loss=falling(2.0, 1.0), more={"eval_cosine_accuracy": [0.45, 0.3, 0.21]}),
        run(
            loss=falling(2.0, 1.0),
            more={"eval_cosine_accuracy": [0.6, 0.8, 0.9]},
            facts={"eval_rows": 200},
        ),
    ),
)
def below_chance(case: Case) -> Outcome:
    """With k places of N candidates a random order has the right one among them k/N of the time,
    one half where one of two is to be nearer. The number of right ones is held against that by the
    exact binomial test, other measures (MRR, nDCG, MAP) by the mean and spread they have for
    random orders and one right answer a question; the smallest probability times the number of
    scores must be under 0.05. Counts are needed: as told, or from the score and the number of
    questions. Scores from before a training are judged alike, but are information where those
    from after it are not below chance.
    """
    all_seen = [found for found in seen(case) if found.what.measure != "order"]
    if not all_seen:
        return Need("scores")
    tests = [test for found in all_seen if (test := _test(case, found))]
    if not tests:
        return Need("fact:eval_candidates")
    tests.sort(key=lambda test: test.p)
    worst = tests[0]
    if min(1.0, worst.p * len(tests)) >= SURE or worst.seen.value >= worst.chance:
        return None
    later = [t for t in tests if t.seen.when == "after"]
    mended = later and all(t.p * len(tests) >= SURE for t in later)
    facts = [_fact(test) for test in tests if test.seen.value < test.chance]
    facts.append(below_chance.evidence("corrected", n=len(tests), p=show2(worst.p * len(tests))))
    advice = [below_chance.advice(key) for key in ("sign", "mask", "labels")]
    name, value, chance = worst.seen.name, percent(worst.seen.value), percent(worst.chance)
    severity: Severity = "info" if mended else "error"
    return below_chance.finding(
        facts, advice, severity, name=name, value=value, chance=chance, p=show2(worst.p)
    )


def _test(case: Case, found: Seen) -> Tested | None:
    measure, n = found.what.measure, found.n
    candidates = 2 if measure == "pair" else ranked(case)
    if n is None or n < 1 or candidates is None:
        return None
    chance, spread = guessed("accuracy" if measure == "pair" else measure, found.what.k, candidates)
    if chance >= 1 or spread == 0:
        return None
    if found.count is not None and measure in (*ORDERED, "pair"):
        hits = min(max(found.count, 0), n)
        return Tested(found, chance, at_most(hits, n, chance))
    from scipy.special import ndtr

    return Tested(found, chance, float(ndtr((found.value - chance) / (spread / n**0.5))))


def _fact(test: Tested) -> Evidence:
    found = test.seen
    key = "counted" if found.count is not None else "scored"
    return below_chance.evidence(
        key,
        name=found.name,
        count=found.count,
        n=found.n,
        value=percent(found.value),
        chance=percent(test.chance),
        p=show2(test.p),
    )


def percent(part: float) -> str:
    """A part in percent, three digits.

    >>> percent(0.3), percent(5 / 6)
    ('30 %', '83.3 %')
    """
    return f"{100 * part:.3g} %"


def show2(p: float) -> str:
    """A probability with the digits that count.

    >>> show2(0.00330), show2(1.2e-9)
    ('0.0033', '1.2e-09')
    """
    return show(float(f"{p:.2g}"))
