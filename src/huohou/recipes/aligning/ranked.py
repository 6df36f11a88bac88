"""Where the ground truth stands among its candidates, and which questions are hard.

A tie is no success: a model that gives all candidates the same score has ranked nothing, so its
ground truth counts as hard, and as found with the chance of a random order.
"""

from collections.abc import Hashable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.errors import DataError
from huohou.measure.candidates import top_table
from huohou.measure.retrieval import Ranking, place

KS = (1, 3, 5)  # as in reports: how often among the first so many

Scores = NDArray[np.float32]


def ranking(scores: Scores) -> Ranking:
    """Of scores [samples, candidates], the ground truth first. Raises DataError for NaN.

    >>> found = ranking(np.array([[0.5, 0.9, 0.5, 0.1], [1.0, 0.2, 0.1, 0.0]], np.float32))
    >>> found.better.tolist(), found.ties.tolist()
    ([1, 0], [1, 0])
    """
    lost = np.isnan(scores).any(axis=1)
    if lost.any():
        raise DataError("align.nan_scores", count=int(lost.sum()), of=len(scores))
    rows = np.arange(len(scores))
    better, ties = place(scores, rows, np.zeros_like(rows))
    return Ranking(better, ties, scores.shape[1])


def hard(scores: Scores, top_k: int) -> NDArray[np.bool_]:
    """Questions whose ground truth is outside the first k, ties against it; [samples].

    >>> hard(np.array([[0.5, 0.9, 0.1], [0.9, 0.5, 0.1], [0.5, 0.5, 0.5]]), 1).tolist()
    [True, False, True]
    """
    found = ranking(scores)
    outside: NDArray[np.bool_] = found.better + found.ties >= top_k
    return outside


def table(
    scores: Scores,
    groups: Sequence[Hashable] | None = None,
    *,
    trained_on_eval: bool = False,
) -> list[dict[str, Any]]:
    """Top-k of the candidates, each beside what guessing scores; see ``measure.candidates``."""
    ks = [k for k in KS if k < scores.shape[1]]
    rows = top_table(ranking(scores), ks, groups)
    mark = {"trained_on_eval": trained_on_eval}
    return [asdict(row) | {"verdict": row.verdict} | mark for row in rows]


def in_order(scores: Scores) -> NDArray[np.float64]:
    """Share of (ground truth, negative) in the right order, a tie counting half; [samples].

    0.5 is chance. Negatives are not compared with each other: their order is not known.
    """
    found, negatives = ranking(scores), scores.shape[1] - 1
    right: NDArray[np.float64] = 1 - (found.better + found.ties / 2) / negatives
    return right
