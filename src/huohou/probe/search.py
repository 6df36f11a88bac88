"""Search by inner product: exact, in blocks, the same every time. No index to build or to trust.

A block of scores is one matrix product. After the first one only scores above a query's k-th best
so far matter, so that the search costs little more than the products (no library of approximate
search is quicker below about a million passages on a few cores).
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from huohou.errors import ModelError, UsageError
from huohou.measure.retrieval import Ranking, place
from huohou.text import say

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
Found = Iterable[tuple[int, tuple[Places, Vectors]]]
Blocks = Callable[[Sequence[Vectors], Vectors, int, int], Found]
"""Blocks of queries, passages, k, memory -> number of each block and what ``best`` gives for it."""

MEMORY = 1 << 28  # bytes that a search needs beside the vectors and its answer, about
ROWS = 1024  # queries searched together
FIRST = 4096  # passages of the first block, in which every query's first k are found
TIE = 1e-6  # of |query| |passage|: float32 products of equal vectors differ by up to this
CELL = 12  # bytes a score takes: the score itself, where it is compared, candidates


def top_k(
    queries: Vectors,
    passages: Vectors,
    k: int,
    *,
    memory: int = MEMORY,
    blocks: Blocks | None = None,
) -> tuple[Places, Vectors]:
    """The k best passages of each query, best first; of equal scores the earlier passage.

    queries [Q, d], passages [N, d] float32 -> places [Q, k], scores [Q, k]. memory: bytes; blocks:
    who searches, where this process does not; blocks are cut alike whoever does. Raises ModelError
    for vectors that hold NaN or infinity (naming the first), UsageError for k > N.
    """
    _same_width(queries, passages)
    if not 0 < k <= len(passages):
        raise UsageError("search.too_few", asked=k, there=len(passages))
    finite(queries, "query")
    finite(passages, "passage")
    places = np.empty((len(queries), k), dtype=np.int64)
    scores = np.empty((len(queries), k), dtype=np.float32)
    rows = min(ROWS, max(1, memory // (CELL * max(FIRST, k))))
    cut = [slice(begin, begin + rows) for begin in range(0, len(queries), rows)]
    search = blocks if blocks is not None and len(cut) > 1 else _here
    for number, found in search([queries[part] for part in cut], passages, k, memory):
        places[cut[number]], scores[cut[number]] = found
    return places, scores


def _here(blocks: Sequence[Vectors], passages: Vectors, k: int, memory: int) -> Found:
    """Blocks one after the other, in this process."""
    return ((i, best(queries, passages, k, memory)) for i, queries in enumerate(blocks))


def best(queries: Vectors, passages: Vectors, k: int, memory: int) -> tuple[Places, Vectors]:
    """``top_k`` of one block of queries, nothing checked."""
    columns = max(k, FIRST, memory // (CELL * len(queries)))
    end = min(len(passages), max(FIRST, k))
    places, scores = _first(queries @ passages[:end].T, k)
    block = np.empty((len(queries), min(columns, len(passages) - end)), dtype=np.float32)
    for begin in range(end, len(passages), columns):
        found = block[:, : min(columns, len(passages) - begin)]
        np.matmul(queries, passages[begin : begin + columns].T, out=found)
        places, scores = _merged(places, scores, found, begin)
    return places, scores


def _first(found: Vectors, k: int) -> tuple[Places, Vectors]:
    """Places and scores of the k best of each row, equal scores by place."""
    worst = np.partition(found, -k, axis=1)[:, -k, None]
    row, column = _where(found >= worst)  # more than k in a row whose last ones tie
    order = np.lexsort((column, -found[row, column], row))
    row, column = row[order], column[order]
    places = column[_rank(row) < k].reshape(len(found), k)
    return places, np.take_along_axis(found, places, axis=1)


def _merged(places: Places, scores: Vectors, found: Vectors, begin: int) -> tuple[Places, Vectors]:
    """The k best of what was found so far and of a later block.

    Only scores above the k-th enter: an equal one stands later, so it loses.
    """
    k = places.shape[1]
    above = found > scores[:, -1, None]
    most = int(np.count_nonzero(above, axis=1).max())
    if not most:
        return places, scores
    if most > 4 * k:  # passages that become better and better
        new_places, new_scores = _first(found, min(k, found.shape[1]))
    else:
        new_places, new_scores = _padded(found, above, most)
    all_places = np.concatenate([places, new_places + begin], axis=1)
    all_scores = np.concatenate([scores, new_scores], axis=1)
    order = np.argsort(-all_scores, axis=1, kind="stable")[:, :k]  # places ascend where equal
    return np.take_along_axis(all_places, order, 1), np.take_along_axis(all_scores, order, 1)


def _padded(found: Vectors, above: NDArray[np.bool_], most: int) -> tuple[Places, Vectors]:
    """Columns and scores of what is above, side by side; rows with fewer end in -infinity."""
    row, column = _where(above)
    at = _rank(row)
    places = np.zeros((len(found), most), dtype=np.int64)
    scores = np.full((len(found), most), -np.inf, dtype=np.float32)
    places[row, at], scores[row, at] = column, found[row, column]
    return places, scores


def _where(mask: NDArray[np.bool_]) -> tuple[Places, Places]:
    """Rows and columns that hold: np.nonzero, several times quicker for few."""
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, column


def _rank(rows: Places) -> Places:
    """Place of each entry among those of its row; rows ascend."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows)


