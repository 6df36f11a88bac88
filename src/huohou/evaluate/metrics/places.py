"""Digits of the code at their right place: why a low loss can go with wrong codes."""

from huohou.evaluate.items import Context, Item
from huohou.evaluate.metrics import Measure, asks_known, metrics
from huohou.measure.facts import places_chance, same_places


def _asks_code(item: Item) -> bool:
    return asks_known(item) and (item.expect or "").isdigit()


def _value(item: Item) -> float:
    given = item.judgement.codes[:1] if item.judgement is not None else ()
    return same_places(given[0], item.expect or "") if given else 0.0


def _chance(context: Context, items: list[Item]) -> float | None:
    """Of one code drawn at random from the table: most digits of codes are the same everywhere."""
    wanted = {len(item.expect or "") for item in items}
    codes = sorted(code for code in context.known.codes if len(code) in wanted)
    return places_chance(codes) if context.table and len(wanted) == 1 and codes else None


metrics.register("facts.places")(
    Measure(applies=_asks_code, value=_value, better="higher", chance=_chance, rank=30)
)
