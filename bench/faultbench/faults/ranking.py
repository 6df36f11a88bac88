"""Faults of embedding runs that show in what an evaluation ranks."""

import math
from typing import Any

import torch

from bench.faultbench import bases
from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults import _eighth_search as eighth
from bench.faultbench.faults import _fifth_search as fifth
from bench.faultbench.faults import _ninth_search as ninth
from bench.faultbench.faults import _seventh_search as seventh
from bench.faultbench.faults import _sixth_search as sixth
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    chance_of,
    looped,
    lost_share,
    pick,
    watched,
)


def _ranked(ranking: str) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        watched(draft, 6, 30)
        draft.metrics, draft.ranking = True, ranking
        draft.candidates = pick(severity, (10, 6, 4))
        draft.eval_rows = max(draft.eval_rows, pick(severity, (100, 80, 60)))
        draft.facts["eval_rows"] = draft.eval_rows
        draft.note = f"ranking of the evaluation is {ranking}"

    return plant


def _shuffled(both: bool) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        watched(draft, 5, 30)
        draft.metrics, share = True, pick(severity, (0.8, 0.9, 1.0))
        draft.eval_rows = max(draft.eval_rows, 60)
        draft.facts["eval_rows"] = draft.eval_rows
        chance = chance_of(draft, "shuffle")

        def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
            return _mixed(train, share, chance), _mixed(held, share, chance) if both else held

        draft.hooks.rows = rows
        draft.note = f"documents of {share:.0%} of the rows are others'"

    return plant


def _no_question(draft: Draft, severity: int) -> None:
    """The column of the queries is empty for most rows: they all read the same."""
    watched(draft, 5, 30)
    draft.metrics, share = True, pick(severity, (0.9, 0.95, 1.0))
    draft.eval_rows = max(draft.eval_rows, 60)
    draft.facts["eval_rows"] = draft.eval_rows

    def emptied(rows: list[Any]) -> list[Any]:
        number = round(share * len(rows))
        return [("find", *row[1:]) for row in rows[:number]] + rows[number:]

    draft.hooks.rows = lambda train, held: (emptied(train), emptied(held))
    draft.note = f"the queries of {share:.0%} of the rows are empty"


def _finds_itself(draft: Draft, severity: int) -> None:
    """The documents that are ranked hold the queries too: each finds itself first."""
    watched(draft, 6, 30)
    draft.metrics, draft.candidates = True, pick(severity, (10, 6, 4))
    draft.eval_rows = max(draft.eval_rows, pick(severity, (100, 80, 60)))
    draft.facts["eval_rows"] = draft.eval_rows
    draft.hooks.rows = lambda train, held: (train, [(row[0], row[1], row[0]) for row in held])
    draft.note = "queries are ranked among documents that hold the queries"


def _drowned(draft: Draft, severity: int) -> None:
    """Words of the queries are changed for others by chance, which was given in per cent."""
    watched(draft, 5, 30)
    draft.metrics, share = True, pick(severity, (0.97, 0.99, 1.0))
    draft.eval_rows = max(draft.eval_rows, 60)
    draft.facts["eval_rows"] = draft.eval_rows
    size = bases.VARIANTS[draft.variant][1]

    def batch(inputs: Inputs, step: int) -> Inputs:
        ids = inputs["query"]
        chosen = (ids != bases.PAD) & (torch.rand(ids.shape) < share)
        inputs["query"] = torch.where(chosen, torch.randint(4, size, ids.shape), ids)
        return inputs

    draft.hooks.batch = batch
    draft.note = f"{share:.0%} of the words of the trained queries are changed by chance"


def _mixed(rows: list[Any], share: float, chance: Any) -> list[Any]:
    number = round(share * len(rows))
    others = [row[1:] for row in rows[:number]]
    chance.shuffle(others)
    return [(row[0], *other) for row, other in zip(rows, others, strict=False)] + rows[number:]


def _below(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    hits, rows, k = _last_hits(run)
    p = sum(_binomial(rows, j, 1 / k) for j in range(hits + 1))
    words = f"{hits} of {rows} right where chance is 1 in {k}: p = {p:.2g}"
    return words if p < 0.01 else None


def _at_chance(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    hits, rows, k = _last_hits(run)
    p = sum(_binomial(rows, j, 1 / k) for j in range(hits, rows + 1))
    words = f"{hits} of {rows} right where chance is 1 in {k}"
    return words if p > 0.05 and lost_share(run, twin) > 0.5 else None


def _last_hits(run: dict[str, Any]) -> tuple[int, int, int]:
    rows = run["facts"]["eval_rows"]
    last = [row for row in run["log"] if "eval_accuracy@1" in row][-1]
    return round(last["eval_accuracy@1"] * rows), rows, run["facts"]["candidates"]


def _binomial(n: int, k: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


EMB = ("embedding",) * 3

RANKING = (
    Fault(
        "below-chance",
        Way(_ranked("reversed"), looped),
        Way(_ranked("off"), looped),
        _below,
        ("below-chance",),
        families=EMB,
        c=Way(_ranked("ignored"), looped),
        d=Way(_finds_itself, looped),
        e=Way(fifth.whole_scores, looped),
        f=Way(sixth.text_and_number, looped),
        g=Way(seventh.first_left_out, looped),
        h=Way(eighth.taken_for_copies, looped),
        i=Way(ninth.copies_before, looped),
    ),
    Fault(
        "at-chance",
        Way(_shuffled(False), looped),
        Way(_shuffled(True), looped),
        _at_chance,
        ("at-chance", "loss-stuck", "embedding-collapse"),
        also=("overfit", "memorised", "below-chance"),
        families=EMB,
        c=Way(_no_question, looped),
        d=Way(_drowned, looped),
        e=Way(fifth.one_document_a_batch, looped),
        f=Way(sixth.numbers_for_texts, looped),
        g=Way(seventh.two_loaders, looped),
        h=Way(eighth.target_of_another, looped),
        i=Way(ninth.other_hash, looped),
    ),
)
