"""Questions about names that are not in the table, answered with "unknown"."""

from huohou.evaluate.metrics import Measure, asks_unknown, metrics, outcome

metrics.register("facts.abstention")(
    Measure(
        applies=asks_unknown, value=outcome("abstained"), better="higher", by_style=False, rank=20
    )
)
