"""The loss is higher than guessing all tokens alike would give."""

import math

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.measure.reference import uniform_loss
from huohou.record.finding import Finding

ABOVE = 0.1  # nats above ln(vocabulary)
HEAD = 3

SMALL = {"vocabulary": 1000}  # ln 1000 = 6.91


@rule(
    "loss-above-uniform",
    severity="error",
    cause=Cause.DATA,
    needs=(Need("loss", HEAD), Need("fact:vocabulary")),
    explains=("undertrained", "loss-stuck"),
    fires=(
        run(loss=falling(9.0, 3.0), facts=SMALL),
        run(loss=line(7.5, 7.3), facts=SMALL),
    ),
    quiet=(run(loss=falling(6.9, 3.0), facts=SMALL), run(loss=falling(2.0, 1.0), facts=SMALL)),
    source="Cross-entropy of a uniform guess is ln(vocabulary)",
)
def loss_above_uniform(case: Case) -> Finding | None:
    """A model that knows nothing and says so has a loss of ln(vocabulary); a pretrained one starts
    far below. First losses above it mean that the model is sure of the wrong thing: labels shifted
    twice, another tokenizer, a broken template, weights that do not belong together.
    """
    bound = uniform_loss(int(case.record.facts["vocabulary"]))
    values = case.losses
    if len(values) < HEAD or case.objective != "likelihood":
        return None
    first, last = level(values[:HEAD]), level(values[-HEAD:])
    if max(first, last) <= bound + ABOVE or not math.isfinite(bound):
        return None
    worst = case.loss[0] if first >= last else case.loss[-1]
    facts = [loss_above_uniform.evidence("bound", worst, bound=bound)]
    advice = [loss_above_uniform.advice(key) for key in ("labels", "tokenizer", "rate")]
    return loss_above_uniform.finding(facts, advice, loss=worst.value, bound=bound)
