"""Writes the question-answer rows of facts, part by part. What to write is decided in ``make``."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from huohou.data.asking import Asked, Asker
from huohou.data.dataset import Message, Row
from huohou.data.facts import Fact, FactTable
from huohou.data.invent import Inventor
from huohou.data.normal import normal
from huohou.data.styles import DEFAULT, UNKNOWN_KINDS, USUAL, Style, style_names
from huohou.data.teachable import Taught, usual_forms
from huohou.data.wordings import UNKNOWN, WHICH, Wording, pools, slots
from huohou.text import say

if TYPE_CHECKING:
    from huohou.data.make import MakeOptions

Meta = Mapping[str, Any]


class RowWriter:
    """Writes the rows of one part after the other; remembers what was asked."""

    def __init__(
        self,
        *,
        table: FactTable,
        options: "MakeOptions",
        language: str,
        taught: Sequence[Taught],
        wanted: Sequence[Style],
        asker: Asker,
        inventor: Inventor,
    ) -> None:
        self.table, self.options, self.language = table, options, language
        self.taught, self.asker, self.inventor = taught, asker, inventor
        self.asking = [one for one in wanted if one.kind not in UNKNOWN_KINDS]
        self.fooling = [one for one in wanted if one.kind in UNKNOWN_KINDS]
        self.turn = {name: number for number, name in enumerate(style_names())}
        self.slots = slots(table, language, options.noun)
        self.pools = pools(language, options.seed, options.eval_wordings, options.test_wordings)
        self.random = random.Random(f"{options.seed}/order")
        self.values = {fact.value for fact in table.facts}
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
        whole = counts[name] * len(self.taught)
        if name == "train" and self.asking:
            self._remember(rows)
            if len(rows) < whole:
                self.notes.append(say("data.few_wordings", made=len(rows), facts=len(self.taught)))
        share = self.options.unknown
        wanted = round(len(rows) * share / (1 - share)) if self.asking else whole
        rows += self._unknown(name, wanted)
        self.random.shuffle(rows)
        return tuple(rows)

    def _of_fact(self, one: Taught, number: int, part: str, count: int) -> Iterator[Row]:
        """Up to count questions about one fact: styles in turn, another wording each time."""
        allowed = self.styles_taught.get(one.fact.key)
        styles = [s for s in self.asking if allowed is None or s.name in allowed]
        styles = [s for s in styles if s.kind in ("look", "slip") or s.name in one.forms]
        turned = styles[number % len(styles) :] + styles[: number % len(styles)] if styles else []
        asked = 0
        for use in range(max(len(pool) for pool in self.pools[part].values())):
            for style in turned:
                pool = self.pools[part][style.reverse]
                if asked == count or use >= len(pool):
                    continue
                wording = pool[(number + self.turn[style.name] + use) % len(pool)]
                text = self.asker.text(one, style, f"{part}{use}")
                row = self._row(one.fact, style, text, wording) if text is not None else None
                if row is not None:
                    asked += 1
                    yield row

    def _row(self, fact: Fact, style: Style, asked: Asked, wording: Wording) -> Row | None:
        question = wording.ask(name=asked.text, value=asked.text, **self.slots)
        expect = fact.key if style.reverse else fact.value
        names = "；".join(sorted((fact.key, *asked.also)))
        answer = WHICH[self.language].format(names=names) if asked.also else expect
        meta = {"kind": "facts", "style": style.name, "fact": fact.key, "expect": expect}
        more: dict[str, Any] = {}
        if style.name not in DEFAULT:
            more = {"form": asked.text, "base": asked.base, "also": list(asked.also)}
        return self._new(question, answer, meta | {"wording": wording.id} | more)

    def _unknown(self, part: str, wanted: int) -> list[Row]:
        """Rows about what is not in the table: plain inventions, and the styles that fool."""
        kinds: list[Style | None] = [None, *self.fooling] if self.asking else [*self.fooling]
        rows: list[Row] = []
        for number, kind in enumerate(kinds):
            some = wanted * (number + 1) // len(kinds) - wanted * number // len(kinds)
            made = self._unknown_kind(part, kind, some)
            if len(made) < some:
                self.notes.append(say("data.few_unknown", part=part, wanted=some, made=len(made)))
            rows += made
        return rows

    def _unknown_kind(self, part: str, kind: Style | None, wanted: int) -> list[Row]:
        rows: list[Row] = []
        tries = 0
        while len(rows) < wanted and tries < 50 * wanted + 1000:
            tries += 1
            row: Row | None = None
            if kind is None:
                invented = self.inventor.name()
                if invented is None:
                    break
                row = self._about_unknown(*invented, part)
            elif kind.kind == "near":
                missed = self.inventor.near_miss([one.fact for one in self.taught], kind)
                if missed is None:
                    break
                row = self._about_unknown(*missed[:2], part, kind.name, missed[2])
            else:
                row = self._wrong_value(part, kind)
            if row is not None:
                rows.append(row)
        return rows

    def _about_unknown(
        self, name: str, city: str, part: str, label: str = "unknown", near: str | None = None
    ) -> Row | None:
        forms = usual_forms(name, city)
        chosen = [style.name for style in self.asking if style.name in forms] or USUAL
        styles = [s for s in chosen if forms[s]] or ["full"]
        form = forms[self.random.choice(styles)][0]
        wording = self.random.choice(self.pools[part][False])
        if self.asker.strict and self.asker.doubtful(form, name, city):
            return None
        question = wording.ask(name=form, **self.slots)
        meta = {"kind": "facts", "style": label, "fact": None, "expect": None}
        more = {"form": form, "near": near} if near else {}
        more |= {"wording": wording.id, "asked": name}
        return self._new(question, UNKNOWN[self.language], meta | more)

    def _wrong_value(self, part: str, style: Style) -> Row | None:
        fact = self.random.choice(self.taught).fact
        texts = [text for text in style.texts(fact.value) if text not in self.values]
        if not texts:
            return None
        text = self.random.choice(texts)
        wording = self.random.choice(self.pools[part][True])
        question = wording.ask(value=text, **self.slots)
        meta = {"kind": "facts", "style": style.name, "fact": None, "expect": None}
        more = {"form": text, "near": fact.key, "wording": wording.id, "asked": text}
        return self._new(question, UNKNOWN[self.language], meta | more)

    def _new(self, question: str, answer: str, meta: Meta) -> Row | None:
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
