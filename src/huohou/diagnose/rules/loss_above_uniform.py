"""The loss is higher than guessing all tokens alike would give."""

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.rules.lr_too_low import AMPLE
from huohou.diagnose.settings import amount
from huohou.measure.reference import uniform_loss

ABOVE = 0.3  # nats above ln(vocabulary): weights drawn at random begin a little above it
FAR_ABOVE = 2.05  # the same of a run that has come far below it: the rows are of another kind
FAR = 1.7  # the same of one that has come to rest at this part of it:
HALFWAY = 0.45  # rows that are only new are learnt further by then
NEAR = 0.62  # of ln(vocabulary)
MOVED = 0.2  # of it: what moved less was not trained, and stands where it began
HEAD = 3
STILL = 0.1  # of the level of the last third: what fell by more since the third before still falls
LIVE = 0.01  # of its peak: the rate in the middle of a run that can learn
UPDATES = 20
RISES = 0.05  # two lines this far above the first: spoilt by the rate
MANY_TIMES = 3.0  # ln(vocabulary): no rate does that before the first update is made
SUMMED = 0.7  # of the number of micro-batches: so many times the evaluation loss is a sum of them

SMALL = {"vocabulary": 1000}  # ln 1000 = 6.91


@rule(
    "loss-above-uniform",
    severity="error",
    cause=Cause.DATA,
    needs=(Need("loss", HEAD),),
    explains=("undertrained", "lr-too-high"),
    fires=(
        run(loss=falling(9.8, 3.0), facts=SMALL),
        run(loss=line(9.5, 9.3), facts=SMALL),
        run(loss=falling(7.5, 5.2), facts=SMALL),
        run(loss=[2100.0, 2210.0, 2240.0, *falling(2200.0, 1650.0, n=30)], facts=SMALL, every=1),
    ),
    quiet=(
        run(loss=falling(7.05, 3.0), facts={"vocab_size": 1000}),
        run(loss=falling(2.0, 1.0), facts=SMALL),
        run(loss=line(7.5, 7.4), facts=SMALL),
        run(loss=falling(8.8, 1.2), facts=SMALL),
        run(
            loss=falling(10.4, 6.0),
            evals=[2.5, 2.1, 1.8, 1.6, 1.5],
            facts={**SMALL, "gradient_accumulation": 4},
        ),
        run(loss=line(3.0, 9.0), facts=SMALL),
        run(loss=falling(9.8, 4.6), facts={**SMALL, "gradient_accumulation": 2}),
    ),
)
def loss_above_uniform(case: Case) -> Outcome:
    """A model that knows nothing and says so has a loss of ln(vocabulary); a pretrained one starts
    far below. A first loss more than 2 nats above it, or 1.7 where the run has come to rest above
    0.45 times it, means that the model is sure of the wrong thing: labels shifted twice, another
    tokenizer, a broken template, weights that do not belong together. 0.3 nats are enough where the
    run was trained since and yet ends above 0.62 times it: rows that were only new are learnt by
    then. A loss that begins below and rises above it has left what was known: that is the learning
    rate. A loss that is a sum over micro-batches, or may be one for want of an evaluation beside
    it, is divided. A run that has not settled, whose rate was 0 from its middle on, or whose loss
    rises by 5 % before it falls says nothing of its rows: that is the learning rate, unless the
    very first update has more than 3 times ln(vocabulary) and the end is no higher: then the
    weights were broken before.
    """
    size = amount(case, "vocab_size") or amount(case, "vocabulary")
    if not size or size < 1:
        return Need("fact:vocabulary")
    bound = uniform_loss(int(size))
    pieces = _pieces(case)
    values = [value / pieces for value in case.losses]
    if len(values) < HEAD or case.objective != "likelihood":
        return None
    end = level(values[-max(HEAD, len(values) // 10) :])
    stuck = NEAR * bound <= end <= values[0] - MOVED * bound and _settled(
        case, values, NEAR * bound
    )
    rests = end >= HALFWAY * bound and _settled(case, values, HALFWAY * bound)
    if values[0] <= bound + (ABOVE if stuck else FAR if rests else FAR_ABOVE):
        return None
    if _spoilt(values) and not _broken(case, values, end, bound):
        return None
    worst = case.loss[0]
    facts = [loss_above_uniform.evidence("bound", worst, bound=bound)]
    advice = [loss_above_uniform.advice(key) for key in ("labels", "tokenizer", "rate")]
    return loss_above_uniform.finding(facts, advice, loss=values[0], bound=bound)


def _settled(case: Case, values: list[float], above: float) -> bool:
    """Whether the run had the updates and the rate to learn new rows, and has come to its end: one
    that still falls, or stands for want of a rate, says nothing of its rows."""
    third = len(values) // 3
    middle, end = level(values[third : 2 * third] or values), level(values[-max(third, 1) :])
    rates = case.finite("learning_rate").values
    moved = len(rates) < HEAD or rates[len(rates) // 2] > LIVE * rates.max()
    peak = case.peak_rate() or amount(case, "learning_rate")
    ample = peak is None or peak >= AMPLE or bool(amount(case, "lora_rank"))
    still = middle - end < STILL * end and min(middle, end) >= above
    return still and moved and ample and (case.updates or UPDATES) >= UPDATES


def _spoilt(values: list[float]) -> bool:
    """Whether the loss rises from its first value before it falls: what is learnt wrongly is
    unlearnt from the first update on, it is updates that are too large that raise it."""
    head = values[: max(HEAD, len(values) // 4)]
    return sum(value > (1 + RISES) * values[0] for value in head) >= 2


def _broken(case: Case, values: list[float], end: float, bound: float) -> bool:
    """Whether the loss before the first update is many times that of a guess already, and the run
    has not made it worse: the weights that it began with were not those that were trained."""
    first = case.loss[0].step
    early = first is not None and first <= 1
    return early and values[0] > MANY_TIMES * bound and end <= values[0]


def _pieces(case: Case) -> float:
    """Micro-batches that a logged loss may be summed over: by an evaluation that is nowhere near
    it, or for want of one."""
    pieces, evals = amount(case, "gradient_accumulation") or 1.0, case.evals.values
    if pieces >= 2 and not len(evals):
        return pieces  # it may be a sum of them, and nothing says that it is not
    if pieces < 2 or evals[0] <= 0 or len(case.loss) < HEAD:
        return 1.0
    near = case.near("loss", case.evals[0]) or case.loss[0]
    return pieces if near.value > SUMMED * pieces * float(evals[0]) else 1.0
