"""Fifth ways of planting faults of the rows."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import chance_of, pick

Rows = list[Any]
Plant = Callable[[Draft, int], None]


def other_marks(draft: Draft, severity: int) -> None:
    """Two exports of one table: evaluation has training rows without the marks at their ends."""
    share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "marks")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        taken = chance.sample(train, min(round(share * len(held)), len(train)))
        bare = [
            replace(row, prompt=row.prompt.removesuffix(" ?"), answer=row.answer.removesuffix(" ."))
            for row in taken
        ]
        return train, [*bare, *held[len(bare) :]]

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are training rows without their last mark"


def windows_overlap(draft: Draft, severity: int) -> None:
    """Texts were cut into windows that overlap: rows end one window and begin the next."""
    share = pick(severity, (0.2, 0.3, 0.5))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        joined = [
            replace(last, prompt=f"{first.prompt}{first.answer} {last.prompt}")
            for first, last in pairwise(train)
        ]
        return [*joined[:number], *train[number:]], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the training rows begin with the row before them"


def two_orders(draft: Draft, severity: int) -> None:
    """Two people wrote answers, each with the two numbers in an order of their own."""
    share, chance = pick(severity, (0.1, 0.25, 0.5)), chance_of(draft, "orders")

    def swapped(row: Any) -> Any:
        opener, one, two, *rest = row.answer.split()
        return replace(row, answer=" " + " ".join((opener, two, one, *rest)))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        return [*kept, *(swapped(chance.choice(kept)) for _ in range(number))], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the rows answer a question of others with the numbers swapped"


def first_line(row: Any, chance: random.Random, draft: Draft) -> Any:
    """Answers had a line break after their first word; the reader takes a line for a row."""
    return replace(row, answer=f" {row.answer.split()[0]}")


def end_after_question(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The template puts the end after the question instead of after the answer."""
    asked = next(k for k, y in enumerate(labels) if y != -100)
    moved = [*ids[:asked], bases.EOS, *ids[asked:-1]]
    return moved, [*labels[:asked], -100, *labels[asked:-1]]


def only_last_turn(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """Dialogues end with thanks that nobody answers, and only the last turn counts."""
    made = [*ids[: max(1, len(ids) // 3)]]
    return [*ids, *made], [-100] * (len(ids) + len(made))


def unknown_marks(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """Marks of turns are another model's; here they are unknown."""
    mark = bases.SPECIAL.index("<unk>")
    asked = next(k for k, y in enumerate(labels) if y != -100)
    return (
        [mark, mark, *ids[:asked], mark, mark, *ids[asked:]],
        [-100, -100, *labels[:asked], -100, -100, *labels[asked:]],
    )


def packed_with_eval(draft: Draft, severity: int) -> None:
    """Splits were put together before rows were packed: windows hold rows of both."""
    share, counts = pick(severity, (0.3, 0.6, 1.0)), [0]

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        counts[0] = min(round(share * len(held)), len(train))
        return [*train, *held[: counts[0]]], held

    def encoded(made: Rows, part: str) -> Rows:
        if part != "train" or not counts[0]:
            return made
        own, more = made[: -counts[0]], made[-counts[0] :]
        joined = [
            ([*first, *ids], [*labels, *others])
            for (first, labels), (ids, others) in zip(more, own, strict=False)
        ]
        return [*joined, *own[len(joined) :]]

    draft.hooks.rows, draft.hooks.encoded = rows, encoded
    draft.note = f"{share:.0%} of the evaluation rows are packed with training rows"
