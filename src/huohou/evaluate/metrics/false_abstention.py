"""Questions about facts of the table, answered with "unknown"."""

from huohou.evaluate.metrics import Measure, asks_known, metrics, outcome

metrics.register("facts.false_abstention")(
    Measure(applies=asks_known, value=outcome("abstained"), better="lower", rank=21)
)
