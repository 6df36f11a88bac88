"""A share of hits among the first k praised without what guessing would give."""

import re

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim
from huohou.measure.ranking import at_least, top_k_chance
from huohou.text import say

CHANCE = 0.01  # a score this unlikely by guessing, or less, is above chance


@claim(
    "top-k-high",
    verdict="wrong",
    says=(
        r"top-?\s?\d|前\s?\d|recall@|hits?@|accuracy@",
        r"较高|很高|不错|良好|能够?识别|识别能力|找到|能力好|\bgood\b|\bhigh\b|\bwell\b|"
        r"recogni|finds?\b|"
        r"able to|strong",
    ),
    unless=r"不(?:高|能)|\bnot\b|低于随机|below chance",
    fires=(
        "Top-5 accuracy is high: the model recognises related contexts.",
        "With recall@5 of 76 % it finds the passage well",
        "Top-5准确率76%，说明模型能够识别相关内容",
        "前5命中率较高",
    ),
    quiet=(
        "Top-5 accuracy is 76 %.",
        "Top-5 is below chance: not good.",
        "Top-1准确率较低",
        "Top-5准确率：76%",
    ),
    source="k of N candidates: guessing has the right one among the first k in k/N of the cases",
)
def top_k_high(case: Case) -> str | None:
    candidates = case.record.facts.get("candidates")
    told = [(f, re.fullmatch(r"(?:eval_)?accuracy@(\d+)", f.name)) for f in case.record.figures]
    known = [(f, int(k[1])) for f, k in told if k and f.of and f.count is not None]
    if not known or not candidates:
        return top_k_high.say("wanted")
    facts = []
    for f, k in known:
        chance = top_k_chance(k, candidates)
        if at_least(f.count or 0, f.of or 1, chance) <= CHANCE:
            return None
        share = {"k": k, "percent": 100 * f.value, "chance": 100 * chance}
        facts.append(top_k_high.say("share", **share))
    return top_k_high.say("numbers", n=candidates, shares=say("diagnose.comma").join(facts))
