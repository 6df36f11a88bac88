"""Whether a sentence answers a question: features that can be read, two small logistic functions.

The first orders the sentences of the passages found; the second says how probable it is that the
best one answers at all. Their weights come from ``support.json``, fitted by
``bench/_fit_passages.py`` on questions whose passages were partly taken away.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from huohou.answer.passages.search import Found, Sentence, Shelf
from huohou.answer.passages.terms import covered, is_dense, letters, terms

_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred"
    r"|thousand|million|billion|half|first|second|third)\b|[一二三四五六七八九十百千万亿两]",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b1\d{3}\b|\b20\d{2}\b|century|\b(?:january|february|march|april|may|june|july|august"
    r"|september|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday"
    r"|sunday|year|day|month|week|morning|night)s?\b|\d\s*[年月日号世]|世纪|世紀|星期|年代|时期",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<!^)(?<![.!?]\s)\b[A-Z][\w'’-]+|[·・“《「]|[\u4e00-\u9fff]{2,}")
_BECAUSE = re.compile(
    r"\b(?:because|since|due|so that|in order|therefore|cause[sd]?|result|reason)\b|因为|因為|由于"
    r"|由於|因此|所以|导致|導致|为了|為了|原因|以便",
    re.IGNORECASE,
)
_MUCH = (
    r"\bhow (?:many|much|long|far|old|often|large|big|tall|high)\b|多少|几|多大|多长|多高|多久|幾"
)
_WHEN = (
    r"\bwhen\b|\b(?:what|which) (?:year|day|date|month|century|time)\b|何时|哪一?年|什么时候"
    r"|什麼時候|哪一?天|几月|何時|日期"
)
_WHO = r"\bwho(?:m|se)?\b|\bwhere\b|谁|誰|哪里|哪裡|哪儿|何地|哪位|什么地方"
_WHY = r"\bwhy\b|为什么|為什麼|为何|為何|原因"
KINDS = (  # what is asked for, by the question; what the sentence must then hold
    (re.compile(_MUCH, re.IGNORECASE), _NUMBER),
    (re.compile(_WHEN, re.IGNORECASE), _TIME),
    (re.compile(_WHO, re.IGNORECASE), _NAME),
    (re.compile(_WHY, re.IGNORECASE), _BECAUSE),
)
ALSO = 1.0  # log odds below the best within which the second sentence is quoted too
CANDIDATE = (
    "sentence", "around", "passage", "phrase", "fits", "misfits", "share", "first", "length",
    "near", "close", "letters",
)  # fmt: skip
BEST = (
    "score", "sentence", "around", "passage", "unknown", "strength", "margin", "near", "close",
    "few", "misfits", "gap", "dense", "letters",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer. features: by the names of CANDIDATE; score: log odds among the
    sentences of one question."""

    found: Found
    text: str
    place: int
    features: Mapping[str, float]
    score: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, its words of content and what each of them weighs, and what it asks for."""

    question: str
    terms: Sequence[str]
    weights: Mapping[str, float]
    letters: Mapping[str, float]
    wanted: re.Pattern[str] | None


def _read(shelf: Shelf, question: str) -> _Asked:
    own = terms(question)
    single = shelf.letters.of(sorted(letters(question)))
    wanted = next((held for asks, held in KINDS if asks.search(question)), None)
    return _Asked(question, own, shelf.weights.of(own), single, wanted)


def candidates(shelf: Shelf, question: str, weights: "Fitted | None" = None) -> list[Candidate]:
    """Every sentence of the passages found, the likeliest answer first."""
    chosen = weights or fitted(shelf.meaning is not None)
    asked = _read(shelf, question)
    wholes = [(found, shelf.sentences(found.passage)) for found in shelf.search(question)]
    rows = [(found, whole, i) for found, whole in wholes for i in range(len(whole))]
    close = shelf.sentence_nearness(question, [whole[i].text for _, whole, i in rows])
    made = []
    for (found, whole, i), cosine in zip(rows, close, strict=True):
        features = _features(asked, whole, i) | {
            "passage": covered(asked.weights, shelf.terms_of(found.passage)),
            "share": found.share,
            "first": float(found.rank == 0),
            "near": found.near,
            "close": cosine,
        }
        made.append(Candidate(found, whole[i].text, i, features, chosen.order(features)))
    return sorted(made, key=lambda one: -one.score)


def _features(asked: _Asked, whole: Sequence[Sentence], place: int) -> dict[str, float]:
    """What can be seen of one sentence of a passage."""
    own, near = whole[place], whole[max(0, place - 1) : place + 2]
    held = asked.wanted.findall(own.text) if asked.wanted is not None else []
    fits = any(found not in asked.question for found in held if found)
    return {
        "sentence": covered(asked.weights, own.terms),
        "around": covered(asked.weights, chain.from_iterable(one.terms for one in near)),
        "phrase": _phrase(asked.terms, own.terms),
        "fits": float(fits),
        "misfits": float(asked.wanted is not None and not fits),
        "letters": covered(asked.letters, chain.from_iterable(one.letters for one in near)),
        "length": math.log1p(len(own.terms)),
    }


def _phrase(asked: Sequence[str], there: Sequence[str]) -> float:
    """Part of the neighbouring words of a question that are neighbours in the text too."""
    pairs = set(pairwise(asked))
    return len(pairs & set(pairwise(there))) / len(pairs) if pairs else 0.0


def quoted(found: Sequence[Candidate]) -> list[Candidate]:
    """The sentences an answer quotes, as they stand in the passages: the best, and the second one
    where it is nearly as likely."""
    return [one for one in found[:2] if one.score >= found[0].score - ALSO]


def best_features(shelf: Shelf, question: str, found: Sequence[Candidate]) -> dict[str, float]:
    """What decides whether the best sentence answers at all, by the names of BEST."""
    best, asked = found[0], terms(question)
    other = [one for one in found if one.found.passage != best.found.passage]
    rival = max((one.features["passage"] for one in other), default=0.0)
    return {
        "score": best.score,
        **{name: best.features[name] for name in ("sentence", "around", "passage", "letters")},
        "unknown": shelf.weights.unknown(asked),
        "strength": min(best.found.strength, 2.0),
        "margin": best.features["passage"] - rival,
        "near": best.features["near"],
        "close": best.features["close"],
        "few": 1.0 / (1 + len(set(asked))),
        "misfits": best.features["misfits"],
        "gap": min(best.score - found[1].score, 4.0) if len(found) > 1 else 4.0,
        "dense": float(sum(map(is_dense, question)) * 2 > len(question)),
    }


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights of both functions by feature, ``bias`` among them; thresholds of the probability:
    below ``refuse`` nothing is said, from ``found`` on the answer is given. about: what they were
    fitted on, and what was measured on questions that were not fitted on."""

    candidate: Mapping[str, float]
    best: Mapping[str, float]
    refuse: float
    found: float
    about: Mapping[str, Any]

    def order(self, features: Mapping[str, float]) -> float:
        """Log odds that a sentence is the one that answers."""
        return _dot(self.candidate, features)

    def support(self, features: Mapping[str, float]) -> float:
        """Probability that the best sentence answers the question, 0..1."""
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, _dot(self.best, features)))))


def _dot(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    return weights.get("bias", 0.0) + sum(
        weight * features.get(name, 0.0) for name, weight in weights.items() if name != "bias"
    )


@cache
def fitted(with_encoder: bool) -> Fitted:
    """The weights that come with huohou: for a search by words, or with an encoder's help."""
    raw = json.loads((Path(__file__).parent / "support.json").read_text(encoding="utf-8"))
    return Fitted(**raw["encoder" if with_encoder else "words"])
