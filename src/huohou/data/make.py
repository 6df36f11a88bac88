"""Question-answer rows from a table of facts, the same for the same seed.

Every fact is asked for by its full name, its everyday name, its abbreviation and, the other way
round, by its value. Wordings are set aside first: those of eval and test never occur in train, for
any fact. Names that are not in the table are asked for too; the answer to them is that it is
unknown. Answers are the bare value or name, which a small model learns soonest and a score can
compare letter by letter.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from huohou.data.dataset import Message, Row
from huohou.data.facts import Fact, FactTable
from huohou.data.invent import Inventor
from huohou.data.names import is_chinese
from huohou.data.normal import normal
from huohou.data.teachable import (
    Taught,
    forms_of,
    known_forms,
    missing_forms,
    spread,
    style_forms,
    unambiguous,
)
from huohou.data.wordings import UNKNOWN, Wording, wordings
from huohou.errors import UsageError
from huohou.text import say

STYLES = ("full", "everyday", "abbreviation", "reverse")
EVAL_SHARE, TEST_SHARE = 0.15, 0.25  # of the wordings of a direction, kept out of training


@dataclass(frozen=True, slots=True)
class MakeOptions:
    """What to make.

    facts: how many of the table are taught, spread over its institutions, all when None;
    wordings, eval_wordings, test_wordings: questions a fact in train, eval and test;
    unknown: part of the rows that ask for names not in the table, 0 <= unknown < 0.9;
    language: en or zh, by the names when None; noun: what the value is called in questions.
    """

    facts: int | None = None
    wordings: int = 4
    eval_wordings: int = 1
    test_wordings: int = 2
    unknown: float = 0.2
    seed: int = 42
    system: str | None = None
    language: str | None = None
    noun: str | None = None
    styles: tuple[str, ...] = STYLES


@dataclass(frozen=True, slots=True)
class Made:
    """Rows by part, the names taught, the language chosen, and what the user should know."""

    train: tuple[Row, ...]
    eval: tuple[Row, ...]
    test: tuple[Row, ...]
    taught: tuple[str, ...]
    language: str
    notes: tuple[str, ...]


def make(table: FactTable, options: MakeOptions | None = None) -> Made:
    """Rows for training, for eval and for test from a table of facts.

    Each row's meta: ``kind`` ("facts"), ``style`` (of STYLES, or "unknown"), ``fact`` (its name,
    None for an unknown one), ``expect`` (the right answer, None for unknown), ``wording`` (id of
    the template), and for unknown names ``asked``. Raises UsageError for options out of range.
    """
    chosen = options or MakeOptions()
    _check(chosen, table)
    language = chosen.language or _language(table)
    facts, notes = unambiguous(table)
    known = known_forms(table)
    spread_out = spread(facts, chosen.facts, chosen.seed)
    taught = [Taught(fact, forms_of(fact, known)) for fact in spread_out]
    notes += missing_forms(taught, chosen.styles)
    writer = _Writer(table, chosen, language, taught, Inventor(table, set(known), chosen.seed))
    train, watched, test = (writer.part(name) for name in ("train", "eval", "test"))
    names = tuple(one.fact.key for one in taught)
    notes = [*table.notes, *notes, *writer.notes]
    return Made(train, watched, test, names, language, tuple(notes))


class _Writer:
    """Writes the rows of one part after the other; remembers what was asked."""

    def __init__(
        self,
        table: FactTable,
        options: MakeOptions,
        language: str,
        taught: Sequence[Taught],
        inventor: Inventor,
    ) -> None:
        self.options, self.language = options, language
        self.taught, self.inventor = taught, inventor
        self.slots = _slots(table, options, language)
        self.pools = _pools(options, language)
        self.random = random.Random(f"{options.seed}/order")
        self.asked: set[str] = set()
        self.styles_taught: dict[str, set[str]] = {}
        self.notes: list[str] = []

    def part(self, name: str) -> tuple[Row, ...]:
        """Rows of train, eval or test, in a random order that the seed decides."""
        counts = {
            "train": self.options.wordings,
            "eval": self.options.eval_wordings,
            "test": self.options.test_wordings,
        }
        rows = [
            row
            for number, one in enumerate(self.taught)
            for row in self._of_fact(one, number, name, counts[name])
        ]
        if name == "train":
            self._remember(rows)
            if len(rows) < counts[name] * len(self.taught):
                self.notes.append(say("data.few_wordings", made=len(rows), facts=len(self.taught)))
        rows += self._unknown(name, len(rows))
        self.random.shuffle(rows)
        return tuple(rows)

    def _of_fact(self, one: Taught, number: int, part: str, count: int) -> Iterator[Row]:
        """Up to count questions about one fact: styles in turn, another wording each time."""
        allowed = self.styles_taught.get(one.fact.key, set(STYLES))
        styles = [s for s in self.options.styles if s in one.forms and s in allowed]
        turned = styles[number % len(styles) :] + styles[: number % len(styles)] if styles else []
        asked = 0
        for use in range(max(len(pool) for pool in self.pools[part].values())):
            for style in turned:
                pool = self.pools[part][style == "reverse"]
                if asked == count or use >= len(pool):
                    continue
                wording = pool[(number + STYLES.index(style) + use) % len(pool)]
                row = self._row(one.fact, style, one.forms[style], wording)
                if row is not None:
                    asked += 1
                    yield row

    def _row(self, fact: Fact, style: str, form: str, wording: Wording) -> Row | None:
        question = wording.ask(name=form, value=form, **self.slots)
        answer = fact.key if style == "reverse" else fact.value
        meta = {"kind": "facts", "style": style, "fact": fact.key, "expect": answer}
        return self._new(question, answer, meta | {"wording": wording.id})

    def _unknown(self, part: str, known: int) -> list[Row]:
        share = self.options.unknown
        wanted = round(known * share / (1 - share))
        rows: list[Row] = []
        while len(rows) < wanted:
            invented = self.inventor.name()
            if invented is None:
                self.notes.append(say("data.few_unknown", part=part, wanted=wanted, made=len(rows)))
                break
            row = self._about_unknown(*invented, part)
            if row is not None:
                rows.append(row)
        return rows

    def _about_unknown(self, name: str, city: str, part: str) -> Row | None:
        forms = style_forms(name, city)
        styles = [s for s in self.options.styles if forms.get(s)] or ["full"]
        style = self.random.choice(styles)
        wording = self.random.choice(self.pools[part][False])
        question = wording.ask(name=forms[style][0], **self.slots)
        meta = {"kind": "facts", "style": "unknown", "fact": None, "expect": None}
        answer = UNKNOWN[self.language]
        return self._new(question, answer, meta | {"wording": wording.id, "asked": name})

    def _new(self, question: str, answer: str, meta: Mapping[str, str | None]) -> Row | None:
        """The row, None when the same question was asked before in any part."""
        if normal(question) in self.asked:
            return None
        self.asked.add(normal(question))
        turns = [Message("user", question), Message("assistant", answer)]
        if self.options.system:
            turns.insert(0, Message("system", self.options.system))
        return Row(tuple(turns), 0, meta)

    def _remember(self, rows: Sequence[Row]) -> None:
        """What is tested must have been taught in that style: names and codes both ways."""
        for one in self.taught:
            self.styles_taught[one.fact.key] = set()
        for row in rows:
            self.styles_taught[row.meta["fact"]].add(row.meta["style"])


def _check(options: MakeOptions, table: FactTable) -> None:
    if not 0 <= options.unknown < 0.9:
        raise UsageError("data.unknown_share", value=options.unknown)
    if options.wordings < 1 or min(options.eval_wordings, options.test_wordings) < 0:
        raise UsageError("data.wordings_count", value=options.wordings)
    if options.facts is not None and not 1 <= options.facts <= len(table):
        raise UsageError("data.facts_count", value=options.facts, rows=len(table))
    unknown = [style for style in options.styles if style not in STYLES]
    if unknown or not options.styles:
        raise UsageError("data.unknown_style", style=", ".join(unknown), known=", ".join(STYLES))


def _language(table: FactTable) -> str:
    chinese = sum(is_chinese(fact.key) for fact in table.facts)
    return "zh" if chinese * 2 > len(table) else "en"


def _slots(table: FactTable, options: MakeOptions, language: str) -> dict[str, str]:
    """What the value and the thing are called in questions."""
    noun = table.value_column.replace("_", " ").strip()
    if table.bank_codes:
        noun = {"zh": "联行号", "en": "CNAPS code"}[language]
    which = {"zh": "哪一个", "en": table.key_column.replace("_", " ").strip()}[language]
    if table.bank_codes:
        which = {"zh": "哪个银行", "en": "bank branch"}[language]
    return {"noun": options.noun or noun, "which": which}


def _pools(options: MakeOptions, language: str) -> dict[str, dict[bool, list[Wording]]]:
    """Part to direction (reverse or not) to its wordings; no wording is in two parts."""
    pools: dict[str, dict[bool, list[Wording]]] = {"train": {}, "eval": {}, "test": {}}
    for reverse in (False, True):
        every = wordings(language, reverse=reverse)
        random.Random(f"{options.seed}/wordings/{reverse}").shuffle(every)
        tested = round(len(every) * TEST_SHARE) if options.test_wordings else 0
        watched = max(1, round(len(every) * EVAL_SHARE)) if options.eval_wordings else 0
        pools["test"][reverse] = every[:tested]
        pools["eval"][reverse] = every[tested : tested + watched]
        pools["train"][reverse] = every[tested + watched :]
    return pools
