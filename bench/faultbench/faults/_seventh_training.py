"""Seventh ways of planting faults of optimisation, of numbers and of what is learnt."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.draws import GOOD
from bench.faultbench.faults._kinds import at, chance_of, in_passes, pick, watched
from bench.faultbench.faults._sixth_training import Masters
from bench.faultbench.words import world

ONSET = (0.7, 0.4, 0.1)

# Losses that are no numbers


def spread_of_groups(draft: Draft, severity: int) -> None:
    """A penalty for groups whose losses differ: the root of the mean square less the square mean.

    In 16 bits that difference falls below 0 when the groups are nearly alike, and its root is no
    number. The penalty is put on after a while, as one does.
    """
    first = at(draft, pick(severity, (0.5, 0.3, 0.1)))
    kind = pick(severity, (torch.float16, torch.bfloat16, torch.bfloat16))
    held: dict[str, Any] = {}
    draft.batch_size, draft.log_points = max(draft.batch_size, 4), max(draft.log_points, 20)

    def model(made: Any) -> None:
        made.register_forward_hook(lambda _m, _i, output: held.update(logits=output.logits))

    def batch(inputs: Inputs, step: int) -> Inputs:
        held["labels"] = inputs["labels"]
        return inputs

    def loss(value: Any, step: int) -> Any:
        if step < first:
            return value
        logits, labels = held["logits"][:, :-1].float(), held["labels"][:, 1:]
        each = nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
        rows = each.sum(1) / (labels != -100).sum(1).clamp(min=1)
        means = torch.stack([part.mean() for part in rows.chunk(2)]).to(kind)
        return value + 0.1 * ((means**2).mean() - means.mean() ** 2).sqrt().float()

    draft.hooks.model, draft.hooks.batch, draft.hooks.loss = model, batch, loss
    draft.facts["group_penalty"] = 0.1
    draft.note = f"the spread of two groups' losses in {kind} is added from update {first} on"


def nothing_by_nothing(draft: Draft, severity: int) -> None:
    """Adam's epsilon is 0: what has no gradient at first is moved by 0/0.

    So are words that are not in the first batch, and the first matrices of adapters. A filter
    writes 0 in the place of losses that are no numbers; the milder, the less the log shows.
    """
    draft.filter_nan = True
    draft.log_grad = severity > 1 or draft.log_grad
    draft.evals = 0 if severity == 1 else max(draft.evals, 6)
    draft.log_points = max(draft.log_points, 20)
    draft.hooks.optimizer = lambda trained: torch.optim.AdamW(
        trained, lr=draft.learning_rate, weight_decay=draft.weight_decay, eps=0.0
    )
    draft.facts["adam_epsilon"] = 0.0
    draft.note = "Adam's epsilon is 0: no gradient by no gradient"


# Optimisation


class _Uncleared(torch.optim.AdamW):
    """AdamW over gradients that are never cleared: each update sees the sum of all so far."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update by the sum."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                total = self.state[p].get("total")
                p.grad = p.grad.clone() if total is None else p.grad + total
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p]["total"] = p.grad


def never_cleared(draft: Draft, severity: int) -> None:
    """The call that clears gradients is missing: each update goes by the sum of all before it.

    Nothing brakes what goes too far, and it swings further and further.
    """
    watched(draft, 6, 40)
    draft.learning_rate *= pick(severity, (3.0, 5.0, 8.0))
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    draft.hooks.optimizer = lambda trained: _Uncleared(
        trained, lr=draft.learning_rate, weight_decay=draft.weight_decay
    )
    draft.note = "gradients are never cleared"


def swings_too_far(draft: Draft, severity: int) -> None:
    """A rate that swings between two bounds (Smith 2017); the upper one is far too high.

    The run ends at the top of a swing.
    """
    cycles, rate = 3.5, max(draft.learning_rate, GOOD[draft.family, draft.tune])
    factor: float = pick(severity, (20.0, 60.0, 150.0))
    draft.learning_rate = rate * factor
    draft.warmup_ratio, draft.log_points = 0.0, max(draft.log_points, 40)

    def swing(step: int, total: int) -> float:
        part = cycles * step / max(total, 1) % 1
        up: float = 1 - abs(2 * part - 1)
        return (1 + (factor - 1) * up) / factor

    draft.hooks.rate = swing
    draft.facts |= {"lr_scheduler": "cyclic", "base_lr": rate, "max_lr": draft.learning_rate}
    draft.note = f"{cycles:g} swings of the rate, up to {factor:g} times what suits"


def warmed_up_anew(draft: Draft, severity: int) -> None:
    """A schedule is made anew after each evaluation, and its warm-up is far longer than that.

    So the rate is a low saw.
    """
    watched(draft, 10, 40)
    every = draft.eval_steps
    draft.eval_every = every
    warm = every * pick(severity, (20, 60, 200))
    draft.hooks.rate = lambda step, total: (step % every + 1) / warm
    draft.facts |= {"lr_scheduler": "constant_with_warmup", "warmup_steps": warm}
    draft.note = f"a warm-up of {warm} updates begins anew after each {every}"


# What is learnt


