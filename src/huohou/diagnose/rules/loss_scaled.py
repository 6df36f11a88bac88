"""The training loss is a multiple of what it is: the sum over the micro-batches of an update."""

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling, run
from huohou.diagnose.lag import train_at
from huohou.diagnose.rule import Cause, Need, Outcome, rule, show
from huohou.diagnose.settings import amount

EVALS = 2
NEAR = 0.15  # the ratio of the losses lies within this part of the number of micro-batches

LOSS = falling(2.0, 1.0, n=40)
EVAL = [1.3, 1.15, 1.05, 1.02]
FOUR = {"gradient_accumulation": 4}


@rule(
    "loss-scaled",
    severity="info",
    cause=Cause.WATCHING,
    needs=(Need("eval_loss", EVALS), Need("loss", 10), Need("fact:gradient_accumulation")),
    explains=("loss-above-uniform",),
    fires=(run(loss=[4 * v for v in LOSS], evals=EVAL, facts=FOUR),),
    quiet=(
        run(loss=LOSS, evals=EVAL, facts=FOUR),
        run(loss=[4 * v for v in LOSS], evals=EVAL, facts={"gradient_accumulation": 8}),
        run(loss=LOSS, evals=EVAL, facts={"gradient_accumulation": 1}),
    ),
)
def loss_scaled(case: Case) -> Outcome:
    """The training loss is as many times the evaluation loss as there are micro-batches in an
    update, to within 15 %, at the first evaluation and at the middle one: it was summed instead of
    averaged. The last evaluation is left out, for the last update of a pass may have fewer of them.
    Gaps between the two losses mean nothing then, and nor do their absolute values.
    """
    pieces = amount(case, "gradient_accumulation")
    if not pieces or pieces < 2 or len(case.evals) < EVALS or case.objective != "likelihood":
        return None
    evals = case.evals.values
    if (evals <= 0).any():
        return None
    ratios = train_at(case.loss, case.evals) / evals
    asked = np.array([ratios[0], np.median(ratios[:-1])])
    if not (np.abs(asked / pieces - 1) <= NEAR).all():
        return None
    facts = [loss_scaled.evidence("ratio", case.evals[0], ratio=show(float(ratios[0])))]
    return loss_scaled.finding(facts, [loss_scaled.advice("upgrade")], pieces=int(pieces))
