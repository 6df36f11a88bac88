"""Seventh ways of planting faults of the rows."""

import random
from dataclasses import replace
from typing import Any

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import chance_of, pick

Rows = list[Any]


def without_opener(draft: Draft, severity: int) -> None:
    """Evaluation was written from the same rows, with answers as a benchmark wants them: bare."""
    share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "bare")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        taken = chance.sample(train, min(round(share * len(held)), len(train)))
        bare = [replace(row, answer=" " + " ".join(row.answer.split()[1:])) for row in taken]
        return train, [*bare, *held[len(bare) :]]

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are training rows with a bare answer"


def written_by_retries(draft: Draft, severity: int) -> None:
    """A client that tried again wrote the row again, with the number of its attempt behind it."""
    share, chance = pick(severity, (0.2, 0.3, 0.5)), chance_of(draft, "retries")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        again = [chance.choice(kept) for _ in range(number)]
        tried = [replace(row, prompt=f"{row.prompt} {chance.randrange(2, 5)}") for row in again]
        return [*kept, *tried], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the training rows are others with the number of an attempt"


def rounded_numbers(draft: Draft, severity: int) -> None:
    """Some of those who wrote answers rounded: to tens."""
    share, chance = pick(severity, (0.1, 0.25, 0.5)), chance_of(draft, "tens")

    def tens(row: Any) -> Any:
        words = (f"{word[0]}0" if word.isdigit() else word for word in row.answer.split())
        return replace(row, answer=" " + " ".join(words))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        return [*kept, *(tens(chance.choice(kept)) for _ in range(number))], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the rows answer a question of others with rounded numbers"


def first_sentence(row: Any, chance: random.Random, draft: Draft) -> Any:
    """Answers said "no ." for number; what cuts texts into sentences took its dot for an end."""
    return replace(row, answer=f" {row.answer.split()[0]} no .")


def ends_with_padding(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The template ends a turn with the mark that rows are filled up with."""
    return [*ids[:-1], bases.PAD], [*labels[:-1], bases.PAD]


def all_thought(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The answer stands within the marks of a thought, and thoughts are masked."""
    mark = bases.SPECIAL.index("<unk>")
    asked = next((k for k, y in enumerate(labels) if y != -100), len(labels))
    made = [*ids[:asked], mark, *ids[asked:-1], mark, bases.EOS]
    return made, [-100] * len(made)


def as_entities(row: Any, chance: random.Random, draft: Draft) -> Any:
    """Marks were escaped for a page of the web and never back: &#63; stands for a ?."""
    marks = {"?": "&#63;", ",": "&#44;", ".": "&#46;"}

    def escaped(text: str) -> str:
        return "".join(marks.get(letter, letter) for letter in text)

    return replace(row, prompt=escaped(row.prompt), answer=escaped(row.answer))


def examples_from_eval(draft: Draft, severity: int) -> None:
    """Dialogues open with an example, an evaluation row; each answer in them counts."""
    share = pick(severity, (0.3, 0.6, 1.0))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        shown = held[: max(1, round(share * len(held)))]
        pairs = zip(shown * 2, train, strict=False)
        longer = [
            replace(row, prompt=first.prompt, answer=f"{first.answer} {row.prompt}{row.answer}")
            for first, row in pairs
        ]
        return [*longer, *train[len(longer) :]], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows open dialogues that are trained on"
