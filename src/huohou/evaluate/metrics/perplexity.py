"""Perplexity on the reference answers: how surprised the model is by what it should have said."""

from collections.abc import Sequence

import numpy as np

from huohou.evaluate.items import Item
from huohou.evaluate.metrics import Corpus, Measure, metrics
from huohou.measure.corpus import Floats
from huohou.text import say


def statistics(items: Sequence[Item]) -> Floats:
    """Shape (n, 2): nats and tokens of each reference answer."""
    found = [i.likelihood for i in items if i.likelihood is not None]
    return np.array([[one.nats, one.tokens] for one in found], dtype=float).reshape(-1, 2)


def score(sums: Floats) -> Floats:
    """exp(nats / tokens), infinite where the answers are impossible."""
    with np.errstate(over="ignore"):
        found: Floats = np.exp(sums[:, 0] / sums[:, 1])
    return found


metrics.register("answers.perplexity")(
    Measure(
        applies=lambda item: item.likelihood is not None and item.likelihood.tokens > 0,
        corpus=Corpus(statistics, score),
        better="lower",
        unit="perplexity",
        tokenisation=lambda _items: say("metric.cut.model"),
        rank=55,
    )
)
