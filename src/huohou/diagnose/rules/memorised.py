"""The training answers are known by heart."""

import math
import re

from huohou.diagnose.case import Case
from huohou.diagnose.choice import fewer_passes
from huohou.diagnose.curves import level, valley
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule, show
from huohou.record.finding import Finding, Severity

PASSES = 5
FEWER = 4  # passes to train next
BY_HEART = 0.95  # mean probability of a token of the answer
FEWEST = 2  # values: what two say of a run after many passes is what twenty say
PURPOSE = re.compile(r"overfit|one[ _-]?batch|sanity|smoke", re.IGNORECASE)
GAP = 1.0  # nats between evaluation and training loss
MANY = 20  # passes, for embeddings,
RISING = 3  # evaluations that show that their loss rises, to
RISEN = 1.2  # times its lowest,
NOISES = 2  # and by so many noises
TIMES = 3  # and the evaluation loss so many times that of training
KNOWN = 0.2  # nats: of a training loss below this, where that of the evaluation is
MULTIPLE = 10  # times as high,
OFTEN = 3  # by so many evaluations, and has won less than
WON = 0.2  # of its first value
STEADY = 0.97  # of its lowest before: it no longer falls


@rule(
    "memorised",
    severity="warning",
    cause=Cause.DURATION,
    needs=(Need("loss", FEWEST), Need("epochs")),
    explains=("undertrained",),
    fires=(
        run(loss=[0.0015, 0.0008], epochs=175),
        run(loss=falling(2.0, 0.0008), epochs=175),
        run(loss=falling(2.0, 0.02), evals=[1.4, 1.5, 1.6], epochs=10),
        run(loss=falling(0.2, 1e-4), epochs=96, facts={"margin": 0.2}),
        run(loss=falling(2.0, 0.003), evals=[1.4, 1.8, 2.4, 2.9], epochs=1),
        run(loss=line(0.2, 0.06, noise=0.3), evals=[1.9, 1.8, 1.85, 1.9, 1.9], epochs=4),
        run(loss=falling(5.0, 0.002, rate=8), evals=[3.6], epochs=3),
    ),
    quiet=(
        run(loss=[0.0015, 0.0008], epochs=2),
        run(loss=[0.15, 0.08], epochs=175),
        run(loss=falling(2.0, 0.0008), epochs=2),
        run(loss=falling(2.0, 0.003), evals=[1.4, 1.3, 1.25, 1.2], epochs=1),
        run(loss=falling(2.0, 0.003), evals=[0.4, 0.5, 0.6, 0.7], epochs=1),
        run(loss=falling(2.0, 0.3), epochs=175),
        run(loss=line(0.2, 0.06, noise=0.3), evals=[0.5, 0.4, 0.38, 0.36, 0.36], epochs=4),
        run(loss=falling(2.0, 0.06), evals=[2.3, 1.9, 1.6, 1.4, 1.3], epochs=4),
        run(loss=falling(2.0, 0.02), evals=[1.0, 0.3, 0.05, 0.03], epochs=12),
        run(loss=falling(2.0, 0.01)),
        run(loss=falling(5.0, 0.002, rate=8), evals=[0.6], epochs=3),
        run(loss=falling(2.0, 0.01), epochs=10, facts={"loss_kind": "in-batch"}),
    ),
)
def memorised(case: Case) -> Finding | None:
    """After more than 5 passes each token of the training answers is predicted with a mean
    probability above 0.95: exp(-loss). That says the optimiser has converged, nothing of new
    questions. It is not said where an evaluation loss is within 1 nat of the training loss:
    then unseen rows are answered too, or they are in the training data. Of embeddings, whose
    loss may near 0 without any text being known by heart, it is said after more than 20 passes,
    where an evaluation loss is not there or more than three times as high. A loss that low
    after fewer passes is called so where the evaluation loss has risen by a fifth of its lowest
    meanwhile: then rows are in the file many times. However few the passes, it is said where
    the training loss is below 0.2 nats, that of the evaluation 10 times as high and a nat above
    it, by 3 evaluations or more, which have won less than a fifth and fall no more: these rows
    were known before, or are there many times. Where the name of the run says that a batch is
    to be overfitted, as a test of the set-up, it is information. With one or two evaluations it
    is said where the last is a fifth worse than the training rows were in the first fifth of
    the run, when they were as new, ten times as high as their loss now and a nat above it.
    """
    passes, values = case.epochs, case.losses
    if passes is None or len(values) < FEWEST or case.objective == "reward":
        return None
    end = level(values[-max(3, len(values) // 20) :])
    apart = _apart(case, end) or _no_better(case, end)
    if passes <= PASSES and not (apart or _forgets(case)):
        return None
    if end < 0 or (end > -math.log(BY_HEART) and not apart):
        return None
    evals = case.evals
    if case.embedding:
        if passes <= MANY or (evals and evals[-1].value < TIMES * max(end, 1e-6)):
            return None
    elif evals and evals[-1].value - end < GAP:
        return None
    last = case.loss[-1]
    facts = [memorised.evidence("passes", last, passes=passes)]
    if case.objective == "likelihood" and not case.embedding:
        facts.append(memorised.evidence("token", probability=math.exp(-end)))
    facts.append(memorised.evidence("eval", evals[-1]) if evals else memorised.evidence("no_eval"))
    advice = [memorised.advice("held_out"), memorised.advice("earlier")]
    advice.append(memorised.advice("shorter", set=fewer_passes(case, FEWER)))
    severity: Severity = "warning"
    if _on_purpose(case):
        facts, severity = [memorised.evidence("purpose"), *facts], "info"
    return memorised.finding(facts, advice, severity, passes=show(passes), loss=end)


def _apart(case: Case, end: float) -> bool:
    """Whether the rows of the training are known while nothing is learnt for others: a loss many
    times lower than theirs, which hardly moved."""
    values: list[float] = case.evals.values.tolist()
    if len(values) < OFTEN or case.embedding or not 0 <= end < KNOWN:
        return False
    last = level(values[-OFTEN:])
    still = last > (1 - WON) * values[0] and values[-1] > STEADY * min(values[:-1])
    return last >= MULTIPLE * end and last - end >= GAP and still


def _no_better(case: Case, end: float) -> bool:
    """Whether rows that were not trained on are answered worse at the end than those of the
    training were early, when they were as new, though by now these are known by heart."""
    values, losses = case.evals.values, case.loss
    if not 0 < len(values) < OFTEN or case.embedding or not 0 < end < KNOWN:
        return False
    early = losses.values[: max(FEWEST, len(losses) // 5)]
    new = float(level(early[len(early) // 2 :]))
    last = float(values[-1])
    return last >= MULTIPLE * end and last - end >= GAP and last >= RISEN * new


def _forgets(case: Case) -> bool:
    """Whether the evaluation loss has risen far from its lowest to the end, and beyond noise."""
    values: list[float] = case.evals.values.tolist()
    if len(values) < RISING or case.embedding:
        return False
    fit = valley(values)
    return fit.settled >= RISEN * fit.low > 0 and fit.rise(fit.settled) > NOISES


def _on_purpose(case: Case) -> bool:
    """Whether the run says that a batch is to be learnt by heart, to test a set-up."""
    facts = case.record.facts
    said = " ".join(str(facts.get(name, "")) for name in ("name", "run_name", "purpose"))
    return bool(PURPOSE.search(said))
