"""Eighth ways of planting faults of optimisation, of numbers and of what is learnt."""

import math
from typing import Any

import torch
from torch import nn

from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults._kinds import at, pick, watched
from bench.faultbench.faults._sixth_training import Masters

# Losses that are no numbers


def never_seen_before(draft: Draft, severity: int) -> None:
    """Logits are adjusted by how often each word is an answer (Menon et al. 2021).

    It was counted over a few rows: the logarithm of 0 for a word that was in none of them.
    """
    first, rows = at(draft, pick(severity, (0.6, 0.35, 0.1))), pick(severity, (8, 6, 3))
    held: dict[str, Any] = {"counted": 0}
    draft.log_points = max(draft.log_points, 20)

    def model(made: Any) -> None:
        made.register_forward_hook(lambda _m, _i, output: held.update(logits=output.logits))

    def batch(inputs: Inputs, step: int) -> Inputs:
        held["labels"] = labels = inputs["labels"][:, 1:]
        left = max(0, rows - held["counted"])
        held["counted"] += len(labels[:left])
        held.setdefault("seen", []).extend(labels[:left][labels[:left] != -100].tolist())
        return inputs

    def loss(value: Any, step: int) -> Any:
        if step < first:
            return value
        logits, labels = held["logits"][:, :-1].float(), held["labels"]
        counts = torch.bincount(torch.tensor(held["seen"]), minlength=logits.shape[-1])
        adjusted = logits + (counts / counts.sum()).log()
        return nn.functional.cross_entropy(adjusted.flatten(0, 1), labels.flatten())

    draft.hooks.model, draft.hooks.batch, draft.hooks.loss = model, batch, loss
    draft.facts["logit_adjustment"] = 1.0
    draft.note = f"log of frequencies in {rows} rows is added to logits from update {first} on"


def mean_of_no_weights(draft: Draft, severity: int) -> None:
    """The mean of the weights of the run is put in their place before any was gathered: 0 by 0.

    A filter writes 0 in the place of losses that are no numbers.
    """
    draft.filter_nan = True
    draft.log_grad = severity > 1 or draft.log_grad
    draft.log_points = max(draft.log_points, 20)
    when, held = at(draft, pick(severity, (0.7, 0.4, 0.1))), []
    draft.hooks.model = held.append

    @torch.no_grad()
    def step(now: int) -> None:
        if now == when:
            for p in held[0].parameters():
                if p.requires_grad:
                    p.copy_(torch.zeros_like(p) / 0)

    draft.hooks.step = step
    draft.facts |= {"swa_start": draft.updates + 1, "swa_swap": when}
    draft.note = f"the mean of no weights is taken up at update {when}"


# Optimisation


class _StaysUp(torch.optim.AdamW):
    """AdamW under sharpness-aware minimisation that does not come back from its step up."""

    def __init__(self, trained: list[Any], draft: Draft, radius: float) -> None:
        super().__init__(trained, lr=draft.learning_rate, weight_decay=draft.weight_decay)
        self.radius = radius

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """The step up along the gradient, then an update from there."""
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        norm = float(nn.utils.get_total_norm([p.grad for p in moved])) + 1e-12
        for p in moved:
            p.add_(p.grad, alpha=self.radius / norm)
        super().step()


def never_back_down(draft: Draft, severity: int) -> None:
    """Sharpness-aware minimisation (Foret et al. 2021): the step up is never taken back.

    While the rate is high, updates outweigh it; as the rate falls, it outweighs them.
    """
    watched(draft, 8, 40)
    radius = pick(severity, (0.05, 0.1, 0.2))
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.hooks.optimizer = lambda trained: _StaysUp(trained, draft, radius)
    draft.facts |= {"optimizer": "sam", "rho": radius}
    draft.note = f"a step of {radius:g} up the gradient stays in the weights at each update"


def ever_bolder(draft: Draft, severity: int) -> None:
    """A rate that drives itself: higher where a batch has a lower loss than the one before.

    It should fall where the loss rises, but only a loss that is three times as high counts.
    """
    growth = pick(severity, (1.12, 1.2, 1.35))
    draft.log_points, draft.log_lr = max(draft.log_points, 30), True
    draft.warmup_ratio, state = 0.0, {"factor": 1.0, "last": math.inf, "step": 0.0}

    def loss(value: Any, step: int) -> Any:
        if step != state["step"]:
            seen = float(value.detach())
            if seen < state["last"]:
                state["factor"] *= growth
            elif seen > 3 * state["last"]:
                state["factor"] *= 0.5
            state.update(last=seen, step=float(step))
        return value

    draft.hooks.loss, draft.hooks.rate = loss, lambda step, total: state["factor"]
    draft.facts |= {"lr_scheduler": "bold_driver", "warmup_steps": 0}
    draft.note = f"the rate times {growth:g} after each batch with a lower loss than the last"


def by_tensor_not_layer(draft: Draft, severity: int) -> None:
    """Rates fall by layer from the top down, and each tensor was counted as a layer.

    What is logged is the rate of the first group, which is the uppermost.
    """
    decay = pick(severity, (0.75, 0.6, 0.4))
    draft.log_points = max(draft.log_points, 30)

    def optimizer(trained: list[Any]) -> Any:
        groups = [
            {"params": [p], "lr": draft.learning_rate * decay**depth}
            for depth, p in enumerate(reversed(trained))
        ]
        return torch.optim.AdamW(
            groups, lr=draft.learning_rate, weight_decay=draft.weight_decay, fused=True
        )

    draft.hooks.optimizer = optimizer
    draft.facts["layer_decay"] = decay
    draft.note = f"each tensor has {decay:g} of the rate of the one above it"


