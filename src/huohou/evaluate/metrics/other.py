"""Answers with neither a value of the table nor "unknown": a cut code, a name nobody has, talk."""

from huohou.evaluate.metrics import Measure, asks_fact, metrics, outcome

metrics.register("facts.other")(
    Measure(applies=asks_fact, value=outcome("other"), better="lower", needs_table=True, rank=12)
)
