"""fp16 overflows or underflows: updates are left out, or the gradient is lost among its digits."""

import re

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, where
from huohou.diagnose.settings import amount, dtype
from huohou.record.finding import Evidence

FIRST = 0.1  # of the run: there the loss scale is still looked for
FEW = 2  # overflows after that are usual: the scale is tried higher every 2000 updates
SHARE = 0.02  # of the lines
HALVES = ("fp16", "float16", "torch.float16", "half")
# What is kept over updates, by the name of its format; not what is stored, read or answered in.
KEPT = re.compile(
    r"^(?:trained|optim\w*|opt|adam\w*|state|moment\w*|master\w*|grad\w*|update|adapter|lora"
    r"|reduce|accum\w*)_(?:\w+_)?dtype$"
)
SMALL = 1e-3  # a gradient norm: divided among the weights, below the numbers that fp16 has
ALIVE = 0.1  # a loss above this has a gradient
LINES = 5  # of the gradient norm

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
    explains=("nothing-trains", "loss-stuck", "undertrained", "lr-too-low"),
    fires=(
        run(loss=LOSS, grad_norm=BROKEN, facts=HALF),
        run(loss=LOSS, grad_norm=NORMS, facts={**HALF, "trained_dtype": "fp16"}),
        run(loss=LOSS, facts={**HALF, "trained_dtype": "float16"}),
        run(loss=LOSS, facts={**HALF, "optimizer_dtype": "fp16"}),
        run(loss=LOSS, facts={**HALF, "grad_scaler": False}),
        run(loss=LOSS, grad_norm=[2e-5] * 60, facts=HALF),
        run(loss=[2.3] * 60, grad_norm=[0.0] * 60, facts=HALF),
        run(loss=LOSS, facts=HALF, loss_scale=[65536.0 / 4**i for i in range(9)]),
    ),
    quiet=(
        run(loss=LOSS, grad_norm=NORMS, facts=HALF),
        run(loss=LOSS, grad_norm=[INF, INF, *NORMS[2:]], facts=HALF),
        run(loss=LOSS, grad_norm=[*NORMS[:30], INF, *NORMS[31:]], facts=HALF),
        run(loss=LOSS, grad_norm=BROKEN, facts={"dtype": "bf16"}),
        run(loss=LOSS, facts={"dtype": "bf16"}),
        run(loss=LOSS, facts={**HALF, "optimizer_dtype": "fp32", "embedding_dtype": "fp16"}),
        run(loss=LOSS, grad_norm=[2e-5] * 60, facts={"dtype": "bf16"}),
        run(loss=falling(2.0, 0.001, n=60), grad_norm=falling(2.0, 1e-5, n=60), facts=HALF),
        run(loss=LOSS, grad_norm=NORMS, facts=HALF, loss_scale=[65536.0, 32768.0, 65536.0]),
    ),
)
def fp16_risk(case: Case) -> Outcome:
    """fp16 knows no number above 65504. A loss scale that is found anew leaves out a few
    updates at the start, and one now and then: these are no fault. More than two gradient norms
    that are infinite or NaN after the first tenth of the run, and more than 2 % of them, say
    that values of the model itself overflow. So does a loss scale that was halved down to 1 or
    below. The other end: fp16 knows nothing below 6e-8 and loses digits below 6e-5. A gradient
    norm that is below a thousandth in the first third of a run whose loss is above 0.1 means
    that there is no loss scale or too small a one, and that single gradients are rounded to
    nothing; a norm of 0 is the end of that. Weights that are trained in fp16 have no scale at
    all, and updates smaller than a thousandth of a weight are lost. A run whose loss is NaN is
    ``nan-loss``. So it is of the state of the optimizer, of gradients or of master weights that
    are kept in fp16, and of fp16 for which no loss scale, or one of 1, is set.
    """
    kept = _kept_in_half(case)
    if dtype(case) is None and "trained_dtype" not in case.record.facts and not kept:
        return Need("fact:dtype")
    facts: list[Evidence] = []
    if "trained_dtype" in kept:
        facts.append(fp16_risk.evidence("trained"))
    others = [name for name in kept if name != "trained_dtype"]
    facts += [fp16_risk.evidence("kept", names=", ".join(others))] if others else []
    if dtype(case) == "fp16" and _no_scale(case):
        facts.append(fp16_risk.evidence("no_scale"))
    if dtype(case) == "fp16":
        facts += [*_overflows(case), *_underflows(case), *_scale(case)]
    if not facts:
        return None
    advice = [fp16_risk.advice("bf16"), fp16_risk.advice("fp32", set={"train.dtype": "float32"})]
    return fp16_risk.finding(facts, advice)


def _kept_in_half(case: Case) -> list[str]:
    """Settings by which what updates are made from or added to (weights, the state of the
    optimizer, gradients) is kept in fp16."""
    facts = case.record.facts
    names = sorted(name for name in facts if name.endswith("dtype") and KEPT.search(name))
    return [name for name in names if str(facts[name]).lower() in HALVES]


def _no_scale(case: Case) -> bool:
    """Whether the settings say that no loss scale is used, or one of 1."""
    facts = case.record.facts
    off = any(
        facts.get(name) is False for name in ("grad_scaler", "use_grad_scaler", "loss_scaling")
    )
    fixed = amount(case, "loss_scale")
    return off or (fixed is not None and 0 < fixed <= 1)


def _overflows(case: Case) -> list[Evidence]:
    norms = case.course("grad_norm")
    bad = np.flatnonzero(~np.isfinite(norms.values))
    late = bad[bad >= FIRST * len(norms)]
    if len(late) <= max(FEW, SHARE * len(norms)):
        return []
    first = norms[int(late[0])]
    n, of = len(late), len(norms)
    return [fp16_risk.evidence("overflows", n=n, of=of, place=where(first))]


def _underflows(case: Case) -> list[Evidence]:
    """A gradient so small while the loss is high that fp16 has no digits left for its parts."""
    norms, losses = case.finite("grad_norm"), case.losses
    if len(norms) < LINES or not losses or case.objective == "reward":
        return []
    early = norms.values[: max(LINES, len(norms) // 3)]
    if not level(early) < SMALL or level(losses[: max(LINES, len(losses) // 3)]) < ALIVE:
        return []
    zero = int((norms.values == 0).sum())
    return [
        fp16_risk.evidence("underflows", norms[0], level=level(early), zero=zero, of=len(norms))
    ]


def _scale(case: Case) -> list[Evidence]:
    """A loss scale that overflow after overflow has brought down to nothing."""
    for name in ("loss_scale", "grad_scale", "scaler_scale"):
        scales = case.finite(name)
        if len(scales) >= LINES and scales[-1].value <= 1 < scales[0].value:
            return [fp16_risk.evidence("scale", scales[-1], first=scales[0].value)]
    return []
