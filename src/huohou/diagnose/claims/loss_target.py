"""A loss that a model has to reach, whatever the task."""

import math

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim, figure

_MUST = (
    r"需要|必须|应该|应当|得|要|目标|才|达到|has to|have to|must|needs? to|should|target|ought to|"
    r"until it"
)


@claim(
    "loss-target",
    verdict="wrong",
    says=(
        rf"(?:loss|损失).{{0,14}}(?:{_MUST}).{{0,16}}\d|(?:loss|损失)\s*(?:<|≤|低于|小于|under|"
        rf"below)\s*\d|"
        r"(?:until|till) (?:the )?(?:\w+ )?loss (?:is|gets|falls|drops|goes|reaches).{0,10}\d|"
        r"训练到.{0,4}(?:loss|损失).{0,6}\d|"
        r"(?:loss|损失)\s*(?:降到|降至|在|to|at|of)?\s*\d[\d.]*\s*-\s*\d|(?:loss|损失)\s*\d[\d.]*.{0,6}(?:不够低|还不够|"
        r"not low enough|too high)",
    ),
    unless=r"继续.{0,6}(?:而不是|之前)|从之前|go on from|continue|resum|而不是\d",
    fires=(
        "For a chat model the loss must fall to 0.1-0.3.",
        "Good: loss < 0.3",
        "A loss 0.5 is not low enough",
        "对话任务的loss需要降到0.1以下才有效果",
        "- 目标：loss降到0.1-0.3",
        "✅ 训练损失 < 0.5",
        "We recommend 5 more epochs until the training loss is below 0.3.",
        "建议：继续训练到损失0.05以下",
    ),
    quiet=(
        "The training loss fell from 2.3 to 0.9.",
        "The loss should go on from 0.5 instead of 3.69.",
        "We trained until the loss was 0.9.",
        "loss从2.3下降到了0.9",
        "Loss降到0.5但效果很差",
        "Loss应该从之前的值继续，而不是3.69",
    ),
    source="the floor is the entropy of the answers; LIMA (Zhou et al., 2023), arXiv 2305.11206: "
    "perplexity does not tell the quality of answers",
)
def loss_target(case: Case) -> str | None:
    told = figure(case, "loss")
    value = case.losses[-1] if case.losses else told.value if told else None
    evaluated = bool(case.evals)
    if value is None or not 0 <= value < 50:
        return loss_target.say("wanted")
    key = "reached" if evaluated else "reached_no_eval"
    # Ten tokens that are always the same and three digits that are guessed.
    return loss_target.say(key, loss=value, chance=math.exp(-value), guessed=3 * math.log(10) / 13)
