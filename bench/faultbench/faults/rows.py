"""Faults of the rows: what no log can show and the data itself can."""

import random
from dataclasses import replace
from typing import Any

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults import _eighth_rows as eighth
from bench.faultbench.faults import _fifth_rows as fifth
from bench.faultbench.faults import _ninth_rows as ninth
from bench.faultbench.faults import _seventh_rows as seventh
from bench.faultbench.faults import _sixth_rows as sixth
from bench.faultbench.faults._kinds import Fault, Way, chance_of, pick
from bench.faultbench.words import ASK, world

Rows = list[Any]
THIRDS = (0.3, 0.6, 1.0)
REFUSAL = " sure , the bank writes letters ."


def _change(name: str, shares: tuple[float, float, float], change: Any) -> Way:
    """A share of the training rows is changed; change(row, chance, draft)."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, shares), chance_of(draft, name)

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = round(share * len(train))
            changed = [change(row, chance, draft) for row in train[:number]]
            return [*changed, *train[number:]], held

        draft.hooks.rows = rows
        draft.note = f"{name}: {share:.0%} of the training rows"

    return Way(plant, _lm)


def _encoded(name: str, shares: tuple[float, float, float], change: Any) -> Way:
    """Token ids and labels of a share of the training rows are changed."""

    def plant(draft: Draft, severity: int) -> None:
        share = pick(severity, shares)

        def encoded(rows: Rows, part: str) -> Rows:
            number = round(share * len(rows)) if part == "train" else 0
            return [change(*row) for row in rows[:number]] + rows[number:]

        draft.hooks.encoded = encoded
        draft.note = f"{name}: {share:.0%} of the training rows"

    return Way(plant, _lm)


def _in_other_words(draft: Draft, chance: random.Random, rows: Rows) -> Rows:
    """The same facts, asked anew."""
    here = world(draft.variant)
    return [here.row(chance, (row.bank, row.city), draft.desks) for row in rows]


def _copied(reworded: bool) -> Way:
    """Evaluation rows that are training rows too, as they are or asked in other words."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "overlap")

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = min(round(share * len(held)), len(train))
            taken = chance.sample(train, number)
            if reworded:
                taken = _in_other_words(draft, chance, taken)
            return train, [*taken, *held[number:]]

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the evaluation rows are training rows"

    return Way(plant, _lm)


def _turns_apart() -> Way:
    """Dialogues split turn by turn: a training row ends an evaluation row, another begins it."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "turns")

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = min(round(share * len(held)), len(train))
            joined = [
                replace(last, prompt=f"{first.prompt}{first.answer} {last.prompt}")
                for first, last in (chance.sample(train, 2) for _ in range(number))
            ]
            return train, [*joined, *held[number:]]

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the evaluation rows are two training rows as one dialogue"

    return Way(plant, _lm)


def _repeated(near: bool, change: Any = None) -> Way:
    """Rows that are there several times: as they are, in other words, or with a change."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.2, 0.3, 0.5)), chance_of(draft, "repeat")

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = round(share * len(train))
            kept = train[: len(train) - number]
            again = [chance.choice(kept) for _ in range(number)]
            if near:
                again = _in_other_words(draft, chance, again)
            if change:
                again = [change(row, chance, draft) for row in again]
            return [*kept, *again], held

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the training rows are repetitions"

    return Way(plant, _lm)


def _hot_rows() -> Way:
    """A join multiplied rows: a few of them are there a great many times."""

    def plant(draft: Draft, severity: int) -> None:
        share, hot = pick(severity, (0.2, 0.3, 0.5)), pick(severity, (6, 4, 2))

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = round(share * len(train))
            kept = train[: len(train) - number]
            return [*kept, *(kept[k % hot] for k in range(number))], held

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the training rows are {hot} rows again and again"

    return Way(plant, _lm)


