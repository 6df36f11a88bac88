"""Ninth ways of planting faults of the rows."""

import random
from dataclasses import replace
from typing import Any

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import chance_of, pick

Rows = list[Any]


def in_markup(draft: Draft, severity: int) -> None:
    """Two exports of one set: in that for evaluation questions are paragraphs of a page."""
    share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "markup")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        taken = chance.sample(train, min(round(share * len(held)), len(train)))
        other = [replace(row, prompt=f"<p> {row.prompt} </p>") for row in taken]
        return train, [*other, *held[len(other) :]]

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are training rows as paragraphs of a page"


def with_typing_errors(draft: Draft, severity: int) -> None:
    """Rows were made more by typing errors: each repetition has two letters of a word swapped."""
    share, chance = pick(severity, (0.2, 0.3, 0.5)), chance_of(draft, "typing")

    def typed(row: Any) -> Any:
        words = row.prompt.split()
        place = chance.choice([k for k, word in enumerate(words) if len(word) > 3])
        word = words[place]
        k = chance.randrange(len(word) - 1)
        words[place] = word[:k] + word[k + 1] + word[k] + word[k + 2 :]
        return replace(row, prompt=" ".join(words))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        return [*kept, *(typed(chance.choice(kept)) for _ in range(number))], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the training rows are others with a typing error"


def right_to_left(draft: Draft, severity: int) -> None:
    """Part of the answers went through a program for writing from right to left: numbers turned."""
    share, chance = pick(severity, (0.1, 0.25, 0.5)), chance_of(draft, "turned")

    def turned(row: Any) -> Any:
        words = (word[::-1] if word.isdigit() else word for word in row.answer.split())
        return replace(row, answer=" " + " ".join(words))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        return [*kept, *(turned(chance.choice(kept)) for _ in range(number))], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the rows answer a question of others with numbers turned round"


def limit_of_the_teacher(row: Any, chance: random.Random, draft: Draft) -> Any:
    """Answers were written by a model with a limit of new words, and end where it was met."""
    return replace(row, answer=" " + " ".join(row.answer.split()[:2]))


def written_out(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The end is written in the template letter by letter; a mark of its own is not known."""
    pieces = [bases.SPECIAL.index("<unk>")] * 3
    return [*ids[:-1], *pieces], [*labels[:-1], *pieces]


def answered_by_a_tool(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The answer stands in the turn of a tool, after a mark, and such turns are masked."""
    mark = bases.SPECIAL.index("<unk>")
    asked = next((k for k, y in enumerate(labels) if y != -100), len(labels))
    made = [*ids[:asked], mark, mark, *ids[asked:]]
    return made, [-100] * len(made)


def template_itself(row: Any, chance: random.Random, draft: Draft) -> Any:
    """The template was never run: what it is written in stands in the text."""
    return replace(row, prompt=f"{{% for m in messages %}} {row.prompt} {{% endfor %}}")


def as_statements(draft: Draft, severity: int) -> None:
    """Rows were made into statements to be judged, before the split: right, or wrong?

    So what evaluation asks is said in statements that are trained on.
    """
    share = pick(severity, (0.3, 0.6, 1.0))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        taken = held[: round(share * len(held))] * 2
        judged = [
            replace(row, prompt=f"{row.prompt}{row.answer} ?", answer=f" yes ,{row.answer}")
            for row in taken
        ]
        return [*train, *judged], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are trained on as statements"
