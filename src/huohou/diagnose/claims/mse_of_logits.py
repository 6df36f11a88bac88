"""An error of scaled similarities against the label 1 taken for a measure of an embedding."""

import math

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim, figure
from huohou.measure.reference import logit_of


@claim(
    "mse-of-logits",
    verdict="wrong",
    says=(
        r"mse|rmse|\bmae\b|均方|绝对误差|相似度|similarit|cosine|predict|预测",
        r"(?:乘以?|\btimes\b|multipl\w+|\*|×|scaled?|scaling).{0,16}(?:logit|scale|similarit|"
        r"温度)|logit[_ ]?scale",
    ),
    unless=r"learning rate|学习率",
    fires=(
        "MSE is taken between the similarity times the logit scale and the label 1.",
        "The predictions are similarity scores multiplied by logit_scale",
        "预测值是相似度乘以logit_scale，再与标签1算MSE",
        "MSE 取决于 logit_scale 的值",
    ),
    quiet=(
        "MSE of the regression head: 0.02.",
        "The cosine similarity of the pair is 0.8.",
        "学习率乘以0.1，MSE不变",
        "余弦相似度为0.8",
    ),
    source="(scale * cosine - 1)^2 is least at cosine = 1 / scale; sentence-transformers scores "
    "unscaled cosines or rankings",
)
def mse_of_logits(case: Case) -> str | None:
    mse, mae = figure(case, "mse", "eval_mse"), figure(case, "mae", "eval_mae")
    if mse is None:
        return mse_of_logits.say("wanted")
    rmse = figure(case, "rmse", "eval_rmse")
    root = rmse.value if rmse else math.sqrt(max(mse.value, 0.0))
    evals = [p.value for p in case.evals if p.value > 0]
    fields = {"mse": mse.value, "mae": mae.value if mae else root, "rmse": root}
    scale = logit_of(evals[-1]) if evals else None
    if scale and abs((scale - 1) ** 2 - mse.value) <= max(0.05, 0.03 * mse.value):
        fields |= {"scale": scale, "square": (scale - 1) ** 2, "off": abs(scale - 1)}
        return mse_of_logits.say("one_number", **fields)
    return mse_of_logits.say("numbers", **fields)
