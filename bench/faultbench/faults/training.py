"""Faults of optimisation: losses that run away and rates that do not fit."""

import math
from typing import Any

import torch

from bench.faultbench.draft import Draft
from bench.faultbench.faults import _eighth_training as eighth
from bench.faultbench.faults import _fifth_training as fifth
from bench.faultbench.faults import _ninth_training as ninth
from bench.faultbench.faults import _seventh_training as seventh
from bench.faultbench.faults import _sixth_training as sixth
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    at,
    chance_of,
    effect,
    hooked,
    lost_share,
    pick,
    watched,
)
from bench.faultbench.faults.nonfinite import NUMBERS


def _rate(factors: tuple[float, float, float]) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        factor = pick(severity, factors)
        draft.learning_rate *= factor
        draft.log_points = max(draft.log_points, 30)
        if factor > 1:
            draft.warmup_ratio = 0.0
        draft.note = f"learning rate times {factor:g}"

    return plant


def _growing(draft: Draft, severity: int) -> None:
    """The decay of an exponential schedule is above 1, and nothing is clipped."""
    watched(draft, 6, 40)
    height = pick(severity, (60.0, 200.0, 600.0))
    draft.max_grad_norm = 1e9
    draft.hooks.rate = lambda step, total: 0.5 * height ** (step / max(total, 1))
    draft.facts["lr_scheduler"] = "exponential"
    draft.note = f"the rate grows {height:g} times in the course of the run"


def _uphill(draft: Draft, severity: int) -> None:
    """The sign of the update is wrong from some update on."""
    watched(draft, 6, 40)
    step, held = at(draft, pick(severity, (0.75, 0.6, 0.4))), []

    def optimizer(trained: list[Any]) -> Any:
        made = torch.optim.AdamW(
            trained, lr=draft.learning_rate, weight_decay=draft.weight_decay, fused=True
        )
        held.append(made)
        return made

    def turn(now: int) -> None:
        if now == step:
            for group in held[-1].param_groups:
                group["maximize"] = True

    draft.hooks.optimizer, draft.hooks.step = optimizer, turn
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    draft.note = f"gradient ascent from update {step} on"


def _grown(draft: Draft, severity: int) -> None:
    """The weight decay has a schedule that falls below 0: updates make all weights longer."""
    watched(draft, 6, 40)
    first, total, held = 0.4 * draft.updates, math.log(pick(severity, (20.0, 80.0, 400.0))), []
    slope = 2 * total / (draft.updates - first) ** 2
    draft.hooks.model = held.append

    def step(now: int) -> None:
        with torch.no_grad():
            for p in held[0].parameters():
                if p.requires_grad:
                    p.mul_(math.exp(slope * max(0.0, now - first)))

    draft.hooks.step = step
    draft.note = f"the weight decay falls below 0 from update {math.ceil(first)} on"


def _bad_examples(draft: Draft, severity: int) -> None:
    """Rows are weighted by a grade less the mean of grades, once it is known: half go below 0.

    What is bad is unlearnt without end, for a loss that is raised has no floor.
    """
    watched(draft, 6, 40)
    first, weight = at(draft, pick(severity, (0.6, 0.5, 0.4))), pick(severity, (-2.0, -3.0, -5.0))
    chance = chance_of(draft, "grades")
    bad = {step for step in range(first, draft.updates + 1) if chance.random() < 0.5}
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    draft.hooks.loss = lambda loss, now: loss * weight if now in bad else loss
    draft.facts["row_weights"] = "grade less its mean"
    draft.note = f"half of the batches from update {first} on have the weight {weight:g}"


