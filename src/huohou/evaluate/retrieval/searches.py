"""The ways to search that a scorecard ranks by: words counted, and vectors of an encoder.

Each gives the scores of some questions against all passages at a time, so that everything else is
the same for all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from huohou.data.pairs import PairSet
from huohou.evaluate.retrieval.scorer import Scorer, scorer_of
from huohou.measure.gaussian import SCORES, SEARCHABLE, search_vectors
from huohou.probe.bm25 import Bm25
from huohou.probe.search import MEMORY, TIE, Vectors, finite

if TYPE_CHECKING:
    from huohou.models.encoder import Encoder

ENTITY_SCORES = ("mean_pairs", "max_sim")
CELL = 8  # bytes of a score, where it is compared included

Progress = Callable[[int, int], None]


class Block(NamedTuple):
    """Scores of some questions. begin: place of the first; scores [q, N]; near [q]: scores at most
    this much apart are equal."""

    begin: int
    scores: NDArray[np.floating[Any]]
    near: NDArray[np.float64]


class Search(Protocol):
    """A way to search. fingerprint: of what decides its scores; scorer: None for no encoder."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def scorer(self) -> Scorer | None: ...

    def blocks(self) -> Iterator[Block]:
        """Scores of all questions, in their order."""
        ...


class Words:
    """BM25."""

    def __init__(self, pairs: PairSet, name: str = "bm25") -> None:
        self.name, self._pairs = name, pairs
        self._index = Bm25(passage.text for passage in pairs.passages)
        self.fingerprint = self._index.fingerprint
        self.scorer: Scorer | None = None

    def blocks(self) -> Iterator[Block]:
        """A question at a time."""
        for i, query in enumerate(self._pairs.queries):
            yield Block(i, self._index.scores(query.text)[None], np.zeros(1))


class Texts:
    """Vectors of whole texts. score: one of cosine, csd, w2, mls. Raises ModelError for NaN."""

    def __init__(
        self,
        name: str,
        encoder: "Encoder",
        pairs: PairSet,
        score: str = "cosine",
        progress: Progress = lambda _done, _all: None,
    ) -> None:
        self.name, self._score = name, score
        self.fingerprint, self.scorer = encoder.fingerprint, scorer_of(encoder, score)
        count, every = len(pairs.queries), len(pairs.queries) + len(pairs.passages)
        self._queries = encoder.encode_views(
            [q.text for q in pairs.queries],
            prompt="query",
            progress=lambda n, _: progress(n, every),
        )
        self._passages = encoder.encode_views(
            [p.text for p in pairs.passages],
            prompt="document",
            progress=lambda n, _: progress(count + n, every),
        )
        finite(self._queries.mu, "query", [q.id for q in pairs.queries])
        finite(self._passages.mu, "passage", [p.id for p in pairs.passages])

    def blocks(self) -> Iterator[Block]:
        """As many questions as memory has room for."""
        if self._score not in SEARCHABLE:
            yield from self._whole()
            return
        queries = self._side("query")
        passages = self._side("passage")
        longest = float(np.linalg.norm(passages, axis=1).max(initial=0.0))
        for part in _parts(len(queries), len(passages)):
            near = TIE * longest * np.linalg.norm(queries[part], axis=1).astype(np.float64)
            yield Block(part.start, queries[part] @ passages.T, near)

    def _side(self, side: Any) -> Vectors:
        found = self._queries if side == "query" else self._passages
        return search_vectors(self._score, found.mu, found.logvar, side).astype(np.float32)

    def _whole(self) -> Iterator[Block]:
        """A score that is no inner product."""
        queries, passages = self._queries, self._passages
        compare = SCORES[self._score]
        for part in _parts(len(queries.mu), len(passages.mu)):
            own = None if queries.logvar is None else queries.logvar[part]
            scores = compare(queries.mu[part], own, passages.mu, passages.logvar)
            yield Block(part.start, scores, TIE * np.abs(scores).max(axis=1))


class Entities:
    """Vectors of the entities in texts, of whole texts where one side has none; score: one of
    ENTITY_SCORES."""

    def __init__(self, name: str, encoder: "Encoder", pairs: PairSet, score: str) -> None:
        from huohou.recipes.aligning.encoding import encode, tokens_of

        self.name, self._score = name, score
        self.fingerprint, self.scorer = encoder.fingerprint, scorer_of(encoder, score)
        sides = []
        for texts, prompt in ((pairs.queries, "query"), (pairs.passages, "document")):
            told = [text.text for text in texts], [text.entities for text in texts]
            sides.append(encode(encoder, tokens_of(encoder, *told, prompt, by_entity=True), 4096))
        self._queries, self._passages = sides
        finite(self._queries.sentence.cpu().numpy(), "query", [q.id for q in pairs.queries])
        finite(self._passages.sentence.cpu().numpy(), "passage", [p.id for p in pairs.passages])

    def blocks(self) -> Iterator[Block]:
        """As many questions as memory has room for."""
        import torch

        from huohou.recipes.aligning.similarity import similarity

        count = len(self._queries.sentence)
        for part in _parts(count, len(self._passages.sentence)):
            some = self._queries.take(torch.arange(count)[part])
            scores, _ = similarity(some, self._passages, self._score)
            yield Block(part.start, scores.cpu().numpy(), np.full(len(scores), TIE))


def _parts(queries: int, passages: int) -> Sequence[slice]:
    rows = max(1, MEMORY // (CELL * max(1, passages)))
    return [slice(begin, min(queries, begin + rows)) for begin in range(0, queries, rows)]