def ranking_of(
    queries: Vectors,
    passages: Vectors,
    relevant: Sequence[Sequence[int]],
    gains: Sequence[Sequence[float]] | None = None,
    *,
    memory: int = MEMORY,
) -> Ranking:
    """Where the relevant passages of each query stand among all passages.

    relevant: places of passages, one at least for each query; gains: parallel to it. Scores that
    float32 cannot tell apart count as equal. Raises ModelError for NaN, UsageError for a query
    without a relevant passage.
    """
    _same_width(queries, passages)
    finite(queries, "query")
    finite(passages, "passage")
    owner, columns, weights = flat(relevant, gains)
    longest = float(np.sqrt(np.max(np.einsum("nd,nd->n", passages, passages), initial=0.0)))
    lengths = np.sqrt(np.einsum("qd,qd->q", queries, queries)).astype(np.float64)
    better, ties = np.empty_like(owner), np.empty_like(owner)
    rows = max(1, memory // (3 * CELL * max(1, len(passages))))
    for begin in range(0, len(queries), rows):
        mine = slice(*np.searchsorted(owner, [begin, begin + rows]))
        scores = queries[begin : begin + rows] @ passages.T
        near = TIE * longest * lengths[owner[mine]]
        better[mine], ties[mine] = _placed(scores, owner[mine] - begin, columns[mine], near, rows)
    return Ranking(better, ties, len(passages), owner, weights)


def _placed(
    scores: Vectors, rows: Places, columns: Places, near: NDArray[np.float64], most: int
) -> tuple[Places, Places]:
    """``place`` for some at a time: a query with many relevant passages needs a row for each."""
    found = [
        place(scores, rows[i : i + most], columns[i : i + most], near[i : i + most])
        for i in range(0, len(rows), most)
    ]
    nothing = np.zeros(0, dtype=np.int64)
    better, ties = zip(*found, strict=True) if found else ((nothing,), (nothing,))
    return np.concatenate(better), np.concatenate(ties)


def flat(
    relevant: Sequence[Sequence[int]], gains: Sequence[Sequence[float]] | None = None
) -> tuple[Places, Places, NDArray[np.float64]]:
    """Relevant passages in one row: the query of each, its place, its gain."""
    empty = next((q for q, places in enumerate(relevant) if not len(places)), None)
    if empty is not None:
        raise UsageError("search.no_relevant", number=empty + 1)
    sizes = [len(places) for places in relevant]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    columns = np.array([place for places in relevant for place in places], dtype=np.int64)
    if gains is None:
        return owner, columns, np.ones(len(columns))
    weights = [
        weight
        for size, given in zip(sizes, gains, strict=True)
        for weight in (given if len(given) else [1.0] * size)
    ]
    return owner, columns, np.array(weights, dtype=np.float64)


def finite(vectors: Vectors, what: str, names: Sequence[str] | None = None) -> None:
    """Raise ModelError for vectors with NaN or infinity.

    what: query or passage; names: what to call each, their numbers where None.
    """
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if wrong.size:
        first = int(wrong[0])
        raise ModelError(
            "search.not_finite",
            what=say(f"search.{what}"),
            name=names[first] if names else f"{first + 1}",
            count=wrong.size,
            all=len(vectors),
        )


def _same_width(queries: Vectors, passages: Vectors) -> None:
    if queries.shape[1:] != passages.shape[1:] or queries.ndim != 2:
        raise ModelError("search.width", queries=queries.shape, passages=passages.shape)
