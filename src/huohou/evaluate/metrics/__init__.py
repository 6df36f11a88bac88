"""Metrics by name: one file a metric.

A metric is a value for each answer; its number is the mean over the answers it applies to, so that
every metric gets its interval, its styles and its comparison with the base model in the same way.
Its definition, as people read it, is the text ``metric.NAME``.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from huohou.evaluate.items import Context, Item
from huohou.registry import Registry

Unit = Literal["share", "seconds", "per_second", "nats", "ratio"]


def no_chance(_context: Context, _items: list[Item]) -> float | None:
    """Where guessing has no meaning."""
    return None


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric.

    applies: which answers count; value: of one answer; better: which direction is good; weight:
    for times, sum(value) / sum(weight) without an interval, since the answers of a batch are timed
    together; chance: what guessing scores; needs_table: not stated without a table of facts;
    by_style: also for each style; rank: the lowest is shown first.
    """

    applies: Callable[[Item], bool]
    value: Callable[[Item], float]
    better: Literal["higher", "lower"]
    unit: Unit = "share"
    weight: Callable[[Item], float] | None = None
    chance: Callable[[Context, list[Item]], float | None] = no_chance
    needs_table: bool = False
    by_style: bool = True
    rank: int = 50


metrics: Registry[Measure] = Registry("metrics")


@cache
def load() -> Registry[Measure]:
    """All metrics, the modules of this folder imported."""
    for found in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{found.name}")
    return metrics


def outcome(name: str) -> Callable[[Item], float]:
    """1.0 where the answer's outcome is that, else 0.0."""
    return lambda item: float(item.judgement is not None and item.judgement.outcome == name)


def asks_fact(item: Item) -> bool:
    """Whether the question is about a fact, known or not."""
    return item.judgement is not None


def asks_known(item: Item) -> bool:
    """Whether the question is about a fact that has an answer."""
    return item.judgement is not None and item.expect is not None


def asks_unknown(item: Item) -> bool:
    """Whether "unknown" is the right answer."""
    return item.judgement is not None and item.expect is None
