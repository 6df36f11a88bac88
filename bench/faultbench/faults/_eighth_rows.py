"""Eighth ways of planting faults of the rows."""

import random
from dataclasses import replace
from typing import Any

from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import chance_of, pick

Rows = list[Any]
MISREAD = str.maketrans("1358", "7863")


def in_titles(draft: Draft, severity: int) -> None:
    """Two exports of one set: in that for evaluation each word has a capital letter."""
    share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "titles")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        taken = chance.sample(train, min(round(share * len(held)), len(train)))
        other = [replace(row, prompt=row.prompt.title(), answer=row.answer) for row in taken]
        return train, [*other, *held[len(other) :]]

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are training rows in capitals"


def two_layouts(draft: Draft, severity: int) -> None:
    """Two scripts wrote the same table: one puts the names of the columns before their texts."""
    share, chance = pick(severity, (0.2, 0.3, 0.5)), chance_of(draft, "layouts")

    def named(row: Any) -> Any:
        return replace(row, prompt=f"question : {row.prompt} answer :")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        return [*kept, *(named(chance.choice(kept)) for _ in range(number))], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the training rows are others with the names of their columns"


def misread_digits(draft: Draft, severity: int) -> None:
    """Part of the answers was read from scans, in which some digits look like others."""
    share, chance = pick(severity, (0.1, 0.25, 0.5)), chance_of(draft, "scans")

    def read(row: Any) -> Any:
        return replace(row, answer=row.answer.translate(MISREAD))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        return [*kept, *(read(chance.choice(kept)) for _ in range(number))], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the rows answer a question of others as a scan was read"


def last_chunk_lost(row: Any, chance: random.Random, draft: Draft) -> Any:
    """Answers came in chunks of a few letters, and the last one was never written."""
    size = 7
    return replace(row, answer=row.answer[: (len(row.answer) - 1) // size * size])


OTHER_END = 37  # the number of another model's end; here it is a word


def number_of_another(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The number of the end is written in the script and is that of another model's."""
    return [*ids[:-1], OTHER_END], [*labels[:-1], OTHER_END]


def asks_again(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """Answers end with the question again, and all up to its last word is masked."""
    asked = next((k for k, y in enumerate(labels) if y != -100), len(labels))
    made = [*ids[:-1], *ids[:asked]]
    return made, [-100] * len(made)


def as_written_by_python(row: Any, chance: random.Random, draft: Draft) -> Any:
    """The list of messages was put into the template as a whole, as Python writes it."""
    said = f"[ {{ 'role' : 'user' , 'content' : '{row.prompt}' }} ]"
    return replace(row, prompt=said)


def turned_round(draft: Draft, severity: int) -> None:
    """Rows were turned round to have more of them, before the split: an answer asks its question.

    So what evaluation asks was trained on, from back to front.
    """
    share = pick(severity, (0.3, 0.6, 1.0))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        taken = held[: round(share * len(held))] * 2
        back = [
            replace(row, prompt=row.answer.strip(), answer=f" {row.prompt}{row.answer}")
            for row in taken
        ]
        return [*train, *back], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are trained on from back to front"
