"""A shrinking gap between training and validation taken for a growing risk of overfitting."""

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim

# A gap this near to half the last fall is the lag of a training loss: it is exactly that where the
# loss falls in a line, and a fifth less where it falls to a third in a curve.
NEAR = 0.25


@claim(
    "gap-shrinks",
    verdict="reversed",
    says=(
        r"(?:\bgap\b|gap(?=[\u4e00-\u9fff])|差距|差异).{0,20}(?:缩小|变小|减小|越来越小|太小|"
        r"shrink|narrow|clos|smaller|"
        r"too small)|(?:shrinking|narrowing|closing) gap",
        r"过拟合|过度拟合|风险|⚠|overfit|\brisk|danger|careful",
    ),
    unless=r"(?:不会|不是|没有|no (?:sign|risk)|not).{0,12}(?:过拟合|overfit)",
    fires=(
        "The gap is shrinking, so the risk of overfitting grows.",
        "A narrowing gap between train and validation loss means overfitting",
        "训练与验证的差距越来越小，过拟合的风险在上升",
        "如果Gap缩小到0附近，可能过度拟合",
    ),
    quiet=(
        "The gap between training and validation loss widens: overfitting.",
        "The gap is shrinking and both losses fall.",
        "差距扩大，说明过拟合",
        "Gap 在缩小，两条曲线都在下降",
    ),
    source="Goodfellow, Bengio, Courville (2016), chapter 5: overfitting is too large a gap",
)
def gap_shrinks(case: Case) -> str | None:
    losses, evals = case.losses, [p.value for p in case.evals]
    if len(losses) != len(evals) or len(evals) < 2:
        return gap_shrinks.say("wanted")
    first, last, lag = losses[0] - evals[0], losses[-1] - evals[-1], (evals[-2] - evals[-1]) / 2
    fields = {"first": abs(first), "last": abs(last), "lag": lag}
    if evals[-1] > min(evals):
        return gap_shrinks.say("risen", low=min(evals), end=evals[-1], **fields)
    if not abs(last) < abs(first):
        return gap_shrinks.say("grew", **fields)
    is_lag = abs(last - lag) <= NEAR * lag
    return gap_shrinks.say("numbers" if is_lag else "shrank", **fields)
