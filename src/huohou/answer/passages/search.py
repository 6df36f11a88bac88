"""Passages that may answer a question: found by their words and, with an encoder, by meaning."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from huohou.answer.passages.sentences import sentences
from huohou.answer.passages.terms import Weights, covered, letters, terms
from huohou.answer.passages.types import Passage
from huohou.probe.bm25 import K1, Bm25, words

Floats = NDArray[np.float32]
FIRST = 6  # passages that are read for an answer
LITTLE = 0.1  # of a score by words, whose hits come to several
RANKS = 60  # of reciprocal rank fusion, Cormack, Clarke and Büttcher 2009


class Meaning(Protocol):
    """Vectors of unit length whose inner product is how near two texts are in meaning."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    def questions(self, texts: Sequence[str]) -> Floats:
        """texts [n] -> vectors [n, d]."""
        ...

    def passages(self, texts: Sequence[str]) -> Floats:
        """texts [n] -> vectors [n, d]."""
        ...

    def sentences(self, texts: Sequence[str]) -> Floats:
        """texts [n] -> vectors [n, d]."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A passage found for a question.

    rank: from 0; share: of the score of words that the best passage by words has; strength: of the
    score a passage of average length could have with each of the question's words once, above 1
    with repeated ones; near: nearness in meaning, in standard deviations above the mean of all
    passages, 0 without an encoder.
    """

    passage: Passage
    rank: int
    share: float
    strength: float
    near: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage: its text, its words of content, its Chinese characters."""

    text: str
    terms: tuple[str, ...]
    letters: frozenset[str]


class Shelf:
    """Passages ready to be searched. meaning: an encoder, None to go by words alone."""

    def __init__(self, passages: Sequence[Passage], meaning: Meaning | None = None) -> None:
        whole = [f"{one.title}\n{one.text}" for one in passages]
        self.all = tuple(passages)
        self.meaning = meaning
        self._terms = [frozenset(terms(text)) for text in whole]
        self.weights = Weights(self._terms)
        self._letters = [letters(text) for text in whole]
        self.letters = Weights(self._letters)
        self._words = Bm25(whole)
        self._read: dict[int, tuple[Sentence, ...]] = {}
        self._rarity = Weights(words(text) for text in whole)
        self._vectors = None if meaning is None else meaning.passages(whole)
        told = (f"{p.source}\0{p.title}\0{p.text}\0" for p in passages)
        self.fingerprint = hashlib.sha256("".join(told).encode("utf-8", "replace")).hexdigest()

    def terms_of(self, passage: Passage) -> frozenset[str]:
        """Words of content of a passage with its title."""
        return self._terms[passage.id]

    def sentences(self, passage: Passage) -> tuple[Sentence, ...]:
        """The sentences of a passage, read once."""
        if passage.id not in self._read:
            self._read[passage.id] = tuple(
                Sentence(text, tuple(terms(text)), letters(text))
                for text in sentences(passage.text)
            )
        return self._read[passage.id]

    def search(self, question: str, first: int = FIRST) -> list[Found]:
        """The passages most likely to answer, best first."""
        by_words = self._words.scores(question)
        near = self._near(question)
        alike = by_words + self._by_letters(question)
        score = alike if near is None else _fused([alike, near])
        order = np.argsort(-score, kind="stable")[:first]
        most = float(by_words.max(initial=0.0))
        possible = sum(self._rarity.of(words(question)).values()) * (K1 + 1) / 2
        return [
            Found(
                self.all[i],
                rank,
                float(by_words[i]) / most if most else 0.0,
                float(by_words[i]) / possible if possible else 0.0,
                float(near[i]) if near is not None else 0.0,
            )
            for rank, i in enumerate(order.tolist())
            if alike[i] > 0 or near is not None
        ]

    def _by_letters(self, question: str) -> Floats:
        """Single Chinese characters in common, 0 to LITTLE: they decide where words do not."""
        rarity = self.letters.of(sorted(letters(question)))
        if not rarity:
            return np.zeros(len(self.all), dtype=np.float32)
        shares = [covered(rarity, there) for there in self._letters]
        return np.array(shares, dtype=np.float32) * LITTLE

    def sentence_nearness(self, question: str, texts: Sequence[str]) -> list[float]:
        """Cosine of the question and each text; 0 without an encoder."""
        if self.meaning is None or not texts:
            return [0.0] * len(texts)
        asked = self.meaning.questions([question])[0]
        found: list[float] = (self.meaning.sentences(texts) @ asked).tolist()
        return found

    def _near(self, question: str) -> Floats | None:
        if self.meaning is None or self._vectors is None:
            return None
        cosine = self._vectors @ self.meaning.questions([question])[0]
        spread = float(cosine.std())
        standard: Floats = (cosine - cosine.mean()) / (spread or 1.0)
        return standard


def _fused(scores: Sequence[Floats]) -> Floats:
    """Reciprocal rank fusion: the sum of 1 / (60 + rank)."""
    whole = np.zeros(len(scores[0]), dtype=np.float32)
    for one in scores:
        rank = np.empty(len(one), dtype=np.float32)
        rank[np.argsort(-one, kind="stable")] = np.arange(1, len(one) + 1)
        whole += 1.0 / (RANKS + rank)
    return whole
