"""A dead run that shows a loss of 0.0."""

import math

import numpy as np

from huohou.diagnose.case import Case, place
from huohou.diagnose.curves import last_stretch
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, rule, where
from huohou.record.finding import Finding

ZEROS = 3  # exact zeros in a row, up to the end
JUMP = 0.01  # a loss that was higher than this does not become 0.0 by learning

NAN = math.nan


@rule(
    "masked-nan",
    severity="error",
    cause=Cause.NUMBERS,
    needs=(Need("loss", ZEROS),),
    explains=(
        *("nothing-trains", "loss-stuck", "memorised", "undertrained", "lr-zero", "fp16-risk"),
        *("lr-too-high", "leak-suspected", "overfit", "worse-last-checkpoint"),
    ),
    fires=(
        run(loss=[2.1, 1.9, 0.0, 0.0, 0.0], grad_norm=[3.0, 9.0, NAN, NAN, NAN]),
        run(loss=[2.1, 1.9, 1.8, 0.0, 0.0, 0.0, 0.0]),
        run(loss=[0.0] * 6, grad_norm=[NAN] * 6),
    ),
    quiet=(
        run(loss=[0.5, 0.01, 0.0008, 0.0001, 0.0, 0.0, 0.0]),
        run(loss=[0.0, 0.0, 0.0, 0.0], grad_norm=[0.4, 0.3, 0.5, 0.4], reward=[0.1, 0.2, 0.2, 0.3]),
        run(loss=falling(2.0, 0.5)),
        run(loss=[2.1, 0.0, 0.0, 0.0, 1.9, 1.8]),
    ),
)
def masked_nan(case: Case) -> Finding | None:
    """The Trainer of transformers replaces a NaN by 0.0 before it logs a mean of losses, so that
    a run that died looks perfect. A memorised run reaches 0.0 too (four digits are logged), but
    by way of small values and with a gradient; rewards have losses near 0 and are left out.
    """
    losses = case.course("loss")
    zeros = losses[last_stretch(losses.values == 0.0) :]
    if len(zeros) < ZEROS or case.objective == "reward":
        return None
    before = losses[len(losses) - len(zeros) - 1] if len(zeros) < len(losses) else None
    norms = case.course("grad_norm")
    grads = norms.values[norms.places >= place(zeros[0])]
    dead = np.isnan(grads).sum() * 2 > len(grads)
    jumped = not len(grads) and (before is None or before.value > JUMP)
    if not dead and not jumped:
        return None
    facts = [masked_nan.evidence("zeros", zeros[0], n=len(zeros))]
    if before is not None:
        facts.append(masked_nan.evidence("before", before))
    if dead:
        facts.append(masked_nan.evidence("gradient"))
    advice = [masked_nan.advice("filter"), masked_nan.advice("precision")]
    if before is None:
        advice.insert(0, masked_nan.advice("labels"))
    return masked_nan.finding(facts, advice, where=where(zeros[0]))
