"""Answers that somebody else gave: an assistant, where a character was asked."""

from huohou.evaluate.metrics import Measure, metrics
from huohou.evaluate.metrics.habits import played, plays

metrics.register("role.out")(
    Measure(
        applies=plays,
        value=played(lambda found: found.out),
        better="lower",
        by_style=False,
        rank=48,
    )
)
