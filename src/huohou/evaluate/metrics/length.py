"""How long the answers are beside their references (free text)."""

from collections.abc import Sequence

import numpy as np

from huohou.evaluate.items import Item
from huohou.evaluate.metrics import Corpus, Measure, is_text, metrics
from huohou.measure.corpus import Floats
from huohou.measure.text import words
from huohou.text import say


def _statistics(items: Sequence[Item]) -> Floats:
    rows = [(len(words(item.answer.text)), len(words(item.row.answer))) for item in items]
    return np.array(rows, dtype=float).reshape(-1, 2)


def _score(sums: Floats) -> Floats:
    some = sums[:, 1] > 0
    found: Floats = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=some)
    return found


metrics.register("answers.length_ratio")(
    Measure(
        applies=lambda item: is_text(item) and bool(words(item.row.answer)),
        corpus=Corpus(_statistics, _score),
        better="one",
        unit="ratio",
        tokenisation=lambda _items: say("metric.cut.words"),
        by_style=False,
        rank=61,
    )
)
