"""Questions about a fact of the table that are answered with its value."""

from huohou.evaluate.items import Context, Item
from huohou.evaluate.metrics import Measure, asks_known, metrics


def _chance(context: Context, items: list[Item]) -> float | None:
    """One value drawn at random from the table, from its names where a name is asked for."""
    known = context.known
    if not context.table:
        return None
    pools = [known.codes if known.is_code(i.expect or "") else known.names for i in items]
    return sum(1 / len(pool) for pool in pools if pool) / len(pools)


metrics.register("facts.accuracy")(
    Measure(
        applies=asks_known,
        value=lambda item: float(item.judgement is not None and item.judgement.right),
        better="higher",
        chance=_chance,
        rank=0,
    )
)
