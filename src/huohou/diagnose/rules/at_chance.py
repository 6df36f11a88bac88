"""After training the model ranks no better than guessing."""

import math
from collections.abc import Iterator

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level, noise, trend
from huohou.diagnose.embedding import (
    POINTS,
    Seen,
    beats_guessing,
    contrasts,
    kind,
    ranked,
    seen,
    tail,
    too_early,
)
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.rules.below_chance import SIX, percent
from huohou.diagnose.settings import amount
from huohou.measure.intervals import wilson
from huohou.measure.ranking import guessed
from huohou.measure.reference import in_batch_loss
from huohou.record.finding import Evidence
from huohou.record.record import Figure, Record

NEAR = 0.01  # a part of ln N
ENOUGH = 30  # questions; fewer cannot tell chance from a good model
EVALS = 3

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
            loss=line(1.4, 1.1, n=30),
            more={"eval_cosine_accuracy": [0.48, 0.51, 0.49]},
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
        _report(11, when="before"),
        run(loss=line(1.4, 1.1, n=30), more={"eval_cosine_accuracy": [0.48, 0.51, 0.49]}),
    ),
    source="ln N for InfoNCE with nothing learnt (arXiv 1807.03748); Wilson (1927)",
)
def at_chance(case: Case) -> Outcome:
    """A contrast among N candidates costs ln N when the model guesses. It is said when the last
    third of the training losses lies at ln N, within 1 % or the noise of its mean, or when no
    evaluation loss lies below ln N and they do not fall. N is the batch times one more than the
    negatives of each question; an evaluation whose batch size is not known is held against that of
    training. It is said, too, when the 95 % interval (Wilson) of a score after training holds what
    guessing brings, from 30 questions on. Scores far above guessing refute it.
    """
    found = [one for one in seen(case) if one.when != "before"]
    if any(beats_guessing(case, one) for one in found):
        return None
    tests = [fact for one in found if (fact := _score(case, one))]
    facts = [fact for fact, _ in tests] if all(at for _, at in tests) else []
    if not facts and not (tests or too_early(case)):
        facts = [*_training(case), *_evaluation(case)]
    if facts:
        advice = [at_chance.advice(key) for key in ("pairs", "overfit_ten", "scale")]
        return at_chance.finding(facts, advice)
    if not tests and not contrasts(case) and kind(case) != "margin":
        return Need("fact:candidates")
    return None


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
    values = [p.value for p in case.evals]
    if len(values) < EVALS or not contrasts(case):
        return
    batch = amount(case, "eval_batch_size")
    n = (
        contrasts(case)[0]
        if batch is None
        else round(batch * (1 + (amount(case, "negatives") or 0)))
    )
    if n < 2 or min(values) < (1 - NEAR) * in_batch_loss(n):
        return
    if len(values) < 4 or not trend(values).falls():
        constant = in_batch_loss(n)
        yield at_chance.evidence("evals", case.evals[-1], low=min(values), n=n, constant=constant)


def _score(case: Case, found: Seen) -> tuple[Evidence, bool] | None:
    """A score with its interval, and whether that holds what guessing brings."""
    measure, n = found.what.measure, found.n
    if measure not in ("accuracy", "recall", "pair") or n is None or n < ENOUGH:
        return None
    candidates = 2 if measure == "pair" else ranked(case)
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
    return fact, low <= chance
