"""A question to documents: quoted with its place, or refused.

What is quoted was copied word by word. A model may put it into words of its own; each of its
sentences has to stand in a passage (``written``), else the words are set aside and the quotation is
given.
"""

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from huohou.answer.passages.search import Shelf
from huohou.answer.passages.sentences import sentences
from huohou.answer.passages.support import (
    Candidate,
    best_features,
    candidates,
    fitted,
    quoted,
)
from huohou.answer.passages.terms import is_dense, terms
from huohou.answer.passages.types import Passage, PassageAnswer, Quote
from huohou.answer.passages.written import Judged, judge
from huohou.answer.types import Check
from huohou.text import say

LONGEST = 2000  # characters of a question that are read
GIVEN = 3  # passages that a model is shown
NEAREST = 3  # quotations shown where it is not sure


class Writer(Protocol):
    """A model that answers from passages in words of its own."""

    @property
    def name(self) -> str:
        """As the answer names it."""
        ...

    def write(self, question: str, passages: Sequence[str]) -> str:
        """Its answer; passages are numbered from 1 in their order."""
        ...


def ask(shelf: Shelf, question: str, writer: Writer | None = None) -> PassageAnswer:
    """The answer of the passages to a question. Never raises for a question, whatever is in it."""
    began = time.perf_counter()
    answer = _answer(shelf, plain_question(question), writer)
    return replace(answer, seconds=time.perf_counter() - began)


def plain_question(question: str) -> str:
    """A question in one line without control characters, cut where nobody asks on."""
    kept = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in question[:LONGEST]
        if unicodedata.category(c) not in ("Cf", "Cs", "Co")
    )
    return " ".join(unicodedata.normalize("NFKC", kept).split())


def _answer(shelf: Shelf, question: str, writer: Writer | None) -> PassageAnswer:
    if not terms(question):
        return _refused(shelf, 0.0, say("passages.no_words"))
    found = candidates(shelf, question)
    if not found:
        return _refused(shelf, 0.0, say("passages.nothing_near"))
    weights = fitted(shelf.meaning is not None)
    support = weights.support(best_features(shelf, question, found))
    if support < weights.refuse:
        return _refused(shelf, support, say("passages.refused"))
    answer = _quotation(shelf, found, support, support >= weights.found)
    return answer if writer is None else _worded(shelf, question, found, answer, writer)


def _refused(shelf: Shelf, support: float, words: str) -> PassageAnswer:
    return PassageAnswer(
        words, (), True, "unknown", support, (), (), 0.0, shelf.fingerprint, "refused"
    )


def _quotation(
    shelf: Shelf, found: Sequence[Candidate], support: float, is_sure: bool
) -> PassageAnswer:
    if not is_sure:
        near = _nearest(found)
        told = say("passages.unsure", place=near[0].passage.place, sentence=near[0].text)
        return PassageAnswer(
            told, (), True, "unsure", support, (), near, 0.0, shelf.fingerprint, "quoted"
        )
    # in the order of the document where both are of one passage
    chosen = sorted(quoted(found), key=lambda one: (one.found.rank, one.place))
    first = found[0].found.passage
    chosen.sort(key=lambda one: one.found.passage != first)
    quotes = [Quote(one.found.passage, one.text, support) for one in chosen]
    return PassageAnswer(
        _cited([(quote.text, quote.passage) for quote in quotes]),
        tuple(quote.text for quote in quotes),
        True,
        "found",
        support,
        _evidence(quotes),
        (),
        0.0,
        shelf.fingerprint,
        "quoted",
        note=say("passages.note_encoder") if shelf.meaning is not None else "",
    )


def _nearest(found: Sequence[Candidate]) -> tuple[Quote, ...]:
    """The best sentence of each of the nearest passages."""
    best: dict[int, Quote] = {}
    for one in found:
        best.setdefault(one.found.passage.id, Quote(one.found.passage, one.text))
    return tuple(best.values())[:NEAREST]


def _evidence(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """The first quotation of each passage: its place in the row is the passage's number."""
    first: dict[int, Quote] = {}
    for quote in quotes:
        first.setdefault(quote.passage.id, quote)
    return tuple(first.values())


def _cited(said: Sequence[tuple[str, Passage]]) -> str:
    """Sentences with the number of their passage behind them."""
    numbers: dict[int, int] = {}
    whole = ""
    for text, passage in said:
        number = numbers.setdefault(passage.id, len(numbers) + 1)
        dense = bool(whole) and is_dense(text)
        line = " ".join(text.split())
        whole += f"{'' if dense or not whole else ' '}{line} [{number}]"
    return whole


def _worded(
    shelf: Shelf,
    question: str,
    found: Sequence[Candidate],
    quotation: PassageAnswer,
    writer: Writer,
) -> PassageAnswer:
    """The model's words where every sentence stands in a passage, else the quotation."""
    given = list({one.found.passage.id: one.found.passage for one in found}.values())[:GIVEN]
    wrote = writer.write(question, [passage.text for passage in given])
    judged = judge(shelf, wrote, given)
    checks = tuple(one.check for one in judged) or (
        Check("sentence-1", False, say("passages.check.empty")),
    )
    if not all(check.passed for check in checks):
        fault = next(check.text for check in checks if not check.passed)
        note = say("passages.set_aside", model=writer.name, fault=fault)
        return replace(quotation, checks=checks, model=writer.name, note=note)
    return replace(
        quotation,
        answer=_cited([(one.text, one.source) for one in judged if one.source is not None]),
        values=tuple(one.text for one in judged),
        verified=False,
        evidence=_evidence(_held(judged)),
        checks=checks,
        model=writer.name,
        way="written",
        note=say("passages.note_written", model=writer.name),
    )


def _held(judged: Sequence[Judged]) -> list[Quote]:
    """What each sentence was held against."""
    return [
        Quote(one.source, (sentences(one.source.text) or [""])[0])
        for one in judged
        if one.source is not None
    ]
