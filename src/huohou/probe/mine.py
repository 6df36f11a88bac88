"""Hard negatives: passages that a model takes for the right one, and that are not.

Searched in everything that may be trained on, never in a test document. What scores nearly as high
as the right passage is left out, for it is often right itself (de Souza P. Moreira et al. 2024,
NV-Retriever, arXiv 2407.15831: of five filters, below 95 % of the positive's score was best, and
four drawn from the first ten that pass better than the hardest or deeper ones). Each passage that
was looked at is told with the reason it was kept or dropped.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huohou.data.pairs import PairSet, Passage, Query
from huohou.errors import DataError, ModelError, UsageError
from huohou.probe.guards import Guards
from huohou.probe.mined import (
    ABOVE,
    JUDGED,
    KEPT,
    NOT_DRAWN,
    OUTSIDE,
    TOO_CLOSE,
    Candidate,
    Mined,
    MinedQuery,
    MineOptions,
)
from huohou.probe.search import Blocks, Vectors, finite, top_k
from huohou.text import say

Judge = Callable[[int, Sequence[int]], NDArray[np.floating]]
"""Place of a query, places of passages in the mined corpus -> scores [n]."""


def minable(pairs: PairSet) -> list[int]:
    """Places of the passages that may be trained on: of train, or free.

    A free passage of a document that a test or evaluation uses is not.
    """
    held = {one.document for one in pairs.passages if one.part in ("eval", "test")}
    return [
        i
        for i, one in enumerate(pairs.passages)
        if one.part == "train" or (not one.part and one.document not in held)
    ]


def mine(
    pairs: PairSet,
    query_vectors: Vectors,
    passage_vectors: Vectors,
    options: MineOptions | None = None,
    *,
    judge: Judge | None = None,
    blocks: Blocks | None = None,
) -> Mined:
    """Hard negatives for each query of ``pairs``.

    query_vectors [Q, d]: of its queries; passage_vectors [N, d]: of its passages at the places
    ``minable(pairs)``, in that order. Inner products are the scores. blocks: who searches, as of
    ``top_k``. Raises UsageError for queries of another part than train, DataError for a positive
    that is not in the corpus, ModelError for NaN in vectors.
    """
    asked = options or MineOptions()
    places = minable(pairs)
    corpus = [pairs.passages[i] for i in places]
    right = _positives(pairs, {passage.id: i for i, passage in enumerate(corpus)})
    finite(query_vectors, "query", [query.id for query in pairs.queries])
    finite(passage_vectors, "passage", [passage.id for passage in corpus])
    most = max((len(own) for own in right), default=0)
    depth = min(len(corpus), asked.depth + most)
    found, scores = top_k(query_vectors, passage_vectors, depth, blocks=blocks)
    one = _OneQuery(pairs, corpus, asked, judge)
    mined, curve = [], np.zeros((len(asked.ladder()), 2), dtype=np.int64)
    for i, query in enumerate(pairs.queries):
        own_scores = (passage_vectors[right[i]] @ query_vectors[i]).tolist()
        score, positive = min(zip(own_scores, right[i], strict=True))
        hits = list(zip(found[i].tolist(), scores[i].tolist(), strict=True))
        result, kept = one.mine(_Asked(i, query, frozenset(right[i]), positive, score, hits))
        mined.append(result)
        curve += np.stack([kept, kept >= asked.negatives], axis=1)
    reasons = Counter(c.reason for query_found in mined for c in query_found.candidates)
    rungs = zip(asked.ladder(), curve.tolist(), strict=True)
    steps = tuple((rung, int(kept), int(enough)) for rung, (kept, enough) in rungs)
    notes = tuple(_notes(mined, asked, len(corpus), most))
    return Mined(tuple(mined), len(corpus), len(pairs.passages), steps, notes, reasons)


class _OneQuery:
    """The way of one query: what passes, at which limit, what is drawn."""

    def __init__(
        self, pairs: PairSet, corpus: Sequence[Passage], asked: MineOptions, judge: Judge | None
    ) -> None:
        self._corpus, self._asked, self._judge = corpus, asked, judge
        self._ladder = asked.ladder()
        self._guards = Guards(
            pairs, near=asked.near, answers=asked.answers, same_document=asked.same_document
        )

    def mine(self, one: "_Asked") -> tuple[MinedQuery, NDArray[np.int64]]:
        """The result, and how many would be kept at each limit of the ladder."""
        limits = [limit_of(one.score, share) for share in self._ladder]
        seen = self._looked_at(one, limits[0])
        first, last = self._asked.ranks
        passing = [[c for c in seen if not c.against and c.score < limit] for limit in limits]
        windows = [passed[first - 1 : last] for passed in passing]
        kept = np.array([min(self._asked.negatives, len(window)) for window in windows])
        rung = int(np.argmax(kept))  # the strictest that gives most
        limit = limits[rung]
        rank = next((r for r, (place, _) in enumerate(one.hits, 1) if place == one.positive), None)
        result = MinedQuery(
            one.query.id,
            self._corpus[one.positive].id,
            one.score,
            rank,
            self._ladder[rung],
            limit,
            tuple(self._told(one, seen, windows[rung], limit)),
        )
        return result, kept

    def _told(
        self, one: "_Asked", seen: Sequence["_Seen"], window: Sequence["_Seen"], limit: float
    ) -> Iterator[Candidate]:
        """Each passage that was looked at with the reason it is kept or dropped.

        window: those that negatives are drawn from.
        """
        judged = self._judged(one, window)
        refused = {place for place, (score, right) in judged.items() if score >= right}
        drawn = self._drawn(one.query, [c for c in window if c.place not in refused])
        inside = {c.place for c in window}
        for c in seen:
            reason = c.against or (TOO_CLOSE if c.score >= limit else OUTSIDE)
            if c.place in inside:
                chosen = KEPT if c.place in drawn else NOT_DRAWN
                reason = JUDGED if c.place in refused else chosen
            scores = judged.get(c.place, (None, None))
            yield Candidate(self._corpus[c.place].id, c.rank, c.score, reason, *scores)

    def _looked_at(self, one: "_Asked", strictest: float) -> list["_Seen"]:
        """Passages from the best down, until enough pass the strictest limit."""
        seen: list[_Seen] = []
        passed = 0
        known = set(one.query.negatives)  # negatives already
        for rank, (place, score) in enumerate(one.hits, 1):
            passage = self._corpus[place]
            if place in one.right or passage.id in known:
                continue
            if passed == self._asked.ranks[1] or len(seen) == self._asked.depth:
                break
            against = self._against(one.query, passage, score)
            seen.append(_Seen(place, rank, score, against))
            passed += not against and score < strictest
        return seen

    def _against(self, query: Query, passage: Passage, score: float) -> str:
        if self._asked.absolute is not None and score > self._asked.absolute:
            return ABOVE
        return self._guards.against(query, passage) or ""

    def _judged(self, one: "_Asked", window: Sequence["_Seen"]) -> dict[int, tuple[float, float]]:
        """The judge's score of each passage, and of the positive; nothing without a judge."""
        if self._judge is None or not window:
            return {}
        places = [c.place for c in window]
        scores = np.asarray(self._judge(one.place, [one.positive, *places]), dtype=float)
        if not np.isfinite(scores).all():
            raise ModelError("mine.judge_nan", query=one.query.id)
        right, *others = scores.tolist()
        return {place: (score, right) for place, score in zip(places, others, strict=True)}

    def _drawn(self, query: Query, eligible: Sequence["_Seen"]) -> set[int]:
        """Places that are kept. The draw depends on seed and query alone, not on its neighbours."""
        count = min(self._asked.negatives, len(eligible))
        if self._asked.draw == "hardest":
            return {c.place for c in eligible[:count]}
        mark = hashlib.sha256(query.id.encode("utf-8", "surrogatepass")).digest()[:8]
        rng = np.random.default_rng([self._asked.seed, int.from_bytes(mark)])
        return {eligible[i].place for i in rng.choice(len(eligible), count, replace=False)}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query with the places of its right passages, the one that scores lowest of them, that
    score, and what the search found: places and scores, best first."""

    place: int
    query: Query
    right: frozenset[int]
    positive: int
    score: float
    hits: Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class _Seen:
    place: int
    rank: int
    score: float
    against: str


def limit_of(positive: float, share: float) -> float:
    """The score that is this share of the positive's; below it for scores below 0, too.

    >>> limit_of(0.8, 0.95), limit_of(-0.8, 0.95)
    (0.76, -0.8400000000000001)
    """
    return positive - (1 - share) * abs(positive) if math.isfinite(share) else math.inf


def _positives(pairs: PairSet, corpus: dict[str, int]) -> list[list[int]]:
    """Places of each query's positives in the mined corpus."""
    found = []
    for query in pairs.queries:
        if not query.positives:
            raise DataError("data.pairs.query_without", where=pairs.source, id=query.id)
        for id in query.positives:
            if id not in pairs.index:
                where = pairs.place(query)
                raise DataError("mine.positive_missing", where=where, query=query.id, id=id)
            if id not in corpus:
                part = pairs.passage(id).part or say("mine.held_document")
                raise UsageError("mine.not_training", query=query.id, id=id, part=part)
        found.append([corpus[id] for id in query.positives])
    return found


def _notes(
    mined: Sequence[MinedQuery], asked: MineOptions, corpus: int, positives: int
) -> Iterator[str]:
    others = corpus - positives
    if others < asked.ranks[1]:
        yield say("mine.small_corpus", others=max(others, 0), last=asked.ranks[1])
    counts = Counter(len(one.negatives) for one in mined)
    short = sum(count for size, count in counts.items() if 0 < size < asked.negatives)
    if short:
        yield say("mine.short", count=short, all=len(mined), wanted=asked.negatives)
    if counts[0]:
        yield say("mine.none", count=counts[0], all=len(mined))
    relaxed = sum(1 for one in mined if asked.relative and one.relative > asked.relative)
    if relaxed:
        yield say("mine.relaxed", count=relaxed, all=len(mined), to=f"{asked.relax_to:g}")
