"""How much of an answer is one passage said again: near 1 when it turns in a circle."""

from huohou.evaluate.metrics import Measure, has_reference, metrics
from huohou.measure.text.repetition import repeated_span
from huohou.text import say

metrics.register("answers.repeated")(
    Measure(
        applies=has_reference,
        value=lambda item: repeated_span(item.answer.text),
        reference=lambda items: sum(repeated_span(i.row.answer) for i in items) / len(items),
        better="lower",
        tokenisation=lambda _items: say("metric.cut.words"),
        by_style=False,
        rank=64,
    )
)
