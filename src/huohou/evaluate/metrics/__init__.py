"""Metrics by name: one file a metric.

A metric is either a value for each answer, and its number the mean over the answers it applies to,
or, where its definition is no mean (BLEU of a corpus, perplexity), a function of what the answers
add up to. Every metric gets its interval, its styles and its comparison with the base model in the
same way. Its definition, as people read it, is the text ``metric.NAME``.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Literal

from huohou.evaluate.items import Context, Item
from huohou.measure.corpus import Floats, Score
from huohou.registry import Registry

# points: 0..100, as BLEU is given; perplexity: 1 and more
Unit = Literal["share", "points", "seconds", "per_second", "nats", "ratio", "perplexity"]
Better = Literal["higher", "lower", "one"]  # one: nearest to 1


def no_chance(_context: Context, _items: list[Item]) -> float | None:
    """Where guessing has no meaning."""
    return None


def no_value(_item: Item) -> float:
    """Where no single answer has a value."""
    return float("nan")


def unsaid(_items: Sequence[Item]) -> str:
    """Where there is nothing to say."""
    return ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A number that is a function of sums over answers.

    statistics: what each answer adds, shape (answers, d); score: sums of shape (m, d) to m numbers.
    """

    statistics: Callable[[Sequence[Item]], Floats]
    score: Score


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric.

    applies: which answers count; value: of one answer; better: which direction is good; weight:
    for times, sum(value) / sum(weight) without an interval, since the answers of a batch are timed
    together; corpus: in place of value; whole: in place of value where nothing can be resampled;
    chance: what guessing scores; reference: what the reference answers score; tokenisation,
    settings: what the card says of how it was counted; requires: modules it is left out without;
    needs_table: not stated without a table of facts; by_style: also for each style; rank: the
    lowest is shown first; definition: in place of the text ``metric.NAME``. The value of an answer
    is 0..1 also where the unit is "points".
    """

    applies: Callable[[Item], bool]
    better: Better
    value: Callable[[Item], float] = no_value
    unit: Unit = "share"
    weight: Callable[[Item], float] | None = None
    corpus: Corpus | None = None
    whole: Callable[[Sequence[Item]], float] | None = None
    chance: Callable[[Context, list[Item]], float | None] = no_chance
    reference: Callable[[Sequence[Item]], float] | None = None
    tokenisation: Callable[[Sequence[Item]], str] = unsaid
    settings: Callable[[Sequence[Item]], str] = unsaid
    requires: tuple[str, ...] = ()
    needs_table: bool = False
    by_style: bool = True
    rank: float = 50
    definition: Callable[[], str] | None = None

    @property
    def by_answer(self) -> bool:
        """Whether each answer has a value, of which the metric is the mean."""
        return self.weight is None and self.corpus is None and self.whole is None

    @property
    def absent(self) -> tuple[str, ...]:
        """Modules that it requires and that are not installed."""
        return tuple(name for name in self.requires if find_spec(name) is None)


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


def is_text(item: Item) -> bool:
    """Whether the answer is free text with a reference to hold it against."""
    return item.judgement is None and bool(item.row.answer)


def has_reference(item: Item) -> bool:
    """Whether there is a reference answer."""
    return bool(item.row.answer)


def texts(items: Sequence[Item]) -> tuple[list[str], list[str]]:
    """Answers and references."""
    return [item.answer.text for item in items], [item.row.answer for item in items]
