"""No overfitting is claimed of a run that nothing was evaluated in."""

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim


@claim(
    "no-overfit-unseen",
    verdict="unproven",
    says=(r"(?:无|没有|未见|不存在|没).{0,8}过拟合|(?:\bno\b|\bnot\b|without|n't).{0,24}overfit",),
    unless=r"无法|如果|\bif\b|避免|avoid|prevent|防止",
    fires=(
        "The loss falls steadily, no sign of overfitting.",
        "It does not overfit",
        "Loss持续下降，没有过拟合",
        "训练稳定，无过拟合迹象",
    ),
    quiet=(
        "The run overfits.",
        "Use dropout to prevent overfitting, not more epochs.",
        "出现了过拟合",
        "为避免过拟合，没有增加轮数",
    ),
    source="overfitting is a difference between trained and unseen rows: it takes both",
)
def no_overfit_unseen(case: Case) -> str | None:
    if case.evaluations or not case.losses:
        return None
    return no_overfit_unseen.say("numbers", n=len(case.losses))
