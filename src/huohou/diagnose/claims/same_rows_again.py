"""Rows that were trained on are to be evaluated again, to see the progress."""

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim


@claim(
    "same-rows-again",
    verdict="wrong",
    says=(
        r"评估|评测|测试|evaluat|\bscore|measure|\btest",
        r"(?:相同|同样|同一批?|原来|这)(?:的)?\s*[\d一二三四五六七八九十]*\s*个?.{0,8}(?:qa|问|"
        r"样本|数据|题|集)|"
        r"\b(?:the same|those|these)\b.{0,12}(?:\d+|questions|rows|queries|samples|set|pairs)",
        r"重新|再|again|\bre-?\w|对比|compare|once more|same|相同",
    ),
    fires=(
        "Evaluate again on the same 50 questions and compare before and after.",
        "Re-run the evaluation on those 50 queries",
        "在相同的50个问题上重新评估",
        "用同样的样本再评测一次，对比训练前后",
    ),
    quiet=(
        "Evaluate on 50 new questions that were never trained on.",
        "The evaluation takes six seconds.",
        "在全新的50个问题上评估",
        "重新训练模型",
    ),
    source="Dwork et al. (2017), Guilt-free data reuse: a holdout that shaped the model is none",
)
def same_rows_again(case: Case) -> str | None:
    hard = case.record.facts.get("hard_cases") or {}
    count, of = hard.get("count"), hard.get("of")
    if not hard.get("trained") or count is None:
        return same_rows_again.say("wanted")
    if count == 0:
        return None
    if not of:
        return same_rows_again.say("some", n=count)
    return same_rows_again.say("numbers", n=count, of=of, percent=100 * count / of)