class _Lion(torch.optim.Optimizer):
    """Lion (Chen et al. 2023): every number moves by the whole rate, in the sign of its mean."""

    def __init__(self, trained: list[Any], lr: float) -> None:
        super().__init__(trained, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                p.sub_((0.9 * mean + 0.1 * p.grad).sign(), alpha=group["lr"])
                mean.lerp_(p.grad, 0.01)


def _lion(draft: Draft, severity: int) -> None:
    """A rate that suits Adam, or more, for Lion, which wants a tenth of it."""
    factor = pick(severity, (4.0, 10.0, 25.0))
    draft.learning_rate *= factor
    draft.warmup_ratio, draft.log_points = 0.0, max(draft.log_points, 30)
    draft.hooks.optimizer = lambda trained: _Lion(trained, draft.learning_rate)
    draft.facts["optimizer"] = "lion"
    draft.note = f"Lion at {factor:g} times a rate for Adam"


def _plateau(draft: Draft, severity: int) -> None:
    """A schedule that waits for a plateau is shown the loss of every batch, which jumps.

    So it cuts the rate a few updates after the start, down to its least.
    """
    draft.log_points, draft.log_lr = max(draft.log_points, 30), True
    patience, least = pick(severity, (1, 1, 0)), pick(severity, (0.02, 0.01, 0.001))
    factor, best, waited = 1.0, math.inf, 0

    def loss(value: Any, now: int) -> Any:
        nonlocal factor, best, waited
        seen = float(value.detach())
        waited = 0 if seen < best else waited + 1
        best = min(best, seen)
        if waited > patience:
            factor, waited = max(least, 0.1 * factor), 0
        return value

    draft.hooks.loss, draft.hooks.rate = loss, lambda step, total: factor
    draft.facts |= {"lr_scheduler": "reduce_lr_on_plateau", "warmup_steps": 0}
    draft.note = f"the rate falls where {patience + 1} batches in a row are no better than the best"


def _steps_of_warmup(draft: Draft, severity: int) -> None:
    """A warm-up of one's own counts its steps and does not divide by their number."""
    steps = pick(severity, (15, 40, 100))
    draft.log_points = max(draft.log_points, 30)
    draft.warmup_ratio = steps / draft.updates
    draft.hooks.rate = lambda step, total: float(min(step + 1, steps))
    draft.facts["lr_scheduler"] = "lambda"
    draft.note = f"the warm-up rises to {steps} times the rate"


def _one_cycle(draft: Draft, severity: int) -> None:
    """One cycle whose peak is far too high."""
    factor = pick(severity, (8.0, 20.0, 50.0))
    draft.learning_rate *= factor
    draft.log_points = max(draft.log_points, 30)

    def rate(step: int, total: int) -> float:
        part = step / max(total, 1)
        return 0.02 + 0.98 * part / 0.3 if part < 0.3 else max(0.02, 1 - (part - 0.3) / 0.7)

    draft.hooks.rate = rate
    draft.facts["lr_scheduler"] = "one_cycle"
    draft.note = f"one cycle with a peak of {factor:g} times the rate"


def _plain_descent(draft: Draft, severity: int) -> None:
    """Gradient descent at a rate that was meant for Adam."""
    draft.learning_rate *= pick(severity, (1.0, 0.3, 0.1))
    draft.log_points = max(draft.log_points, 30)
    draft.hooks.optimizer = lambda trained: torch.optim.SGD(trained, lr=draft.learning_rate)
    draft.facts["optimizer"] = "sgd"
    draft.note = "SGD at a rate for Adam"


def _long_warmup(draft: Draft, severity: int) -> None:
    """The warm-up was set for a far longer run; this one ends when it has hardly begun."""
    draft.log_points = max(draft.log_points, 30)
    draft.schedule = "constant_with_warmup" if draft.schedule == "constant" else draft.schedule
    draft.warmup_ratio = pick(severity, (8.0, 30.0, 100.0))
    draft.note = f"a warm-up of {draft.warmup} updates in a run of {draft.updates}"


def _gone(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    truth = run["truth"]
    if not math.isfinite(truth["end"]):
        return "the weights are no numbers"
    back = (truth["end"] - truth["best"]) / max(truth["start"] - twin["end"], 1e-9)
    share = lost_share(run, twin)
    if share > max(0.15, spread) and (back > 0.15 or truth["end"] > truth["start"]):
        return f"{share:.0%} of the twin's gain is lost, {back:.0%} of it after the best"
    return None


TRAINING = (
    *NUMBERS,
    Fault(
        "diverged",
        Way(_growing, hooked, codes=("diverged", "lr-too-high")),
        Way(_uphill, hooked),
        _gone,
        ("diverged",),
        also=("nan-loss",),
        c=Way(_grown, hooked),
        d=Way(_bad_examples, lambda d: hooked(d) and d.loss_kind != "logistic"),
        e=Way(fifth.away_from_start, hooked),
        f=Way(
            sixth.below_nothing,
            hooked,
            also=("schedule-mismatch", "worse-last-checkpoint", "lr-too-high"),
        ),
        g=Way(seventh.never_cleared, hooked, also=("worse-last-checkpoint", "lr-too-high")),
        h=Way(eighth.never_back_down, hooked, also=("worse-last-checkpoint",)),
        i=Way(ninth.betas_swapped, hooked, also=("worse-last-checkpoint", "lr-too-high")),
    ),
    Fault(
        "lr-too-high",
        Way(_rate((8.0, 20.0, 50.0))),
        Way(_one_cycle),
        effect(),
        ("lr-too-high", "diverged"),
        also=("loss-stuck", "nan-loss", "worse-last-checkpoint"),
        c=Way(_steps_of_warmup),
        d=Way(_lion, hooked),
        e=Way(fifth.divided_by_layer, hooked),
        f=Way(sixth.scaled_each_pass, hooked, also=("schedule-mismatch",)),
        g=Way(seventh.swings_too_far, hooked),
        h=Way(eighth.ever_bolder, hooked),
        i=Way(ninth.rate_of_sgd, hooked),
    ),
    Fault(
        "lr-too-low",
        Way(_rate((0.1, 0.03, 0.01))),
        Way(_plain_descent, hooked),
        effect(),
        ("lr-too-low", "loss-stuck"),
        also=("undertrained",),
        c=Way(_long_warmup, also=("schedule-mismatch",)),
        d=Way(_plateau, hooked),
        e=Way(fifth.of_the_paper, hooked),
        f=Way(sixth.of_the_size, hooked),
        g=Way(seventh.warmed_up_anew, hooked, also=("schedule-mismatch",)),
        h=Way(eighth.by_tensor_not_layer, hooked),
        i=Way(ninth.by_the_batch, hooked),
    ),
)