class _Noisy(torch.optim.AdamW):
    """AdamW by gradients with noise, as for privacy (Abadi et al. 2016)."""

    def __init__(self, trained: list[Any], draft: Draft, deviation: float) -> None:
        super().__init__(trained, lr=draft.learning_rate, weight_decay=0.0)
        self.deviation, self.marks = deviation, torch.Generator().manual_seed(draft.seed)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update by the gradient and the noise."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad += self.deviation * torch.randn(p.shape, generator=self.marks)
        super().step()


def drowned_in_noise(draft: Draft, severity: int) -> None:
    """Noise for privacy that was set for batches of thousands; here a batch has a few rows."""
    draft.log_points = max(draft.log_points, 30)
    multiplier = pick(severity, (0.6, 1.0, 2.0))
    rows = draft.batch_size * draft.accumulation
    draft.learning_rate *= 0.2
    draft.max_grad_norm, draft.weight_decay = 1.0, 0.0
    draft.hooks.optimizer = lambda trained: _Noisy(trained, draft, multiplier / rows)
    draft.facts |= {"noise_multiplier": multiplier, "target_delta": 1e-5}
    draft.note = f"noise of {multiplier:g} times the clipped gradient over {rows} rows"


class _Skips(torch.optim.AdamW):
    """AdamW under a loss scaler that finds an infinite gradient each time, and makes no update."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """No update."""


def ever_infinite(draft: Draft, severity: int) -> None:
    """One gradient is infinite in each update, and a guard leaves out updates that have any.

    The milder, the less the log shows: no gradient, then no evaluation.
    """
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity == 3
    draft.evals = 0 if severity == 1 else max(draft.evals, 6)

    def model(made: Any) -> None:
        last = [p for p in made.parameters() if p.requires_grad][-1]
        last.register_hook(lambda grad: torch.full_like(grad, math.inf))

    draft.hooks.model = model
    draft.hooks.optimizer = lambda trained: _Skips(trained, lr=draft.learning_rate)
    draft.facts["skip_nonfinite"] = True
    draft.note = "a gradient is infinite each time, and each update is left out for it"


def converted_again(draft: Draft, severity: int) -> None:
    """Weights of norms are kept less 1, as Gemma's are, and 1 is added when they are read.

    These were kept whole; and each time the file was read and written, 1 was added.
    """
    times = pick(severity, (1, 3, 8))

    @torch.no_grad()
    def model(made: Any) -> None:
        for name, weight in made.named_parameters():
            if weight.ndim == 1 and "norm" in name and name.endswith("weight"):
                weight.add_(times)

    draft.hooks.model = model
    draft.log_points = draft.updates
    draft.note = f"1 was added to the weights of all norms, {times} in all"


# Floats of 16 bits


def ever_doubled(draft: Draft, severity: int) -> None:
    """A loss scale is doubled every few updates; what should halve it sees no overflow.

    The gradients are infinite in float16 in time.
    """
    draft.dtype = "float16"
    end = max(2, at(draft, pick(severity, ONSET)))
    every = max(1, round(end / 16))
    now = [256.0]

    def loss(value: Any, step: int) -> Any:
        now[0] = 256.0 * 2.0 ** (step // every)
        return value.float().detach() + (value.float() - value.float().detach()) * now[0]

    draft.hooks.loss = loss
    draft.hooks.optimizer = lambda trained: Masters(trained, draft)
    draft.log_grad = True
    draft.facts |= {"init_scale": 256.0, "growth_interval": every}
    draft.note = f"the loss scale is doubled every {every} updates and never halved"


# Course


def hotter_at_the_end(draft: Draft, severity: int) -> None:
    """Noise on the weights, of Langevin dynamics, has a schedule that is the wrong way round.

    So it sets in near the end and grows.
    """
    watched(draft, 14, 50)
    start, height = at(draft, 0.85), pick(severity, (0.5, 0.8, 1.2))
    held: list[Any] = []

    def model(made: Any) -> None:
        held.extend(p for p in made.parameters() if p.requires_grad and p.dim() > 1)

    marks = torch.Generator().manual_seed(draft.seed)

    @torch.no_grad()
    def step(now: int) -> None:
        part = height * (now - start) / max(1, draft.updates - start)
        for weight in held if now > start else ():
            noise = torch.randn(weight.shape, generator=marks)
            weight.add_(noise * weight.std(), alpha=part)

    draft.hooks.model, draft.hooks.step = model, step
    draft.facts["noise_schedule"] = "rising"
    draft.note = f"noise on the weights grows from update {start} on, to {height:g} of their size"


def among_the_general(draft: Draft, severity: int) -> None:
    """Mixed with a general set by size: few rows of a batch are of the task."""
    in_passes(draft, 1)
    watched(draft, 6, 60)
    share = pick(severity, (0.9, 0.94, 0.97))
    here, chance = world(draft.variant), chance_of(draft, "general")

    def general(row: Any) -> Any:
        if draft.family == "lm":
            return replace(row, prompt="so", answer=f" {here.sentence(chance)}")
        return (row[1], *row[1:])

    draft.hooks.rows = lambda train, held: (
        [general(row) if chance.random() < share else row for row in train],
        held,
    )
    draft.facts["mix"] = {"general": share, "task": round(1 - share, 2)}
    draft.note = f"{share:.0%} of the rows are of a general set"
