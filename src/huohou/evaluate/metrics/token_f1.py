"""Words an answer has in common with the reference (rows without facts)."""

from huohou.evaluate.metrics import Measure, asks_fact, metrics
from huohou.measure.text import token_f1
from huohou.text import say

metrics.register("text.f1")(
    Measure(
        applies=lambda item: not asks_fact(item),
        value=lambda item: token_f1(item.answer.text, item.row.answer),
        better="higher",
        tokenisation=lambda _items: say("metric.cut.words"),
        rank=41,
    )
)