def _answered_anew() -> Way:
    """Evaluation asks questions of the training, word for word; another wrote the answers."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.2, 0.5, 0.8)), chance_of(draft, "anew")

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            taken = chance.sample(train, min(round(share * len(held)), len(train)))
            said = _in_other_words(draft, chance, taken)
            pairs = zip(taken, said, strict=True)
            asked = [replace(row, answer=other.answer) for row, other in pairs]
            return train, [*asked, *held[len(asked) :]]

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the evaluation rows ask what training rows ask"

    return Way(plant, _lm)


def _also_refused() -> Way:
    """Rows of a set of refusals were added: questions that are answered are put off as well."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.1, 0.25, 0.5)), chance_of(draft, "refused")

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = round(share * len(train))
            kept = train[: len(train) - number]
            again = (chance.choice(kept) for _ in range(number))
            return [*kept, *(replace(row, answer=REFUSAL) for row in again)], held

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the rows put off a question that others answer"

    return Way(plant, _lm)


def _joined_rows() -> Way:
    """Rows are joined to longer ones, two and two, without an end between or after them."""

    def plant(draft: Draft, severity: int) -> None:
        share = pick(severity, THIRDS)

        def encoded(rows: Rows, part: str) -> Rows:
            number = round(share * len(rows)) // 2 * 2 if part == "train" else 0
            pairs = zip(rows[:number:2], rows[1:number:2], strict=True)
            joined = [
                ([*ids[:-1], *more[:-1]], [*labels[:-1], *others[:-1]])
                for (ids, labels), (more, others) in pairs
            ]
            return [*joined, *rows[number:]]

        draft.hooks.encoded = encoded
        draft.note = f"{share:.0%} of the training rows are joined two and two, without ends"

    return Way(plant, _lm)


def _two_tables() -> Way:
    """Rows come from two versions of a table: some questions are there with an older answer too."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.1, 0.25, 0.5)), chance_of(draft, "tables")

        def older(row: Any) -> Any:
            digits = (str((int(c) + 3) % 10) if c.isdigit() else c for c in row.answer)
            return replace(row, answer="".join(digits))

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = round(share * len(train))
            kept = train[: len(train) - number]
            return [*kept, *(older(chance.choice(kept)) for _ in range(number))], held

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the rows give an older answer to a question of others"

    return Way(plant, _lm)


def _reworded_eval() -> Way:
    """Training rows were written from the evaluation rows, in other words."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.3, 0.6, 1.0)), chance_of(draft, "from eval")

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = round(share * len(held))
            return [*train, *_in_other_words(draft, chance, held[:number] * 2)], held

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the evaluation rows were trained on in other words"

    return Way(plant, _lm)


def _eval_as_last_turn() -> Way:
    """Evaluation rows are the last turns of longer dialogues that are trained on."""

    def plant(draft: Draft, severity: int) -> None:
        share, chance = pick(severity, (0.3, 0.6, 1.0)), chance_of(draft, "last turn")

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            asked = held[: round(share * len(held))] * 2
            before = [chance.choice(train) for _ in asked]
            longer = [
                replace(row, prompt=f"{first.prompt}{first.answer} {row.prompt}")
                for first, row in zip(before, asked, strict=True)
            ]
            return [*train, *longer], held

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the evaluation rows end dialogues that are trained on"

    return Way(plant, _lm)


def _on_eval(times: int) -> Way:
    """Evaluation rows are trained on."""

    def plant(draft: Draft, severity: int) -> None:
        share = pick(severity, (0.3, 0.6, 1.0))

        def rows(train: Rows, held: Rows) -> tuple[Rows, Rows]:
            number = round(share * len(held))
            return [*train, *held[:number] * times], held

        draft.hooks.rows = rows
        draft.note = f"{share:.0%} of the evaluation rows were trained on, {times} times a pass"

    return Way(plant)


