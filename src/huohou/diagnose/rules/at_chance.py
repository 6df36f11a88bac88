"""After training the model ranks no better than guessing."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level, noise
from huohou.diagnose.embedding import (
    POINTS,
    Seen,
    beats_guessing,
    contrasts,
    kind,
    ranked,
    seen,
    stuck_at_margin,
    tail,
    told,
    too_early,
)
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.rules.below_chance import SIX, percent
from huohou.measure.intervals import wilson
from huohou.measure.ranking import guessed
from huohou.measure.reference import COIN_LOSS, in_batch_loss
from huohou.record.finding import Evidence
from huohou.record.record import Figure, Record

NEAR = 0.01  # a part of ln N
ENOUGH = 30  # questions; fewer cannot tell chance from a good model
EXPECTED = 5  # right ones by chance; where fewer are expected one score cannot tell
LESS = 0.1  # of it: less is nothing where the evaluation loss fell
SLIGHT = 0.3  # of what is left above chance: less is little for a training
EVALS = 3
WORSE = 0.1  # above ln N: surer of what is not so
FAR = 0.25  # and this much where training and evaluation both are
GAIN = 0.05  # of the first evaluation loss: something was learnt
UPDATES = 20  # before that even a sound run ranks no better than it began,
SHORT = 0.5  # nor before so much of what was planned is done; nor is a score of before that one

BATCH = {"loss_kind": "in-batch", "batch_size": 32}
_SERIES = run(loss=falling(0.1, 0.05, n=5), epochs=5).series


def _report(hits: int, when: str = "", **facts: object) -> Record:
    figures = (Figure("accuracy@1", hits / 60, f"{hits}/60", None, hits, 60, when),)
    return Record({"path": "report"}, _SERIES, {**SIX, **facts}, figures=figures)


@rule(
    "at-chance",
    severity="error",
    cause=Cause.DATA,
    needs=(Need("embedding"),),
    explains=("loss-stuck", "undertrained", "overfit", "memorised"),
    fires=(
        run(loss=line(3.52, 3.46, n=30), facts=BATCH),
        run(loss=falling(3.5, 2.9, rate=1.0), evals=[3.47, 3.5, 3.6, 3.8], facts=BATCH),
        _report(11),
        run(
            loss=line(1.0, 2.0, n=30, noise=0.3),
            evals=[2.4, 1.2, 2.6, 1.0],
            facts={"loss_kind": "logistic"},
        ),
        run(
            loss=line(1.4, 1.1, n=30),
            more={"eval_cosine_accuracy": [0.48, 0.51, 0.49] * 10},
            facts={"eval_rows": 300},
        ),
    ),
    quiet=(
        run(loss=falling(3.4, 0.4), evals=[3.0, 2.0, 1.5, 1.4], facts=BATCH),
        run(loss=line(3.52, 3.30, n=30), facts=BATCH),
        run(loss=line(3.52, 3.46, n=30), facts={"batch_size": 32}),
        run(
            loss=line(3.50, 3.45, n=30),
            more={"eval_cosine_accuracy@1": [0.3, 0.5, 0.6]},
            facts=BATCH,
        ),
        _report(25),
        run(
            loss=falling(1.4, 0.4, n=30),
            evals=[0.9, 0.7, 0.6, 0.5],
            facts={"loss_kind": "logistic"},
        ),
        _report(11, when="before"),
        run(
            loss=line(1.4, 1.1, n=30),
            more={"eval_cosine_accuracy": [0.48, 0.51, 0.49]},
            facts={"eval_rows": 300},
        ),
        run(loss=line(1.4, 1.1, n=30), more={"eval_cosine_accuracy": [0.48, 0.51, 0.49]}),
    ),
)
def at_chance(case: Case) -> Outcome:
    """A contrast among N candidates costs ln N when the model guesses. It is said when the last
    third of the training losses lies at ln N, within 1 % or the noise of its mean, or when the
    lowest evaluation loss lies at ln N or up to 10 % above it (25 % where training ends there,
    too). N is the batch times one more than the negatives of each question; an evaluation whose
    batch size is not known is held against that of training, and only where its loss did not fall
    by 5 % or that of training ends there. It is said, too, when the 95 % interval (Wilson) of the
    share of right first places after training holds what guessing brings, from 30 questions on, and
    no other score wins 30 % of what is left above chance; where fewer than 5 right ones would be
    expected by chance every score must hold it, and the evaluation loss may not fall. Where the
    evaluation loss fell below that of guessing, the share of right first places must have won less
    than 10 % of what is left. Where the candidates that are told may be those of the batch, two
    scores must be no better than guessing among them. A logistic loss says it that is above 0.76,
    10 % more than no answer at all costs, in the second half of the training and at every
    evaluation, and did not fall. Not of a run that made fewer than 20 updates or half of those
    planned, nor by a score of before half of it was done. Scores far above guessing refute it.
    """
    if case.is_short_of(SHORT) or (case.updates is not None and case.updates < UPDATES):
        return None
    told_of = [one for one in seen(case) if one.when != "before"]
    if stuck_at_margin(case) or any(beats_guessing(case, one) for one in told_of):
        return None
    found = [one for one in told_of if _is_late(case, one)]
    tests = [test for one in found if (test := _score(case, one, ranked(case)))]
    facts = [test.fact for test in tests] if _guesses(case, tests) else []
    if not tests and not too_early(case):
        facts = [test.fact for test in _among_told(case, found)]
    if not facts and not (tests or too_early(case)):
        facts = [*_training(case), *_evaluation(case)]
    if not facts and not too_early(case):
        facts = [*_worse_than_a_coin(case)]
    if facts:
        advice = [at_chance.advice(key) for key in ("pairs", "overfit_ten", "scale")]
        return at_chance.finding(facts, advice)
    if not tests and not contrasts(case) and kind(case) != "margin":
        return Need("fact:candidates")
    return None


def _is_late(case: Case, found: Seen) -> bool:
    """Whether a score was taken when the run had done half of its updates, as far as is known."""
    step = found.point.step if found.point else None
    return step is None or case.updates is None or step >= SHORT * case.updates


def _training(case: Case) -> Iterator[Evidence]:
    values = case.losses
    if len(values) < POINTS:
        return
    end = tail(values)
    spread = 2 * noise(end) / math.sqrt(len(end))
    for n in contrasts(case):
        constant = in_batch_loss(n)
        if abs(level(end) - constant) <= max(NEAR * constant, min(spread, 2 * NEAR * constant)):
            yield at_chance.evidence(
                "loss", case.loss[-1], level=level(end), n=n, constant=constant
            )
            return


def _evaluation(case: Case) -> Iterator[Evidence]:
    values = case.evals.values.tolist()
    if len(values) < EVALS:
        return
    known = told(case, "eval_batch_size") is not None or not _falls(values)
    low, end = min(values), level(tail(case.losses)) if case.loss else 0.0
    for n in _evaluated(case):
        constant = in_batch_loss(n)
        guesses = 1 - NEAR <= end / constant <= 1 + FAR
        trained = guesses and not _falls(case.losses)  # training guesses, too
        if 1 - NEAR <= low / constant <= 1 + (FAR if trained else WORSE) and (known or trained):
            yield at_chance.evidence("evals", case.evals[-1], low=low, n=n, constant=constant)
            return


def _worse_than_a_coin(case: Case) -> Iterator[Evidence]:
    """A logistic loss that ends, in training and in the evaluation, above that of no answer."""
    values, evals = case.losses, case.evals.values.tolist()
    if kind(case) != "logistic" or len(values) < POINTS or len(evals) < EVALS:
        return
    begins, ends = level(values[: len(values) // 3]), level(tail(values))
    low = min(level(values[len(values) // 2 :]), ends)
    if min(low, *evals) > (1 + WORSE) * COIN_LOSS and not _falls([begins, ends]):
        yield at_chance.evidence("coin", case.loss[-1], level=low, low=min(evals))


def _evaluated(case: Case) -> tuple[int, ...]:
    """Candidates that the evaluation loss may be over."""
    known, batch = contrasts(case), told(case, "eval_batch_size")
    trained = told(case, "batch_size")
    if not known or not batch or not trained:
        return known
    return tuple(n for n in (round(k * batch / trained) for k in known) if n >= 2)


def _gains(case: Case) -> bool:
    """Whether the evaluation loss came down, and below that of guessing where that is known."""
    values, known = case.evals.values.tolist(), _evaluated(case)
    if len(values) < EVALS or not _falls(values):
        return False
    if margin := told(case, "margin"):
        return bool(values[-1] < (1 - 2 * GAIN) * margin)
    return not known or values[-1] < (1 - GAIN) * in_batch_loss(min(known))


def _falls(values: list[float]) -> bool:
    return values[-1] < (1 - GAIN) * values[0]


@dataclass(frozen=True, slots=True)
class Tested:
    """A score beside chance. holds: whether its interval holds chance; gain: of what is left above
    chance, the part that was won; hits: right ones that guessing would bring."""

    fact: Evidence
    k: int
    holds: bool
    gain: float
    hits: float


def _guesses(case: Case, tests: list[Tested]) -> bool:
    """Whether the first place is guessed, and the others bring little more."""
    if not tests:
        return False
    first = min(tests, key=lambda test: test.k)
    if not first.holds or any(test.gain >= SLIGHT for test in tests):
        return False
    if _gains(case) and first.gain >= LESS:
        return False
    return first.hits >= EXPECTED or (all(test.holds for test in tests) and not _gains(case))


def _among_told(case: Case, found: list[Seen]) -> list[Tested]:
    """Scores that are all what guessing brings among the candidates that are told, though these may
    be meant of the batch: of one score that may be chance, not of two."""
    candidates = told(case, "candidates")
    if not candidates or _gains(case):
        return []
    tests = [test for one in found if (test := _score(case, one, int(candidates)))]
    guesses = all(test.holds and test.gain <= 0 for test in tests)
    return tests if guesses and len({test.k for test in tests}) > 1 else []


def _score(case: Case, found: Seen, of: int | None) -> Tested | None:
    measure, n = found.what.measure, found.n
    if measure not in ("accuracy", "recall", "pair") or n is None or n < ENOUGH:
        return None
    candidates = 2 if measure == "pair" else of
    if candidates is None or found.what.k >= candidates:
        return None
    chance, _ = guessed("accuracy", found.what.k, candidates)
    low, high = wilson(min(max(found.value, 0.0), 1.0) * n, n)
    fact = at_chance.evidence(
        "score",
        name=found.name,
        told=percent(found.value),
        n=n,
        low=percent(low),
        high=percent(high),
        chance=percent(chance),
    )
    gain = (found.value - chance) / (1 - chance)
    return Tested(fact, found.what.k, low <= chance, gain, n * chance)
