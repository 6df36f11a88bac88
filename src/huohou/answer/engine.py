"""The answering engine: a question in, an answer out whose every value is copied from a row.

A model may choose among rows that were found (``grounded``), or write by itself where that is
wanted for comparison (``constrained``, ``closed``: see ``huohou.answer.writing``). In ``lookup``
and ``grounded`` there is no way from a model's words to a value: the answer takes a row's number
and reads the row.
"""

import time
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING

from huohou import text
from huohou.answer import several_rows, writing
from huohou.answer.by_value import by_value
from huohou.answer.choose import CHOICES, Chooser, Writer
from huohou.answer.confidence import Confidence, shipped
from huohou.answer.index.near import spoken_codes
from huohou.answer.lookups import LookUps
from huohou.answer.meant import decide, worth_asking
from huohou.answer.turns import Turns
from huohou.answer.types import Answer, Hit, Mode
from huohou.answer.understand import Asked, Intent, asks_value, asks_who, tokens, understand
from huohou.errors import UsageError
from huohou.probe.answers import Heard
from huohou.text import say

if TYPE_CHECKING:
    from huohou.answer.index import FactIndex

MODES: tuple[Mode, ...] = ("lookup", "grounded", "constrained", "closed")


class _Aside:
    """A model that is asked while others have their turns."""

    def __init__(self, chooser: Chooser, turns: Turns) -> None:
        self._chooser, self._turns = chooser, turns

    @property
    def name(self) -> str:
        """Of the model."""
        return self._chooser.name

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        """Those of the model."""
        with self._turns.aside():
            return list(self._chooser.probabilities(question, candidates))


class Engine:
    """Answers questions about one table.

    index: the table; chooser: a model for ``grounded``, none asked when None; writer: a model for
    ``constrained`` and ``closed``; confidence: the fitted weights, those that come with huohou when
    None; language: of the answers, the one in force when None. Safe to call from several threads.
    """

    def __init__(
        self,
        index: "FactIndex",
        chooser: Chooser | None = None,
        confidence: Confidence | None = None,
        language: str | None = None,
        writer: Writer | None = None,
    ) -> None:
        self.index, self.chooser, self.writer = index, chooser, writer
        self.confidence = confidence or shipped()
        self.language = language
        self._rows = LookUps(index, self.confidence)
        self._values: tuple[str, writing.Values] | None = None
        self._turns = Turns()
        self._between = _Aside(chooser, self._turns) if chooser is not None else None

    def ask(self, question: str, mode: Mode = "grounded", heard: Heard | None = None) -> Answer:
        """The answer to one question. heard: told what a model writes by itself, as it writes it.

        Raises UsageError for a mode that needs another model.
        """
        start = time.perf_counter()
        if mode not in MODES:
            raise UsageError("answer.unknown_mode", mode=mode, known=", ".join(MODES))
        # in a context of its own, so that the language of one answer is not that of the next
        found = copy_context().run(self._ask, question, mode, heard)
        return replace(found, seconds=time.perf_counter() - start)

    def candidates(self, question: str) -> tuple[str, list[Hit]]:
        """The name as the engine reads it from a question, and the rows the look-up finds for it:
        what a confidence is fitted on."""
        asked = self._understood(question)
        name, hits, _ = decide(self.index, self._rows.names_of(asked), self.confidence)
        return name, hits

    def choice(self, question: str) -> tuple[list[Hit], list[float]] | None:
        """The rows of a question and what the chooser says of the first of them: what its trust is
        fitted on. None where there is nothing to choose. Raises ModelError, MissingExtraError."""
        asked = self._understood(question)
        name, hits, found = decide(self.index, self._rows.names_of(asked), self.confidence)
        if self.chooser is None or not worth_asking(hits, found):
            return None
        return hits, self.chooser.probabilities(name, [hit.entry.key for hit in hits[:CHOICES]])

    def _ask(self, question: str, mode: Mode, heard: Heard | None) -> Answer:
        if self.language is not None:
            text.use(self.language)
        if mode in ("constrained", "closed"):
            return self._written(question, mode, heard)
        with self._turns:
            return self._looked_up(question, mode)

    def _looked_up(self, question: str, mode: Mode) -> Answer:
        asked, rows = self._understood(question), self._rows
        if asked.intent == "empty":
            return self._empty(asked, mode)
        if asked.intent == "lacking":
            words = say("answer.lacking", columns=", ".join(self.index.about.columns))
            return rows.answer(asked, mode, words, status="unknown", confidence=1.0)
        if asked.intent == "list":
            return several_rows.listed(rows, asked, mode)
        if asked.vague:
            found = several_rows.vague(rows, asked, mode)
            if found is not None:
                return found
        if asked.intent == "name" or asked.codes:
            return by_value(rows, asked, mode)
        return rows.by_name(asked, mode, self._between if mode == "grounded" else None)

    def _empty(self, asked: Asked, mode: Mode) -> Answer:
        words = say("answer.empty", noun=self._rows.nouns.value)
        return self._rows.answer(asked, mode, words, status="unknown", confidence=1.0)

    def _understood(self, question: str) -> Asked:
        """The question, understood; its words looked up where the table's values are no codes."""
        asked = understand(question, self._rows.columns)
        if asked.intent not in ("value", "column") or asked.codes or asked.vague:
            return asked
        if self.index.exact(asked.text):
            return replace(asked, intent="value", names=(asked.text,), column="")
        if self._rows.columns.digits is not None:
            read = spoken_codes(asked.text, self._rows.columns.digits)  # aloud
            said = tuple(code for code in read if self.index.by_value(code))
            if said and not asked.column:
                return replace(asked, intent="name", codes=said, names=())
            # Without a word for the value it may be a telephone number that is asked for.
            spot = asked.intent == "value" and asks_value(asked.text, self._rows.columns)
            return replace(asked, spot=spot)
        codes = tuple(word for word in tokens(asked.text) if self.index.by_value(word))
        alone = asked.text in codes
        if not codes:  # values may be words as well
            name = asked.names[0]
            codes = (name,) if self.index.by_value(name) and not self.index.exact(name) else ()
            alone = bool(codes)
        if codes and (alone or asked.column or asks_who(asked.text)):
            intent: Intent = "column" if asked.column else "name"
            return replace(asked, intent=intent, codes=codes, names=())
        return asked

    def _written(self, question: str, mode: Mode, heard: Heard | None) -> Answer:
        asked = self._understood(question)
        if asked.intent == "empty":
            return self._empty(asked, mode)
        if self.writer is None:
            raise UsageError("answer.mode_needs_model", mode=mode)
        values = self._all_values()
        if mode == "closed":
            wrote = writing.closed(self.index, values, self.writer, question, heard)
        else:
            hits = decide(self.index, self._rows.names_of(asked), self.confidence)[1]
            wrote = writing.constrained(self.index, values, self.writer, question, hits)
        return self._rows.answer(
            asked,
            mode,
            wrote.text,
            status=wrote.status,
            values=list(dict.fromkeys(row.value for row in wrote.entries)),
            verified=wrote.verified,
            confidence=wrote.confidence,
            evidence=wrote.entries,
            checks=wrote.checks,
            model=self.writer.name,
            note=wrote.note,
        )

    def _all_values(self) -> writing.Values:
        """The table's values as a trie, made when first needed and when the table changed."""
        fingerprint = self.index.fingerprint
        if self._values is None or self._values[0] != fingerprint:
            self._values = (fingerprint, writing.Values(self.index.values()))
        return self._values[1]