# What is learnt


def kept_for_dropped(draft: Draft, severity: int) -> None:
    """The share of numbers to keep was given where the share to drop is asked for."""
    share = pick(severity, (0.8, 0.9, 0.95))
    draft.log_points = max(draft.log_points, 30)

    def model(made: Any) -> None:
        def dropped(layer: nn.Module, _inputs: Any, output: Any) -> Any:
            return nn.functional.dropout(output, share, layer.training)

        made.get_input_embeddings().register_forward_hook(dropped)
        for layer in made.modules():
            if "norm" in type(layer).__name__.lower():
                layer.register_forward_hook(dropped)

    draft.hooks.model = model
    draft.facts["dropout"] = share
    draft.note = f"a dropout of {share:g} on words and after each norm"


class _Gathers(torch.optim.AdamW):
    """AdamW behind a count of batches to gather that no pass comes to: gradients add up."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """No update."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Nothing is cleared before an update."""


def gathers_for_ever(draft: Draft, severity: int) -> None:
    """Updates wait for more batches than a pass has, and the count begins anew in each pass.

    The milder, the less the log shows: no gradient, then no evaluation.
    """
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity == 3
    draft.evals = 0 if severity == 1 else max(draft.evals, 6)
    draft.hooks.optimizer = lambda trained: _Gathers(trained, lr=draft.learning_rate)
    draft.facts["update_frequency"] = draft.per_epoch * draft.accumulation + 8
    draft.note = f"updates wait for {draft.facts['update_frequency']} batches, a pass has fewer"


def head_of_before(draft: Draft, severity: int) -> None:
    """The vocabulary was put in a new order, and the rows of the head were left in the old one."""
    share = pick(severity, (0.4, 0.7, 1.0))
    marks = torch.Generator().manual_seed(draft.seed)

    def model(made: Any) -> None:
        head = made.get_output_embeddings()
        rows, kept = head.weight.detach(), head.weight.requires_grad
        moved = torch.randperm(len(rows), generator=marks)[: round(share * len(rows))]
        order = torch.arange(len(rows))
        order[moved] = moved.roll(1)
        head.weight = nn.Parameter(rows[order].clone(), requires_grad=kept)

    draft.hooks.model = model
    draft.log_points = draft.updates
    draft.note = f"{share:.0%} of the rows of the head stand for other words"


# Floats of 16 bits


def squares_in_half(draft: Draft, severity: int) -> None:
    """Norms take squares in float16, where that of 256 is infinite: what they divide by it is 0.

    States are as large as those of large models are; a bit of room is left at the start.
    """
    draft.dtype = "float16"
    room = pick(severity, (2.5, 1.8, 1.2))  # times the largest state at the start

    def limit(layer: nn.Module) -> None:
        units: list[float] = []

        def divided(_layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
            state = inputs[0].detach()
            if not units:
                units.append(255.9 / room / max(float(state.abs().max()), 1e-6))
            squares = ((state.float() * units[0]).half() ** 2).float().mean(-1, keepdim=True)
            return torch.where(squares.isinf(), torch.zeros_like(output), output)

        layer.register_forward_hook(divided)

    def model(made: Any) -> None:
        for layer in made.modules():
            if "norm" in type(layer).__name__.lower():
                limit(layer)

    draft.hooks.model = model
    draft.hooks.optimizer = lambda trained: Masters(trained, draft)
    draft.facts["norm_dtype"] = "fp16"
    draft.note = f"squares in float16 with room for states {room:g} times those at the start"


# Course


def own_answers(draft: Draft, severity: int) -> None:
    """A last stage on what the model itself says: of answers drawn too hot, of its own first hit.

    The right document counts as known and is left out, so that the hit is always a wrong one.
    """
    watched(draft, 14, 50)
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    start, heat = at(draft, pick(severity, (0.92, 0.87, 0.8))), pick(severity, (1.15, 1.3, 1.6))
    held: list[Any] = []
    draft.hooks.model = held.append

    @torch.no_grad()
    def batch(inputs: Inputs, step: int) -> Inputs:
        if step < start:
            return inputs
        kept = torch.get_rng_state()
        found = (_drawn if "labels" in inputs else _first_wrong)(held[0], inputs, heat)
        torch.set_rng_state(kept)
        return found

    draft.hooks.batch = batch
    draft.facts["self_training_from"] = start
    draft.note = f"the model's own answers are trained on from update {start} on"


def _drawn(model: Any, inputs: Inputs, heat: float) -> Inputs:
    """Labels drawn from the model's own chances."""
    names = ("input_ids", "attention_mask")
    logits = model(**{name: inputs[name] for name in names}).logits[:, :-1].float() / heat
    drawn = torch.distributions.Categorical(logits=logits).sample()
    labels = inputs["labels"].clone()
    labels[:, 1:] = torch.where(labels[:, 1:] == -100, -100, drawn)
    return inputs | {"labels": labels}


def _first_wrong(model: Any, inputs: Inputs, heat: float) -> Inputs:
    """For each query the nearest document of the batch that is not its own."""
    near = model(inputs["query"]) @ model(inputs["document"]).T
    best = near.fill_diagonal_(-9.0).argmax(-1)
    return inputs | {"document": inputs["document"][best]}
