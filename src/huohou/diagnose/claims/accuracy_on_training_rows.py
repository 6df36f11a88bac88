"""Accuracy on questions of the training data taken for a criterion of success."""

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim
from huohou.measure.intervals import wilson


@claim(
    "accuracy-on-training-rows",
    verdict="wrong",
    says=(
        r"训练(?:数据|集)(?:中|里|上)?的?.{0,6}(?:查询|问题|样本|准确)|"
        r"(?:queries|questions|rows|accuracy|examples).{0,12}(?:of|from|in|"
        r"on) the training (?:data|set|rows)|"
        r"training (?:queries|questions)",
        r"准确|正确|accura|correct|\bright\b",
        r"\d",
    ),
    unless=r"不在|不属于|\bnot in\b|unseen|held out",
    fires=(
        "Accuracy above 80% on queries of the training data",
        "At least 80 % of questions from the training set are answered correctly",
        "对训练数据中的查询，准确率>80%",
        "训练集上的准确率达到80%",
    ),
    quiet=(
        "Accuracy above 80% on questions that are not in the training data",
        "The training data has 320 questions.",
        "训练集有320个问题",
        "对不在训练数据中的问题，准确率>80%",
    ),
    source="accuracy on trained rows measures memory; Wilson (1927) for the interval",
)
def accuracy_on_training_rows(case: Case) -> str | None:
    rows = case.record.facts.get("test_rows")
    if not isinstance(rows, int) or rows < 1:
        return accuracy_on_training_rows.say("wanted")
    low, high = wilson(round(0.8 * rows), rows)
    fields = {"rows": rows, "low": round(100 * low), "high": round(100 * high)}
    return accuracy_on_training_rows.say("numbers", **fields)
