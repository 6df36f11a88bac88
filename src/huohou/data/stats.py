"""What a data set looks like: counts and lengths."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from huohou.data.dataset import Dataset
from huohou.data.fingerprint import fingerprint_rows
from huohou.data.labels import LabelledRow
from huohou.data.normal import said


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median, 95th percentile and most of a count."""

    least: int
    median: int
    p95: int
    most: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of one data set.

    turns: messages a row; question, answer: characters; tokens, trained: tokens a row, all and
    trained, None without a tokenizer; repeated: rows that are said word for word before;
    columns: of extra columns with few values (``style``), how often each value occurs.
    """

    source: str
    format: str
    rows: int
    turns: Spread
    question: Spread
    answer: Spread
    system_prompts: int
    without_system: int
    repeated: int
    fingerprint: str
    columns: dict[str, dict[str, int]]
    tokens: Spread | None = None
    trained: Spread | None = None


FEW = 12  # values of a column that are still worth a list


def describe(dataset: Dataset, labelled: Sequence[LabelledRow] | None = None) -> Stats:
    """Counts and lengths of a data set (never empty)."""
    rows = dataset.rows
    systems = [row.system for row in rows]
    return Stats(
        dataset.source,
        dataset.format,
        len(rows),
        spread([len(row.messages) for row in rows]),
        spread([len(row.question) for row in rows]),
        spread([len(row.answer) for row in rows]),
        len({system for system in systems if system is not None}),
        sum(system is None for system in systems),
        len(rows) - len({said(row) for row in rows}),
        fingerprint_rows(dataset),
        _columns(dataset),
        spread([len(row.ids) for row in labelled]) if labelled else None,
        spread([row.trained for row in labelled]) if labelled else None,
    )


def spread(counts: Sequence[int]) -> Spread:
    """Order statistics (nearest rank) of at least one count.

    >>> spread([3, 1, 2])
    Spread(least=1, median=2, p95=3, most=3)
    """
    ranked = sorted(counts)
    at = [ranked[-(-len(ranked) * percent // 100) - 1] for percent in (50, 95)]
    return Spread(ranked[0], at[0], at[1], ranked[-1])


def _columns(dataset: Dataset) -> dict[str, dict[str, int]]:
    names = sorted({name for row in dataset for name in row.meta})
    counted = {}
    for name in names:
        values = Counter(str(row.meta[name]) for row in dataset if name in row.meta)
        if len(values) <= FEW and len(values) < len(dataset):
            counted[name] = dict(values.most_common())
    return counted
