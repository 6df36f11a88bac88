"""Learnt or learnt by heart: questions of the training beside others that it never saw.

Trained questions, other wordings of trained facts, and facts that training never touched are asked
alike. A model that only remembers is right on the first, one that understands the question on the
first two; the third it cannot know, and whoever expects it to wants a table and not a model.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from huohou.data.dataset import Row
from huohou.data.facts import FactTable
from huohou.data.make import MakeOptions, make
from huohou.data.normal import asked
from huohou.errors import DataError
from huohou.evaluate.card import Metric
from huohou.evaluate.items import Context, Item, expect_of, is_fact
from huohou.evaluate.metrics import load
from huohou.evaluate.metrics.perplexity import score, statistics
from huohou.measure.corpus import Floats, corpus_interval
from huohou.measure.intervals import Interval, mean_interval
from huohou.measure.text import exact_match
from huohou.text import say

Level = Literal["trained", "new_wording", "new_question", "new_fact"]
LEVELS: tuple[Level, ...] = ("trained", "new_wording", "new_question", "new_fact")
UNSEEN: tuple[Level, ...] = ("new_wording", "new_question")
GAP, TRAINED_LOSS, NEW_LOSS = "memory.gap", "memory.trained_perplexity", "memory.new_perplexity"
NAMES = (*(f"memory.{level}" for level in LEVELS), GAP, TRAINED_LOSS, NEW_LOSS)
SAMPLE = 40  # questions of a level that are asked beside the others


@dataclass(frozen=True, slots=True)
class Trained:
    """What training saw. questions: in normal form; facts: their names."""

    questions: frozenset[str]
    facts: frozenset[str]

    @staticmethod
    def of(rows: Iterable[Row]) -> "Trained":
        """Of the rows that were trained on."""
        kept = list(rows)
        facts = (row.meta.get("fact") for row in kept)
        return Trained(frozenset(map(asked, kept)), frozenset(str(f) for f in facts if f))

    def level(self, row: Row) -> Level | None:
        """How new a question is; None for names that are in no table, which has its own metric."""
        if is_fact(row) and expect_of(row) is None:
            return None
        if asked(row) in self.questions:
            return "trained"
        if not is_fact(row):
            return "new_question"
        return "new_wording" if str(row.meta.get("fact")) in self.facts else "new_fact"


def more_rows(
    rows: Sequence[Row],
    train: Sequence[Row],
    trained: Trained,
    table: FactTable | None,
    sample: int,
) -> list[Row]:
    """Rows to ask beside ``rows``: up to sample trained ones and as many about facts never taught.

    Only of levels that ``rows`` do not hold; always the same ones.
    """
    held = Counter(trained.level(row) for row in rows)
    found: list[Row] = []
    if not held["trained"]:
        known = [row for row in train if row.answer and trained.level(row) == "trained"]
        found += random.Random(0).sample(known, min(sample, len(known)))
    if table is not None and held["new_wording"] and not held["new_fact"]:
        found += _untaught(rows[0], trained, table, sample)
    return found


def _untaught(like: Row, trained: Trained, table: FactTable, sample: int) -> list[Row]:
    """Questions about facts of the table that were not taught, by their full names."""
    times = Counter(fact.key for fact in table.facts)
    free = [f for f in table.facts if times[f.key] == 1 and f.key not in trained.facts]
    if not free:
        return []
    chosen = random.Random(0).sample(free, min(sample, len(free)))
    options = MakeOptions(
        wordings=1,
        eval_wordings=0,
        test_wordings=1,
        unknown=0,
        system=like.system,
        styles=("full",),
    )
    try:
        made = make(replace(table, facts=tuple(chosen), notes=()), options)
    except DataError:  # too few names to tell apart
        return []
    return [row for row in made.test if trained.level(row) == "new_fact"]


def memory_metrics(items: Sequence[Item], trained: Trained, context: Context) -> list[Metric]:
    """Right answers by how new the question is, the gap, and perplexity on the answers.

    items: answers of the tuned model to the questions asked and to those of ``more_rows``. A fact
    is right where its value is given, another row where the reference is given letter by letter.
    """
    facts = any(is_fact(item.row) for item in items)
    kind = [item for item in items if is_fact(item.row) == facts]
    by_level = {level: [i for i in kind if trained.level(i.row) == level] for level in LEVELS}
    found = [_right(level, chosen, context) for level, chosen in by_level.items() if chosen]
    unseen = [item for level in UNSEEN for item in by_level[level]]
    if by_level["trained"] and unseen:
        found.append(_gap(by_level["trained"], unseen))
    perplexities = ((TRAINED_LOSS, by_level["trained"]), (NEW_LOSS, unseen))
    return found + [m for name, chosen in perplexities for m in _perplexity(name, chosen)]


def _right(level: Level, items: list[Item], context: Context) -> Metric:
    found = mean_interval([_value(item) for item in items], [item.group for item in items])
    facts = all(item.judgement is not None for item in items)
    chance = load().get("facts.accuracy").chance(context, items) if facts else None
    return Metric(
        f"memory.{level}",
        say(f"metric.memory.{level}"),
        found.value,
        found.low,
        found.high,
        found.n,
        chance=chance,
        groups=found.groups,
        method=found.method,
    )


def _gap(trained: list[Item], unseen: list[Item]) -> Metric:
    """Share right of the trained - share right of the others; facts are drawn with both."""
    rows = [(_value(item), 1.0, 0.0, 0.0) for item in trained]
    rows += [(0.0, 0.0, _value(item), 1.0) for item in unseen]
    groups = [item.group for item in (*trained, *unseen)]
    found = corpus_interval(np.array(rows), _apart, groups)
    if found.low is None:  # all of one kind are alike: nothing varies
        found = replace(_newcombe(trained, unseen), n=found.n, groups=found.groups)
    return Metric(
        GAP,
        say(f"metric.{GAP}"),
        found.value,
        found.low,
        found.high,
        found.n,
        better="lower",
        groups=found.groups,
        method=found.method,
    )


def _newcombe(trained: list[Item], unseen: list[Item]) -> Interval:
    """Difference of two shares from the interval of each.

    Source: Newcombe (1998), Statistics in Medicine 17, method 10.
    """
    one, two = (
        mean_interval([_value(item) for item in items], [item.group for item in items])
        for items in (trained, unseen)
    )
    gap = one.value - two.value
    if one.low is None or one.high is None or two.low is None or two.high is None:
        return replace(one, value=gap, low=None, high=None, method="none")
    low = gap - math.hypot(one.value - one.low, two.high - two.value)
    high = gap + math.hypot(one.high - one.value, two.value - two.low)
    return replace(one, value=gap, low=low, high=high, method="newcombe")


def _apart(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # a draw without one of the two says nothing
        found: Floats = sums[:, 0] / sums[:, 1] - sums[:, 2] / sums[:, 3]
    return found


def _perplexity(name: str, items: list[Item]) -> list[Metric]:
    known = [i for i in items if i.likelihood is not None and i.likelihood.tokens]
    if not known:
        return []
    found = corpus_interval(statistics(known), score, [item.group for item in known])
    numbers = (found.value, found.low, found.high, found.n)
    return [
        Metric(
            name,
            say(f"metric.{name}"),
            *numbers,
            unit="perplexity",
            better="lower",
            groups=found.groups,
            method=found.method,
        )
    ]


def _value(item: Item) -> float:
    if item.judgement is not None:
        return float(item.judgement.right)
    return float(exact_match(item.answer.text, item.row.answer))
