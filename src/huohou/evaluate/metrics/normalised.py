"""Answers that are the reference but for case and punctuation (free text)."""

from huohou.evaluate.metrics import Measure, is_text, metrics
from huohou.measure.text import normalised_match
from huohou.text import say

metrics.register("text.normalised")(
    Measure(
        applies=is_text,
        value=lambda item: float(normalised_match(item.answer.text, item.row.answer)),
        better="higher",
        tokenisation=lambda _items: say("metric.cut.numbers"),
        rank=40,
    )
)
