"""What speaks against a passage as a negative, whatever its score: it may well be right.

About 70 % of what a search finds above the one marked passage of MS MARCO answers the question too
(Qu et al. 2021, RocketQA, arXiv 2010.08191), and training on such negatives makes a search worse.
"""

import re
from collections import defaultdict
from functools import lru_cache

from huohou.data.normal import normal
from huohou.data.pairs import PairSet, Passage, Query
from huohou.data.similar import DENSE, THRESHOLD, jaccard, shingles

SAME_QUESTION = "same-question"  # it answers another query of the same words
SAME_DOCUMENT = "same-document"
NEAR_EQUAL = "near-equal"  # nearly the text of one that is right
ANSWER_INSIDE = "answer-inside"  # it holds the answer's words
KEPT_TEXTS = 20_000


class Guards:
    """Says why a passage is no safe negative for a query, or None.

    near, answers, same_document: which to ask; a repeated question is always asked about.
    """

    def __init__(
        self,
        pairs: PairSet,
        *,
        near: bool = True,
        answers: bool = True,
        same_document: bool = False,
    ) -> None:
        self._pairs = pairs
        self._near, self._answers, self._same_document = near, answers, same_document
        self._right: dict[str, set[str]] = defaultdict(set)
        for query in pairs.queries:
            self._right[normal(query.text)].update(query.positives)
        self._normal = lru_cache(KEPT_TEXTS)(normal)
        self._shingles = lru_cache(512)(shingles)

    def against(self, query: Query, passage: Passage) -> str | None:
        """One of the reasons above."""
        if passage.id in self._right[normal(query.text)]:
            return SAME_QUESTION
        if self._same_document and passage.document in self._pairs.documents_of(query):
            return SAME_DOCUMENT
        if self._near and any(
            self._close(passage, self._pairs.passage(i)) for i in query.positives
        ):
            return NEAR_EQUAL
        if self._answers and self._holds_answer(query, passage):
            return ANSWER_INSIDE
        return None

    def _close(self, one: Passage, other: Passage) -> bool:
        first, second = self._normal(one.text), self._normal(other.text)
        if first == second:
            return True
        short, long = sorted((len(first), len(second)))
        if short < THRESHOLD * long - 10:  # so few n-grams cannot make up so large a share
            return False
        return jaccard(self._shingles(first), self._shingles(second)) >= THRESHOLD

    def _holds_answer(self, query: Query, passage: Passage) -> bool:
        text = self._normal(passage.text)
        return any(holds(text, self._normal(answer)) for answer in query.answers)


def holds(text: str, answer: str) -> bool:
    """Whether a text holds an answer's words; both in normal form. Short answers say nothing.

    >>> holds("born in ulm in 1879", "ulm"), holds("the ulmer", "ulm"), holds("all of it", "of")
    (True, False, False)
    >>> holds("他出生于乌尔姆。", "乌尔姆")
    True
    """
    dense = bool(DENSE.search(answer))
    if len(answer) < (2 if dense else 3) or answer not in text:
        return False
    return dense or bool(re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text))
