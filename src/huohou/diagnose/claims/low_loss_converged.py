"""A very low loss after very many epochs taken for good convergence."""

import math

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim

PASSES = 5
BY_HEART = 0.05  # nats: a mean probability of a token of 0.95


@claim(
    "low-loss-converged",
    verdict="wrong",
    says=(
        r"loss|损失|epoch|轮|模型|training|model",
        r"收敛.{0,4}(?:良好|很?好|充分|稳定)|持续收敛|充分(?:学习|训练)|(?:训练|"
        r"拟合)效果.{0,3}(?:越?好|良好)|"
        r"converge\w* .{0,12}(?:well|good|nicely|fully)|well[- ]converged|good convergence|"
        r"fully (?:trained|learn)|has learn(?:ed|t) the data",
    ),
    unless=r"不|没有|未|\bnot\b|n't|poor",
    fires=(
        "After 175 epochs the loss is 0.0008: the model has converged well.",
        "Many epochs, so the model is fully trained",
        "训练了很多轮，模型已充分学习",
        "loss 持续下降，模型收敛良好",
    ),
    quiet=(
        "The model has not converged well.",
        "The loss is 0.0008 at epoch 175.",
        "模型没有收敛，损失不稳定",
        "第175轮的loss为0.0008",
    ),
    source="Muennighoff et al. (2023), arXiv 2305.16264: after about 4 passes rows teach little",
)
def low_loss_converged(case: Case) -> str | None:
    passes = case.epochs
    if passes is None or passes <= PASSES or not case.losses or not 0 <= case.losses[-1] < BY_HEART:
        return None
    fields = {"passes": passes, "loss": case.losses[-1], "chance": math.exp(-case.losses[-1])}
    tokens = [p for p in case.course("num_input_tokens_seen") if p.epoch and p.value > 0]
    each = tokens[-1].value / float(tokens[-1].epoch or 1) if tokens else math.inf
    if math.isfinite(each):
        each = round(each)
        return low_loss_converged.say("tokens", each=f"{each:,}", **fields)
    return low_loss_converged.say("numbers", **fields)
