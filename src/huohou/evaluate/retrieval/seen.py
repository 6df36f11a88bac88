"""One search on the questions: where the answers stand, what came first, and the few candidates."""

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huohou.data.pairs import PairSet, Query
from huohou.evaluate.retrieval.searches import Block, Search
from huohou.measure.retrieval import Ranking, place
from huohou.probe.search import flat

NEGATIVES = 5  # beside the right one, in the table of few candidates
FIRST = 5  # passages kept of each question, to be read

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Task:
    """Questions over passages, and the few candidates of each question.

    relevant: places of the passages that answer; candidates [Q, 1 + n]: the right one first (the
    best of several), then passages drawn at random that do not answer; groups: the document that a
    question is answered by.
    """

    pairs: PairSet
    relevant: Sequence[Sequence[int]]
    gains: Sequence[Sequence[float]]
    candidates: Places
    groups: Sequence[Hashable]

    @staticmethod
    def of(pairs: PairSet, negatives: int = NEGATIVES, seed: int = 0) -> "Task":
        """The task of a PairSet; fewer negatives where there are fewer passages.

        The draw goes by seed and question alone: the same for every model.
        """
        relevant = [[pairs.index[id] for id in query.positives] for query in pairs.queries]
        texts = [passage.text for passage in pairs.passages]
        most = max((len(places) for places in relevant), default=0)
        count = max(0, min(negatives, len(texts) - most))
        drawn = [
            _drawn(query, places, texts, count, seed)
            for query, places in zip(pairs.queries, relevant, strict=True)
        ]
        width = min(map(len, drawn), default=0)
        candidates = np.array([row[:width] for row in drawn], dtype=np.int64)
        groups = [pairs.documents_of(query)[0] for query in pairs.queries]
        return Task(pairs, relevant, [q.gains for q in pairs.queries], candidates, groups)

    @property
    def negatives(self) -> int:
        """Of each question, beside the right one."""
        return int(self.candidates.shape[1]) - 1


def _drawn(
    query: Query, relevant: Sequence[int], texts: Sequence[str], negatives: int, seed: int
) -> list[int]:
    """The right one and passages that do not answer: not relevant, not the words of one that is."""
    best = max(range(len(relevant)), key=lambda i: query.gains[i] if query.gains else 0)
    right = {texts[i] for i in relevant}
    chance = random.Random(f"{seed}:{query.id}")
    many = min(len(texts), negatives + len(relevant) + 20)
    offered = chance.sample(range(len(texts)), many)
    return [relevant[best], *[i for i in offered if texts[i] not in right][:negatives]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a search made of a task.

    ranking: against all passages; few: among the candidates; first [Q, k]: places of what came
    first, best first.
    """

    search: Search
    ranking: Ranking
    few: Ranking
    first: Places

    @property
    def place_of_best(self) -> NDArray[np.float64]:
        """Place of each question's best answer, from 1, the middle of a tie; [Q]."""
        found = np.full(len(self.ranking), np.inf)
        middle = self.ranking.better + self.ranking.ties / 2 + 1
        np.minimum.at(found, self.ranking.owner, middle)
        return found


def look(search: Search, task: Task, first: int = FIRST) -> Seen:
    """Rank every question's passages. Raises UsageError for a question without an answer."""
    owner, columns, gains = flat(task.relevant, task.gains)
    better, ties = np.empty_like(owner), np.empty_like(owner)
    few = np.empty((2, len(task.relevant)), dtype=np.int64)
    best = np.empty((len(task.relevant), min(first, len(task.pairs.passages))), dtype=np.int64)
    for block in search.blocks():
        rows = slice(block.begin, block.begin + len(block.scores))
        mine = slice(*np.searchsorted(owner, [rows.start, rows.stop]))
        at = owner[mine] - block.begin
        better[mine], ties[mine] = place(block.scores, at, columns[mine], block.near[at])
        few[:, rows] = _among(block, task.candidates[rows])
        best[rows] = np.argsort(-block.scores, axis=1, kind="stable")[:, : best.shape[1]]
    ranking = Ranking(better, ties, len(task.pairs.passages), owner, gains)
    return Seen(search, ranking, Ranking(few[0], few[1], task.candidates.shape[1]), best)


def _among(block: Block, candidates: Places) -> tuple[Places, Places]:
    scores = np.take_along_axis(block.scores, candidates, axis=1)
    rows = np.arange(len(scores))
    return place(scores, rows, np.zeros_like(rows), block.near)
