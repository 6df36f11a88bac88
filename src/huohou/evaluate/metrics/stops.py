"""Answers that end by themselves, before the limit."""

from huohou.evaluate.metrics import Measure, metrics

metrics.register("answers.stop")(
    Measure(
        applies=lambda _item: True,
        value=lambda item: float(item.answer.stopped),
        better="higher",
        by_style=False,
        rank=60,
    )
)
