"""BM25: what counting words finds. The baseline that a trained search has to beat.

Scores are of the library bm25s, in Lucene's form with k1 = 1.5 and b = 0.75. Words are not stemmed
and none are left out. An identifier counts as itself and as its parts; Chinese, Japanese and
Korean, which put no blanks between words, count as pairs of characters.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from huohou.measure.retrieval import Ranking, place
from huohou.probe.search import Places, Vectors, flat

K1, B = 1.5, 0.75

_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_PIECES = re.compile(rf"[{_DENSE}]+|[^\W{_DENSE}]+(?:'[^\W\d_]+)?")
_DENSE_RUN = re.compile(rf"[{_DENSE}]")
_HUMPS = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(text: str) -> list[str]:
    """The words of a text as BM25 counts them.

    >>> words("Use os.path.getSize(file_name)")
    ['use', 'os', 'path', 'getsize', 'get', 'size', 'file_name', 'file', 'name']
    >>> words("北京市 2024")
    ['北京', '京市', '2024']
    """
    found: list[str] = []
    for piece in _PIECES.findall(unicodedata.normalize("NFKC", text)):
        if _DENSE_RUN.match(piece):
            pairs = [piece[i : i + 2] for i in range(len(piece) - 1)]
            found += pairs or [piece]
            continue
        whole = piece.casefold().strip("_")
        parts = [part.casefold() for hump in _CAMEL.split(piece) for part in _HUMPS.findall(hump)]
        found += [whole, *parts] if len(parts) > 1 and "'" not in whole else [whole]
    return [word for word in found if word]


class Bm25:
    """An index of passages; scores are float32, 0 where no word is shared."""

    def __init__(self, passages: Iterable[str]) -> None:
        from bm25s import BM25

        split = [words(text) for text in passages]
        self._count = len(split)
        self._index = None
        if any(split):
            self._index = BM25(k1=K1, b=B, method="lucene")
            self._index.index(split, show_progress=False)

    def __len__(self) -> int:
        return self._count

    @property
    def fingerprint(self) -> str:
        """Of what decides a score: library, parameters, how words are split."""
        from importlib.metadata import version

        told = f"bm25s {version('bm25s')} lucene {K1} {B} {_PIECES.pattern} {_CAMEL.pattern}"
        return hashlib.sha256(told.encode()).hexdigest()

    def scores(self, query: str) -> Vectors:
        """Score of each passage for a query, [N]."""
        none = np.zeros(self._count, dtype=np.float32)
        if self._index is None:
            return none
        known = [word for word in words(query) if word in self._index.vocab_dict]
        if not known:
            return none
        return np.asarray(self._index.get_scores(known), dtype=np.float32)

    def top_k(self, queries: Sequence[str], k: int) -> tuple[Places, Vectors]:
        """Places and scores [Q, k] of the best, best first; of equal scores the earlier one."""
        places = np.empty((len(queries), k), dtype=np.int64)
        found = np.empty((len(queries), k), dtype=np.float32)
        for i, query in enumerate(queries):
            scores = self.scores(query)
            places[i] = np.argsort(-scores, kind="stable")[:k]
            found[i] = scores[places[i]]
        return places, found

    def ranking_of(
        self,
        queries: Sequence[str],
        relevant: Sequence[Sequence[int]],
        gains: Sequence[Sequence[float]] | None = None,
    ) -> Ranking:
        """Where the relevant passages of each query stand. Raises UsageError for one without."""
        owner, columns, weights = flat(relevant, gains)
        counts = np.empty((2, len(owner)), dtype=np.int64)
        for i, query in enumerate(queries):
            mine = slice(*np.searchsorted(owner, [i, i + 1]))
            asked = columns[mine]
            counts[:, mine] = place(self.scores(query)[None], np.zeros_like(asked), asked)
        return Ranking(counts[0], counts[1], self._count, owner, weights)
