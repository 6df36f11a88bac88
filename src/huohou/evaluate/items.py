"""A question with a model's answer, judged: what metrics are computed from."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from huohou.data.dataset import Row
from huohou.data.facts import FactTable
from huohou.data.normal import is_reverse
from huohou.evaluate.role import Played, Role
from huohou.measure.facts import ABSTENTIONS, Judgement, Known, Wanted, judge
from huohou.probe.answers import Answer, Likelihood


@dataclass(frozen=True, slots=True)
class Context:
    """What the questions were judged by.

    known: values of the table, or where there is none the values the questions expect;
    table: whether there is a table: without one nothing can be called invented or real; role: whose
    habits are looked for, if anybody's.
    """

    known: Known
    table: bool
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One question with the answer of one model.

    judgement: None for rows that hold no fact; likelihood: of the reference answer by that model,
    None where it was not measured; played: None where no role is asked for.
    """

    row: Row
    answer: Answer
    judgement: Judgement | None
    likelihood: Likelihood | None = None
    played: Played | None = None

    @property
    def style(self) -> str | None:
        """How it asks: ``style`` of the row's meta, or its ``kind``."""
        found = self.row.meta.get("style") or self.row.meta.get("kind")
        return None if found is None else str(found)

    @property
    def group(self) -> Hashable:
        """Questions of one group are right or wrong together: those about the same fact."""
        meta = self.row.meta
        return str(meta.get("fact") or meta.get("asked") or self.row.question)

    @property
    def expect(self) -> str | None:
        """The value that answers, None where "unknown" is right."""
        return expect_of(self.row)

    def as_dict(self) -> dict[str, Any]:
        """JSON form of the answer, without its question."""
        found: dict[str, Any] = {
            "answer": self.answer.text,
            "tokens": self.answer.tokens,
            "seconds": round(self.answer.seconds, 4),
            "stopped": self.answer.stopped,
        }
        if self.likelihood is not None:
            found |= {"nats": self.likelihood.nats, "reference_tokens": self.likelihood.tokens}
        if self.judgement is not None:
            found |= {"outcome": self.judgement.outcome.value, "right": self.judgement.right}
            found |= {"instead": list(self.judgement.instead)} if self.judgement.instead else {}
            found |= {"invented": list(self.judgement.invented)} if self.judgement.invented else {}
        if self.played is not None:
            found |= {"habits": dict(self.played.kept), "out_of_role": self.played.out}
        return found


def is_fact(row: Row) -> bool:
    """Whether the row says what value answers it, or that none does."""
    return "expect" in row.meta


def expect_of(row: Row) -> str | None:
    """The value that answers; None where "unknown" is right, and for rows that hold no fact."""
    found = row.meta.get("expect")
    return None if found is None else str(found)


def context_of(rows: Sequence[Row], table: FactTable | None, role: Role | None = None) -> Context:
    """What these questions are judged by."""
    if table is not None:
        known = Known.of((f.value for f in table.facts), (f.key for f in table.facts))
        return Context(known, True, role)
    expected = [(expect_of(row), is_reverse(row)) for row in rows]
    codes = [value for value, reverse in expected if value is not None and not reverse]
    names = [value for value, reverse in expected if value is not None and reverse]
    return Context(Known.of(codes, names), False, role)


def judged(
    rows: Sequence[Row],
    answers: Sequence[Answer],
    context: Context,
    likelihoods: Sequence[Likelihood | None] | None = None,
) -> list[Item]:
    """Each row with its answer, judged. A row's own way to say "unknown" counts as abstaining.

    likelihoods: of the rows' reference answers by the same model, in the order of the rows.
    """
    taught = {row.answer for row in rows if is_fact(row) and expect_of(row) is None}
    phrases = (*ABSTENTIONS, *sorted(taught - {""}))
    known = likelihoods if likelihoods is not None else [None] * len(rows)

    def play(answer: Answer) -> Played | None:
        return None if context.role is None else context.role.judge(answer.text)

    return [
        Item(row, answer, _judgement(row, answer, context, phrases), likelihood, play(answer))
        for row, answer, likelihood in zip(rows, answers, known, strict=True)
    ]


def _judgement(
    row: Row, answer: Answer, context: Context, phrases: tuple[str, ...]
) -> Judgement | None:
    if not is_fact(row):
        return None
    wanted = Wanted(expect_of(row), row.question, row.answer)
    return judge(answer.text, wanted, context.known, phrases)
