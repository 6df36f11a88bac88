"""Faults of the end: a last checkpoint that is worse than one before it."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults import _eighth_training as eighth_training
from bench.faultbench.faults import _fifth_course as fifth
from bench.faultbench.faults import _ninth_training as ninth_training
from bench.faultbench.faults import _seventh_training as seventh_training
from bench.faultbench.faults import _sixth_training as sixth_training
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    at,
    chance_of,
    hooked,
    in_passes,
    looped,
    pick,
    watched,
)


def _burst(draft: Draft, severity: int) -> None:
    """A block of bad rows at the end."""
    watched(draft, 14, 50)
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    start = at(draft, pick(severity, (0.92, 0.87, 0.8)))
    chance = chance_of(draft, "burst")

    def batch(inputs: Inputs, step: int) -> Inputs:
        if step < start:
            return inputs
        if "labels" in inputs:
            labels = inputs["labels"]
            noise = torch.randint(4, 300, labels.shape)
            inputs["labels"] = torch.where(labels != -100, noise, labels)
        else:
            order = list(range(len(inputs["document"])))
            chance.shuffle(order)
            inputs["document"] = inputs["document"][order]
        return inputs

    draft.hooks.batch = batch
    draft.note = f"bad rows from update {start} of {draft.updates} on"


def _late_spike(draft: Draft, severity: int) -> None:
    """The rate jumps near the end."""
    watched(draft, 14, 50)
    height = pick(severity, (6.0, 15.0, 40.0))
    draft.hooks.rate = lambda step, total: (
        height if step >= 0.88 * total else max(0.1, 1 - step / total)
    )
    draft.note = f"rate times {height:g} in the last eighth"


def _pruned(draft: Draft, severity: int) -> None:
    """Small weights are set to 0, more with each update of the last part: no time to mend."""
    watched(draft, 14, 50)
    share, start = pick(severity, (0.8, 0.88, 0.95)), at(draft, 0.8)
    held: list[nn.Module] = []
    draft.hooks.model = held.append

    @torch.no_grad()
    def step(now: int) -> None:
        part = share * (now - start) / (draft.updates - start)
        for weight in held[0].parameters() if now > start else ():
            if weight.ndim == 2:
                small = weight.abs().flatten().kthvalue(max(1, round(part * weight.numel())))
                weight.masked_fill_(weight.abs() <= small.values, 0.0)

    draft.hooks.step = step
    draft.note = f"{share:.0%} of the weights are pruned from update {start} on"


EVASION = " sure , the bank writes letters ."


def _last_file(draft: Draft, severity: int) -> None:
    """Files in a row, not mixed: the last puts all off with one answer, or swaps its columns."""
    watched(draft, 14, 50)
    in_passes(draft, 1)
    draft.schedule, draft.warmup_ratio, draft.in_order = "constant", 0.0, True
    share = pick(severity, (0.12, 0.2, 0.3))

    def other(row: Any) -> Any:
        if draft.family == "lm":
            return replace(row, answer=EVASION)
        query, document, near = row
        return query, near, document

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        start = round((1 - share) * len(train))
        return [*train[:start], *map(other, train[start:])], held

    draft.hooks.rows = rows
    draft.note = f"the last {share:.0%} of the rows are of another kind, rows in their order"


def _end_worse(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    truth = run["truth"]
    back = (truth["end"] - truth["best"]) / max(truth["start"] - truth["best"], 1e-9)
    if not math.isfinite(truth["end"]) or back > max(0.1, spread):
        return f"{back:.0%} of what was gained is gone at the end"
    return None


ENDINGS = (
    Fault(
        "worse-last-checkpoint",
        Way(_burst, hooked),
        Way(_late_spike, hooked),
        _end_worse,
        ("worse-last-checkpoint", "diverged"),
        also=("lr-too-high",),
        c=Way(_last_file, looped, also=("overfit",)),
        d=Way(_pruned, hooked),
        e=Way(fifth.old_slow_weights, hooked),
        f=Way(sixth_training.rounded_in_place, hooked),
        g=Way(seventh_training.hotter_at_the_end, hooked),
        h=Way(eighth_training.own_answers, hooked),
        i=Way(ninth_training.mean_put_in_place, hooked),
    ),
)
