"""The loss is higher than guessing all tokens alike would give."""

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.settings import amount
from huohou.measure.reference import uniform_loss

ABOVE = 0.3  # nats above ln(vocabulary): weights drawn at random begin a little above it
FAR_ABOVE = 1.7  # the same of a run that has come far below it: the rows are of another kind
NEAR = 0.85  # of ln(vocabulary)
HEAD = 3

SMALL = {"vocabulary": 1000}  # ln 1000 = 6.91


@rule(
    "loss-above-uniform",
    severity="error",
    cause=Cause.DATA,
    needs=(Need("loss", HEAD),),
    explains=("undertrained",),
    fires=(
        run(loss=falling(9.8, 3.0), facts=SMALL),
        run(loss=line(7.5, 7.3), facts=SMALL),
    ),
    quiet=(
        run(loss=falling(7.05, 3.0), facts={"vocab_size": 1000}),
        run(loss=falling(2.0, 1.0), facts=SMALL),
        run(loss=line(3.0, 9.0), facts=SMALL),
    ),
    source="Cross-entropy of a uniform guess is ln(vocabulary)",
)
def loss_above_uniform(case: Case) -> Outcome:
    """A model that knows nothing and says so has a loss of ln(vocabulary); a pretrained one starts
    far below. First losses more than 0.3 nats above it (1.7 nats where the run then came below 0.85
    times it: such rows were only new) mean that the model is sure of the wrong thing: labels
    shifted twice, another tokenizer, a broken template, weights that do not belong together. A loss
    that begins below and rises above it has left what was known: that is the learning rate.
    """
    size = amount(case, "vocab_size") or amount(case, "vocabulary")
    if not size or size < 1:
        return Need("fact:vocabulary")
    bound = uniform_loss(int(size))
    values = case.losses
    if len(values) < HEAD or case.objective != "likelihood":
        return None
    far = level(values[-max(HEAD, len(values) // 10) :]) < NEAR * bound  # it has been learnt since
    limit = bound + (FAR_ABOVE if far else ABOVE)
    if min(values[0], level(values[:HEAD])) <= limit:
        return None
    worst = case.loss[0]
    facts = [loss_above_uniform.evidence("bound", worst, bound=bound)]
    advice = [loss_above_uniform.advice(key) for key in ("labels", "tokenizer", "rate")]
    return loss_above_uniform.finding(facts, advice, loss=worst.value, bound=bound)
