"""Time an answer takes, as its part of the batch it was asked in."""

from huohou.evaluate.metrics import Measure, metrics

metrics.register("speed.seconds_per_answer")(
    Measure(
        applies=lambda _item: True,
        value=lambda item: item.answer.seconds,
        weight=lambda _item: 1.0,
        better="lower",
        unit="seconds",
        by_style=False,
        rank=70,
    )
)