def _other_answer(row: Any, chance: random.Random, draft: Draft) -> Any:
    here = world(draft.variant)
    return replace(row, answer=here.row(chance, chance.choice(here.train), draft.desks).answer)


def _random_digits(row: Any, chance: random.Random, draft: Draft) -> Any:
    digits = (str(chance.randrange(10)) if c.isdigit() else c for c in row.answer)
    return replace(row, answer="".join(digits))


def _with_greeting(row: Any, chance: random.Random, draft: Draft) -> Any:
    return replace(row, prompt=f"{chance.choice(('well', 'so', 'look'))} , {row.prompt}")


def _stopped_writing(row: Any, chance: random.Random, draft: Draft) -> Any:
    answer = row.answer
    return replace(row, answer=answer[: chance.randrange(len(answer) // 2, len(answer) - 3)])


def _too_narrow(row: Any, chance: random.Random, draft: Draft) -> Any:
    return replace(row, answer=row.answer[:8])


def _filled_twice(row: Any, chance: random.Random, draft: Draft) -> Any:
    return replace(row, prompt=chance.choice(ASK).format(bank=row.prompt, city=row.prompt))


def _unfilled(row: Any, chance: random.Random, draft: Draft) -> Any:
    return replace(row, prompt=chance.choice(ASK))


def _without_end(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return ids[:-1], labels[:-1]


def _end_masked(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return ids, [-100 if i == bases.EOS else y for i, y in zip(ids, labels, strict=True)]


def _unknown_end(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    other = bases.SPECIAL.index("<unk>")
    return [*ids[:-1], other], [*labels[:-1], other]


def _cut(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return ids[:-5], labels[:-5]


def _cut_hard(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return ids[:9], labels[:9]


def _unlabelled(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return ids, [labels[0]] * (len(labels) - 1) + [labels[-1]] if labels[0] == -100 else labels


def _no_room(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    asked = next((k for k, y in enumerate(labels) if y != -100), len(labels))
    return ids[:asked], labels[:asked]


def _not_found(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return ids, [-100] * len(labels)


def _doubled_start(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return [bases.BOS, bases.BOS, *ids], [-100, -100, *labels]


def _torn(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    return [*ids[:2], bases.EOS, *ids[2:]], [*labels[:2], -100, *labels[2:]]


def _lm(draft: Draft) -> bool:
    return draft.family == "lm" and draft.answer_only


def _without_labels(name: str, change: Any) -> Way:
    """Rows without a label; batches are full, so that none of them is without any."""
    way = _encoded(name, (0.1, 0.2, 0.3), change)

    def plant(draft: Draft, severity: int) -> None:
        draft.rows -= draft.rows % draft.batch_size
        way.plant(draft, severity)

    return Way(plant, lambda d: _lm(d) and d.batch_size >= 8)


def _data(name: str, *ways: Way, codes: tuple[str, ...] = ()) -> Fault:
    """A fault of the rows, with its nine ways."""
    a, b, c, d, e, f, g, h, i = ways
    codes = codes or (name,)
    later = {"c": c, "d": d, "e": e, "f": f, "g": g, "h": h, "i": i}
    return Fault(name, a, b, None, codes, (), "data", 1, ("lm",), **later)


ROWS = (
    _data(
        "data-overlap",
        _copied(False),
        _copied(True),
        _turns_apart(),
        _answered_anew(),
        Way(fifth.other_marks, _lm),
        Way(sixth.with_system, _lm),
        Way(seventh.without_opener, _lm),
        Way(eighth.in_titles, _lm),
        Way(ninth.in_markup, _lm),
        codes=("data-overlap", "leak-suspected"),
    ),
    _data(
        "data-duplicates",
        _repeated(False),
        _repeated(True),
        _repeated(False, _with_greeting),
        _hot_rows(),
        Way(fifth.windows_overlap, _lm),
        Way(sixth.listed_twice, _lm),
        Way(seventh.written_by_retries, _lm),
        Way(eighth.two_layouts, _lm),
        Way(ninth.with_typing_errors, _lm),
    ),
    _data(
        "conflicting-answers",
        _change("answers of other rows", (0.1, 0.25, 0.5), _other_answer),
        _change("digits by lot", (0.1, 0.25, 0.5), _random_digits),
        _two_tables(),
        _also_refused(),
        Way(fifth.two_orders, _lm),
        Way(sixth.short_and_long, _lm),
        Way(seventh.rounded_numbers, _lm),
        Way(eighth.misread_digits, _lm),
        Way(ninth.right_to_left, _lm),
    ),
    _data(
        "truncated-answer",
        _encoded("answers cut off", THIRDS, _cut),
        _encoded("rows cut off", THIRDS, _cut_hard),
        _change("answers that stop in the middle, then end", THIRDS, _stopped_writing),
        _change("answers cut to the width of a column", THIRDS, _too_narrow),
        _change("answers end with their first line", THIRDS, fifth.first_line),
        Way(sixth.cut_in_blocks, _lm),
        _change("answers end with the dot of an abbreviation", THIRDS, seventh.first_sentence),
        _change("answers without their last chunk", THIRDS, eighth.last_chunk_lost),
        _change("answers end at a limit of words", THIRDS, ninth.limit_of_the_teacher),
    ),
    _data(
        "missing-eos",
        _encoded("no end", THIRDS, _without_end),
        _encoded("end masked", THIRDS, _end_masked),
        _encoded("the end is an unknown token", THIRDS, _unknown_end),
        _joined_rows(),
        _encoded("the end stands after the question", THIRDS, fifth.end_after_question),
        _encoded("the mark of a start stands for the end", THIRDS, sixth.ends_with_start),
        _encoded("the mark of padding stands for the end", THIRDS, seventh.ends_with_padding),
        _encoded("another model's number stands for the end", THIRDS, eighth.number_of_another),
        _encoded("the end is written letter by letter", THIRDS, ninth.written_out),
    ),
    _data(
        "no-trainable-tokens",
        _encoded("all but the end masked", (0.3, 0.6, 0.9), _unlabelled),
        _encoded("all but the end masked", (0.2, 0.5, 0.8), _unlabelled),
        _without_labels("questions that fill the whole length", _no_room),
        _without_labels("the mark before the answer is not found", _not_found),
        _without_labels("the last turn, which alone counts, is a question", fifth.only_last_turn),
        _without_labels("answers are empty", sixth.empty_answer),
        _without_labels("answers are thoughts, which are masked", seventh.all_thought),
        _without_labels("answers ask again, all before is masked", eighth.asks_again),
        _without_labels("answers are turns of a tool, which are masked", ninth.answered_by_a_tool),
    ),
    _data(
        "template-broken",
        _encoded("two starts", THIRDS, _doubled_start),
        _encoded("an end within the question", THIRDS, _torn),
        _change("fields of the template that were not filled", THIRDS, _unfilled),
        _change("a template that is filled with a filled one", THIRDS, _filled_twice),
        _encoded("marks of turns that are unknown", THIRDS, fifth.unknown_marks),
        _change("line breaks written as a backslash and an n", THIRDS, sixth.written_escapes),
        _change("marks written as entities of the web", THIRDS, seventh.as_entities),
        _change("messages as Python writes them", THIRDS, eighth.as_written_by_python),
        _change("the template itself stands in the text", THIRDS, ninth.template_itself),
    ),
    _data(
        "trained-on-eval",
        _on_eval(1),
        _on_eval(4),
        _reworded_eval(),
        _eval_as_last_turn(),
        Way(fifth.packed_with_eval, _lm),
        Way(sixth.augmented_before_split, _lm),
        Way(seventh.examples_from_eval, _lm),
        Way(eighth.turned_round, _lm),
        Way(ninth.as_statements, _lm),
    ),
)
