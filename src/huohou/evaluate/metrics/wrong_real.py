"""Answers with the real value of another fact: the mistake that nobody sees."""

from huohou.evaluate.metrics import Measure, asks_fact, metrics, outcome

metrics.register("facts.wrong_real")(
    Measure(
        applies=asks_fact, value=outcome("wrong-real"), better="lower", needs_table=True, rank=11
    )
)
