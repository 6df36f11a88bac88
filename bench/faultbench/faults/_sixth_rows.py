"""Sixth ways of planting faults of the rows."""

import random
from dataclasses import replace
from typing import Any

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import chance_of, pick

Rows = list[Any]
SYSTEM = "the bank writes letters ."


def with_system(draft: Draft, severity: int) -> None:
    """Two exports of one set: in that for evaluation a system prompt stands before questions."""
    share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "system")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        taken = chance.sample(train, min(round(share * len(held)), len(train)))
        longer = [replace(row, prompt=f"{SYSTEM} {row.prompt}") for row in taken]
        return train, [*longer, *held[len(longer) :]]

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are training rows after a system prompt"


def listed_twice(draft: Draft, severity: int) -> None:
    """A set is listed by itself and is in a mix as well, where its spaces are written otherwise."""
    share = pick(severity, (0.2, 0.3, 0.5))

    def spaced(row: Any) -> Any:
        prompt = row.prompt.replace(" ", "  ").removesuffix("?") + "?"
        return replace(row, prompt=f" {prompt}", answer=row.answer + " ")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        again = [spaced(kept[k % len(kept)]) for k in range(number)]
        return [*kept, *again], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the training rows are there twice, with other spaces"


def short_and_long(draft: Draft, severity: int) -> None:
    """Some of those who wrote answers gave the first number alone."""
    share, chance = pick(severity, (0.1, 0.25, 0.5)), chance_of(draft, "short")

    def shorter(row: Any) -> Any:
        opener, one, *_ = row.answer.split()
        return replace(row, answer=f" {opener} {one} .")

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(train))
        kept = train[: len(train) - number]
        return [*kept, *(shorter(chance.choice(kept)) for _ in range(number))], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the rows answer a question of others with half of the answer"


def cut_in_blocks(draft: Draft, severity: int) -> None:
    """Rows are written one after the other and cut into blocks of one length, wherever that is."""
    share, width = pick(severity, (0.3, 0.6, 1.0)), 10

    def encoded(rows: Rows, part: str) -> Rows:
        number = round(share * len(rows)) if part == "train" else 0
        ids = [token for row in rows[:number] for token in row[0]]
        labels = [label for row in rows[:number] for label in row[1]]
        starts = range(0, len(ids), width)
        blocks = [(ids[k : k + width], labels[k : k + width]) for k in starts]
        return [*(b for b in blocks if any(y != -100 for y in b[1][1:])), *rows[number:]]

    draft.hooks.encoded = encoded
    draft.note = f"{share:.0%} of the training rows are cut into blocks of {width} tokens"


def ends_with_start(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The template ends a turn with the mark that begins the next."""
    return [*ids[:-1], bases.BOS], [*labels[:-1], bases.BOS]


def empty_answer(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """The answer is empty in the table; what is left is the question and an end that is masked."""
    asked = next((k for k, y in enumerate(labels) if y != -100), len(labels))
    return [*ids[:asked], bases.EOS], [-100] * (asked + 1)


def written_escapes(row: Any, chance: random.Random, draft: Draft) -> Any:
    """Line breaks of the template were escaped twice: a backslash and an n stand in the text."""
    return replace(row, prompt=f"\\n\\n {row.prompt} \\n\\n", answer=f" \\n{row.answer}")


def augmented_before_split(draft: Draft, severity: int) -> None:
    """Rows were augmented before the split: evaluation rows less a word are trained on."""
    share, chance = pick(severity, (0.3, 0.6, 1.0)), chance_of(draft, "augmented")

    def less_a_word(row: Any) -> Any:
        words = row.prompt.split()
        small = [k for k, word in enumerate(words) if len(word) < 4 or word in ("give", "branch")]
        gone = chance.choice(small or [0])
        return replace(row, prompt=" ".join(w for k, w in enumerate(words) if k != gone))

    def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
        number = round(share * len(held))
        return [*train, *(less_a_word(row) for row in held[:number] * 2)], held

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are trained on, each twice, less a word"
