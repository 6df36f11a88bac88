"""A character's habits in the answers: all of them together, and each by itself."""

from collections.abc import Callable, Iterator

from huohou.evaluate.items import Context, Item
from huohou.evaluate.metrics import Measure, metrics
from huohou.evaluate.role import Habit, Played
from huohou.text import say

EACH = "role.habit."


def plays(item: Item) -> bool:
    """Whether the answer was looked at as somebody's."""
    return item.played is not None


def played(read: Callable[[Played], float]) -> Callable[[Item], float]:
    """A number of what an answer has of the role."""
    return lambda item: float("nan") if item.played is None else float(read(item.played))


def each(context: Context) -> Iterator[tuple[str, Measure]]:
    """A metric for each habit of the role, None without one."""
    for number, habit in enumerate(context.role.habits if context.role else ()):
        yield f"{EACH}{habit.name}", _one(habit, 47 + number / 100)


def _one(habit: Habit, rank: float) -> Measure:
    return Measure(
        applies=plays,
        value=played(lambda found: found.kept[habit.name]),
        better="higher",
        by_style=False,
        rank=rank,
        definition=lambda: say("metric.role.habit", habit=habit.told),
    )


metrics.register("role.habits")(
    Measure(
        applies=plays,
        value=played(lambda found: found.share),
        better="higher",
        by_style=False,
        rank=46,
    )
)
