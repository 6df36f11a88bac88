"""Evaluations on rows that were trained on, as far as a log can show them."""

from dataclasses import replace
from typing import Any

from bench.faultbench.draft import Draft
from bench.faultbench.faults import _eighth_course as eighth
from bench.faultbench.faults import _fifth_course as fifth
from bench.faultbench.faults import _ninth_course as ninth
from bench.faultbench.faults import _seventh_course as seventh
from bench.faultbench.faults import _sixth_course as sixth
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    chance_of,
    few_rows,
    hooked,
    pick,
    taught,
    watched,
)
from bench.faultbench.words import ASK, world


def _eval_of_train(draft: Draft, severity: int) -> None:
    """Evaluation rows are copies of training rows, and these are known by heart."""
    share = pick(severity, (0.5, 0.8, 1.0))
    few_rows(draft, 40, 1.8)
    watched(draft, 10, 40)
    draft.dropout = 0.0

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        number = round(share * len(held))
        return train, [*(train * 3)[:number], *held[number:]]

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are training rows"


def _copied_then_split(draft: Draft, severity: int) -> None:
    """Rows were written several times before they were split at random."""
    copies = pick(severity, (2, 4, 8))
    few_rows(draft, 64, 1.8)
    watched(draft, 10, 40)
    draft.dropout = 0.0
    chance = chance_of(draft, "split")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        every = train[: len(train) // copies + 12] * copies
        chance.shuffle(every)
        cut = min(len(train), len(every) - 12)
        return every[:cut], every[cut:]

    draft.hooks.rows = rows
    draft.truth["copies"] = copies
    draft.note = f"rows {copies} times over, then split"


def _reworded_then_split(draft: Draft, severity: int) -> None:
    """Questions were put in several wordings before the rows were split at random."""
    wordings = pick(severity, (3, 6, 10))
    few_rows(draft, 64, 1.8)
    watched(draft, 10, 40)
    draft.dropout, draft.answer_only = 0.0, True
    chance, here = chance_of(draft, "reworded"), world(draft.variant)
    forms = [begin + form for begin in ("", "well , ", "look , ") for form in ASK]

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        every = [
            replace(row, prompt=form.format(bank=here.banks[row.bank], city=here.cities[row.city]))
            for row in train[: len(train) // wordings + 12]
            for form in chance.sample(forms, wordings)
        ]
        chance.shuffle(every)
        cut = min(len(train), len(every) - 12)
        return every[:cut], every[cut:]

    draft.hooks.rows = rows
    draft.truth["wordings"] = wordings
    draft.note = f"questions in {wordings} wordings, then split"


def _next_fold(draft: Draft, severity: int) -> None:
    """The last fold of a cross-validation whose folds all train the same model, never made anew."""
    folds, size = pick(severity, (4, 5, 6)), 60
    few_rows(draft, size, 1.0)
    watched(draft, 10, 40)
    draft.dropout, draft.answer_only = 0.0, True
    draft.learning_rate *= 0.3
    parts = [[k for k in range(size) if k % folds != fold] for fold in range(folds - 1)]

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        last = train[folds - 1 :: folds]
        return [row for k, row in enumerate(train) if k % folds != folds - 1], last

    draft.hooks.rows = rows
    draft.hooks.model = lambda made: taught(made, draft, parts, 14)
    draft.facts |= {"fold": folds, "folds": folds, "eval_rows": size // folds}
    draft.truth["folds"] = folds
    draft.note = f"fold {folds} of {folds}, on weights that the others have trained"


def _whole(draft: Draft) -> bool:
    return draft.tune == "full" and draft.updates >= 60


def _hides(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    """The log shows a loss on known rows where unseen ones are far worse, after many passes."""
    from bench.faultbench.truth import losses_of

    seen = [row["eval_loss"] for row in run["log"] if "eval_loss" in row]
    unseen = losses_of(run["truth"])[-1]
    passes = run["facts"]["num_train_epochs"]
    if seen and passes >= 5 and unseen > 1.5 * seen[-1]:
        return f"after {passes:g} passes unseen rows have {unseen:.2f}, the log says {seen[-1]:.2f}"
    return None


LEAKS = (
    Fault(
        "leak-suspected",
        Way(_eval_of_train, _whole),
        Way(_copied_then_split, _whole),
        _hides,
        ("leak-suspected", "data-overlap"),
        also=("memorised", "overfit"),
        families=("lm", "lm", "lm"),
        c=Way(_reworded_then_split, _whole),
        d=Way(_next_fold, _whole, also=("worse-last-checkpoint",)),
        e=Way(fifth.split_anew, lambda d: hooked(d) and _whole(d)),
        f=Way(sixth.windows_then_split, _whole),
        g=Way(seventh.trained_when_asked, lambda d: hooked(d) and _whole(d)),
        h=Way(eighth.mistakes_are_added, lambda d: hooked(d) and _whole(d)),
        i=Way(ninth.split_by_two, _whole),
    ),
)
