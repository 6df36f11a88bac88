"""Answers with a code that is in no row of the table."""

from huohou.evaluate.metrics import Measure, asks_fact, metrics, outcome

metrics.register("facts.invented")(
    Measure(applies=asks_fact, value=outcome("invented"), better="lower", needs_table=True, rank=10)
)
