"""Variety over all answers: distinct-1 and distinct-2 (free text). No interval: see the text."""

from huohou.evaluate.metrics import Measure, is_text, metrics
from huohou.measure.text.repetition import distinct
from huohou.text import say


def _register(n: int) -> None:
    metrics.register(f"answers.distinct{n}")(
        Measure(
            applies=is_text,
            # resampling says the same answer twice, which lowers it: no interval
            whole=lambda items: distinct((item.answer.text for item in items), n),
            reference=lambda items: distinct((item.row.answer for item in items), n),
            better="higher",
            tokenisation=lambda _items: say("metric.cut.words"),
            by_style=False,
            rank=61 + n,
        )
    )


for _n in (1, 2):
    _register(_n)
