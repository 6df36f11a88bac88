"""Answers that are the reference, letter by letter (rows without facts)."""

from huohou.evaluate.metrics import Measure, asks_fact, metrics
from huohou.measure.text import exact_match
from huohou.text import say

metrics.register("text.exact")(
    Measure(
        applies=lambda item: not asks_fact(item),
        value=lambda item: float(exact_match(item.answer.text, item.row.answer)),
        better="higher",
        tokenisation=lambda _items: say("metric.cut.nfkc"),
        rank=40,
    )
)
