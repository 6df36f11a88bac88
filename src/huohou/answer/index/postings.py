"""Which rows hold which grams, and BM25 of them, by bm25s (Lucene's form, k1 1.5, b 0.75)."""

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.errors import MissingExtraError

Array = NDArray[Any]
K1, B = 1.5, 0.75
MOST_POSTINGS = 150_000  # added up for a query: the rarest grams first, until so many rows


def _bm25s() -> Any:
    try:
        import bm25s
    except ImportError as error:
        raise MissingExtraError("answer.needs_serve", extra="serve", what="bm25s") from error
    return bm25s


class Postings:
    """Grams to rows of one segment."""

    def __init__(self, folder: Path) -> None:
        self._index = None
        self._counts: Array = np.zeros(0, dtype=np.int64)
        if (folder / "bm25").is_dir():
            self._index = _bm25s().BM25.load(folder / "bm25", mmap=True, show_progress=False)
            held = self._index.scores  # plain arrays over the same maps: quicker to cut
            held |= {name: np.asarray(held[name]) for name in ("data", "indices", "indptr")}
            self._counts = np.diff(held["indptr"])

    def number(self, gram: str) -> int | None:
        """The gram's number, None for one that no row holds."""
        found = self._index.vocab_dict.get(gram) if self._index else None
        return None if found is None else int(found)

    def letters(self) -> list[str]:
        """The grams of one character."""
        return [gram for gram in self._index.vocab_dict if len(gram) == 1] if self._index else []

    def count(self, gram: str) -> int:
        """How many rows hold a gram."""
        number = self.number(gram)
        return 0 if number is None else int(self._counts[number])

    def rows(self, gram: str) -> Array:
        """Numbers of the rows that hold a gram, rising."""
        number = self.number(gram)
        if number is None or self._index is None:
            return np.zeros(0, dtype=np.int64)
        indptr = self._index.scores["indptr"]
        held = self._index.scores["indices"][int(indptr[number]) : int(indptr[number + 1])]
        return np.sort(np.asarray(held, dtype=np.int64))

    def best(self, grams: Sequence[str], k: int, alive: Array) -> list[tuple[int, float]]:
        """Row numbers and BM25 scores, best first, by the rarest of the grams."""
        chosen = self._rarest(grams)
        if self._index is None or not chosen:
            return []
        scores = np.asarray(self._index.get_scores_from_ids(chosen))
        if not alive.all():
            scores = np.where(alive, scores, 0)
        top = _at_least(scores, k)
        top = top[np.lexsort((top, -scores[top]))][:k]
        return [(int(row), float(scores[row])) for row in top]

    def _rarest(self, grams: Sequence[str]) -> list[int]:
        numbers = [number for gram in grams if (number := self.number(gram)) is not None]
        numbers.sort(key=lambda number: (self._counts[number], number))
        chosen: list[int] = []
        total = 0
        for number in numbers:
            total += int(self._counts[number])
            if chosen and total > MOST_POSTINGS:
                break
            chosen.append(number)
        return chosen


def _at_least(scores: Array, k: int) -> Array:
    """The places of the k best scores above 0, and of some others."""
    top = float(scores.max(initial=0))
    for share in (0.5, 0.3, 0.15):  # most rows are far below the best: no need to sort them
        found = np.flatnonzero(scores > share * top)
        if len(found) >= k:
            return found
    return np.flatnonzero(scores > 0)


class PostingsWriter:
    """Collects the grams of rows, and writes their BM25 scores in the form of bm25s.

    bm25s itself builds the same from lists of tokens; a table's rows hold each gram once, which
    makes it a few operations on whole columns.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._grams = array("I")
        self._ends = array("I")

    def add(self, grams: Sequence[str]) -> None:
        """The grams of the next row, each once."""
        numbers = self._numbers
        self._grams.extend([numbers.setdefault(gram, len(numbers)) for gram in grams])
        self._ends.append(len(self._grams))

    def write(self, folder: Path) -> None:
        """An index that bm25s reads; nothing where no row has a gram."""
        if not self._numbers:
            return
        index = _bm25s().BM25(k1=K1, b=B, method="lucene")
        index.vocab_dict = self._numbers
        index.scores = self._scores()
        index.nonoccurrence_array = None  # of other methods than this
        index.save(folder / "bm25", show_progress=False)

    def _scores(self) -> dict[str, Any]:
        """Postings by gram, in compressed columns."""
        grams = np.array(self._grams, dtype=np.int32)
        ends = np.array([0, *self._ends], dtype=np.int64)
        lengths = ends[1:] - ends[:-1]
        rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        order = np.argsort(grams, kind="stable")
        held = np.bincount(grams, minlength=len(self._numbers))
        rarity = np.log(1 + (len(lengths) - held + 0.5) / (held + 0.5))
        saturation = 1 / (1 + K1 * (1 - B + B * lengths / lengths.mean()))
        data = (rarity[grams] * saturation[rows]).astype(np.float32)
        indptr = np.concatenate([[0], np.cumsum(held)]).astype(np.int32)
        return {
            "data": data[order],
            "indices": rows[order],
            "indptr": indptr,
            "num_docs": len(lengths),
        }
