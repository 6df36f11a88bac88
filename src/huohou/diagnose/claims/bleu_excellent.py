"""A high BLEU or ROUGE on the validation set taken for good answers."""

import math

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim, figure

HIGH = 60.0  # out of 100


@claim(
    "bleu-excellent",
    verdict="unproven",
    says=(
        r"bleu|rouge",
        r"优秀|极高|非常高|很高|均高|高度一致|出色|excellent|outstanding|very high|"
        r"extremely high|great|"
        r"highly consistent|generalis|generaliz",
    ),
    unless=r"不(?:高|够)|\bnot (?:high|good)",
    fires=(
        "BLEU-4 and ROUGE are very high: the model generates excellent answers.",
        "A BLEU of 90.9 shows that it generalises",
        "BLEU-4 达到 90.87，生成质量优秀",
        "BLEU和ROUGE都非常高",
    ),
    quiet=(
        "BLEU-4 is the precision of n-grams up to four words.",
        "BLEU-4: 90.87",
        "BLEU-4 分数，用于评估相似度",
        "BLEU 不够高，远谈不上优秀",
    ),
    source="LLaMA-Factory's metric computed on changed answers; Elangovan et al. (EACL 2021) on "
    "overlap of training and test",
)
def bleu_excellent(case: Case) -> str | None:
    found = figure(case, "predict_bleu-4", "eval_bleu-4", "bleu-4", "bleu")
    if found is None:
        return bleu_excellent.say("wanted")
    value = found.value * (100 if found.value <= 1 else 1)
    if value < HIGH:
        return None
    seconds = figure(case, "predict_runtime", "eval_runtime")
    rate = figure(case, "predict_samples_per_second", "eval_samples_per_second")
    rows = seconds.value * rate.value if seconds and rate else math.inf
    if math.isfinite(rows):
        return bleu_excellent.say("rows", bleu=value, rows=round(rows))
    return bleu_excellent.say("numbers", bleu=value)
