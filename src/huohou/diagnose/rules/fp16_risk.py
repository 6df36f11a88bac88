"""fp16 overflows: updates are left out, or the run is one large value away from NaN."""

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, where
from huohou.diagnose.settings import dtype
from huohou.record.finding import Evidence

FIRST = 0.1  # of the run: there the loss scale is still looked for
FEW = 2  # overflows after that are usual: the scale is tried higher every 2000 updates
SHARE = 0.02  # of the lines

INF = float("inf")
HALF = {"dtype": "fp16"}
NORMS = [1.0] * 60
BROKEN = [INF if i in (20, 31, 44, 55) else 1.0 for i in range(60)]
LOSS = falling(2.0, 1.0, n=60)


@rule(
    "fp16-risk",
    severity="warning",
    tier="config",
    cause=Cause.NUMBERS,
    needs=(),
    explains=("nothing-trains",),
    fires=(
        run(loss=LOSS, grad_norm=BROKEN, facts=HALF),
        run(loss=LOSS, grad_norm=NORMS, facts={**HALF, "trained_dtype": "fp16"}),
        run(loss=LOSS, facts={**HALF, "trained_dtype": "float16"}),
    ),
    quiet=(
        run(loss=LOSS, grad_norm=NORMS, facts=HALF),
        run(loss=LOSS, grad_norm=[INF, INF, *NORMS[2:]], facts=HALF),
        run(loss=LOSS, grad_norm=[*NORMS[:30], INF, *NORMS[31:]], facts=HALF),
        run(loss=LOSS, grad_norm=BROKEN, facts={"dtype": "bf16"}),
        run(loss=LOSS, facts={"dtype": "bf16"}),
    ),
    source="Micikevicius et al. (2018), Mixed Precision Training; PEFT: adapter weights in fp32",
)
def fp16_risk(case: Case) -> Outcome:
    """fp16 knows no number above 65504. A loss scale that is found anew leaves out a few updates at
    the start, and one now and then: these are no fault. More than two gradient norms that are
    infinite or NaN after the first tenth of the run, and more than 2 % of them, say that values of
    the model itself overflow. Weights that are trained in fp16 have no scale at all, and updates
    smaller than a thousandth of a weight are lost. A run whose loss is NaN is ``nan-loss``.
    """
    if dtype(case) is None and "trained_dtype" not in case.record.facts:
        return Need("fact:dtype")
    facts: list[Evidence] = []
    trained = str(case.record.facts.get("trained_dtype", ""))
    if trained in ("fp16", "float16", "torch.float16", "half"):
        facts.append(fp16_risk.evidence("trained"))
    if dtype(case) == "fp16":
        facts += _overflows(case)
    if not facts:
        return None
    advice = [fp16_risk.advice("bf16"), fp16_risk.advice("fp32", set={"train.dtype": "float32"})]
    return fp16_risk.finding(facts, advice)


def _overflows(case: Case) -> list[Evidence]:
    norms = case.course("grad_norm")
    bad = np.flatnonzero(~np.isfinite(norms.values))
    late = bad[bad >= FIRST * len(norms)]
    if len(late) <= max(FEW, SHARE * len(norms)):
        return []
    first = norms[int(late[0])]
    n, of = len(late), len(norms)
    return [fp16_risk.evidence("overflows", n=n, of=of, place=where(first))]
