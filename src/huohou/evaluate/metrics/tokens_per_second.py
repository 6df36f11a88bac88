"""Tokens generated in a second, all rows of a batch together."""

from huohou.evaluate.metrics import Measure, metrics

metrics.register("speed.tokens_per_second")(
    Measure(
        applies=lambda _item: True,
        value=lambda item: float(item.answer.tokens),
        weight=lambda item: item.answer.seconds,
        better="higher",
        unit="per_second",
        by_style=False,
        rank=71,
    )
)
