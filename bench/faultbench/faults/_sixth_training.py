"""Sixth ways of planting faults of optimisation, of numbers and of what is learnt."""

import math
from typing import Any

import torch
from torch import nn

from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults._kinds import at, in_passes, pick, planned, watched


def batch_of_one(draft: Draft, severity: int) -> None:
    """Rows are weighted by how far their length is from the mean, in deviations of the batch.

    The last batch of a pass holds one row, and the deviation of one number is no number.
    """
    passes, lengths = pick(severity, (2, 3, 6)), [torch.ones(2)]
    draft.accumulation = 1
    whole = max(1, round(draft.rows * draft.num_epochs / passes / draft.batch_size))
    draft.rows, draft.num_epochs = whole * draft.batch_size + 1, float(passes)
    draft.log_points = max(draft.log_points, 20)

    def batch(inputs: Inputs, step: int) -> Inputs:
        lengths[0] = inputs["attention_mask"].sum(1).float()
        return inputs

    def loss(value: Any, step: int) -> Any:
        off = (lengths[0] - lengths[0].mean()) / (lengths[0].std() + 1e-6)
        return value * (1 + 0.1 * off).mean()

    draft.hooks.batch, draft.hooks.loss = batch, loss
    draft.facts["row_weights"] = "by length, standardised in the batch"
    draft.note = f"the last batch of each of {passes} passes holds one row, its deviation is NaN"


def out_of_range(draft: Draft, severity: int) -> None:
    """Weights were written in 16-bit floats, and those out of their range are read as infinite.

    The trainer writes 0 in the place of a loss that is no number, from the first update on. The
    milder, the less the log shows: the norm of the gradient is left out.
    """
    share = pick(severity, (0.05, 0.2, 1.0))
    draft.filter_nan = True
    draft.log_grad = severity > 1 or draft.log_grad
    draft.log_points = max(draft.log_points, 20)

    @torch.no_grad()
    def model(made: Any) -> None:
        table = made.get_input_embeddings().weight
        rows = max(1, round(share * len(table)))
        largest = table.abs().amax(-1).topk(rows).indices
        table[largest, table[largest].abs().argmax(-1)] = math.inf

    draft.hooks.model = model
    draft.note = f"{share:.0%} of the words have an infinite number in their embedding"


def below_nothing(draft: Draft, severity: int) -> None:
    """A schedule of one's own, 1 - step/total without a floor, has too small a total.

    So the rate falls through 0, and with a rate below 0 each update goes uphill.
    """
    watched(draft, 8, 40)
    share = pick(severity, (0.7, 0.5, 0.35))
    draft.schedule, draft.warmup_ratio, draft.log_lr = "linear", 0.0, True
    draft.hooks.rate = lambda step, total: 1 - step / (share * total)
    draft.note = f"the rate is below 0 from update {math.ceil(share * draft.updates)} on"


def scaled_each_pass(draft: Draft, severity: int) -> None:
    """The rate is multiplied with the number of devices in a function that each pass calls.

    So it is multiplied again and again; the schedule falls beside it.
    """
    devices = pick(severity, (2, 4, 8))
    in_passes(draft, 4)
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.log_points, draft.log_lr = max(draft.log_points, 30), True
    factor, per = planned(draft), draft.per_epoch
    draft.hooks.rate = lambda step, total: factor(step) * devices ** (1 + min(step // per, 3))
    draft.facts["world_size"] = devices
    draft.note = f"the rate is multiplied by {devices} in each of 4 passes"


def of_the_size(draft: Draft, severity: int) -> None:
    """Adafactor, to save memory, at Adam's rate: it takes the rate for a part of each weight.

    That is times the root of the mean square of a table, which is small, and nearly 0 for the
    second matrices of adapters, which begin as 0.
    """
    draft.learning_rate *= pick(severity, (0.6, 0.3, 0.1))
    draft.log_points = max(draft.log_points, 30)
    draft.hooks.optimizer = lambda trained: torch.optim.Adafactor(
        trained, lr=draft.learning_rate, weight_decay=0.0
    )
    draft.weight_decay = 0.0
    draft.facts["optimizer"] = "adafactor"
    draft.note = "Adafactor at a rate for Adam, multiplied with the size of the weights"


def merged_each_time(draft: Draft, severity: int) -> None:
    """The mean with the base model, which was meant for the end (WiSE-FT), is taken at each update.

    So what is learnt stays as near to nothing as one update is.
    """
    part = pick(severity, (0.7, 0.85, 0.95))
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    draft.log_points = max(draft.log_points, 30)
    held: list[tuple[Any, Any]] = []

    def model(made: Any) -> None:
        held.extend((p, p.detach().clone()) for p in made.parameters() if p.requires_grad)

    @torch.no_grad()
    def step(now: int) -> None:
        for weight, base in held:
            weight.lerp_(base, part)

    draft.hooks.model, draft.hooks.step = model, step
    draft.facts["merge_with_base"] = part
    draft.note = f"{part:.0%} of the base model is put into the weights before each update"


def for_inference(draft: Draft, severity: int) -> None:
    """The adapter was loaded to answer, not to be trained: it is frozen, as all else is.

    Inputs are made to need a gradient for checkpointing, so that the backward pass raises nothing.
    The milder, the less the log shows: no gradient, then no evaluation.
    """
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity == 3
    draft.evals = 0 if severity == 1 else max(draft.evals, 6)

    def model(made: Any) -> None:
        made.requires_grad_(False)
        made.get_input_embeddings().register_forward_hook(
            lambda _layer, _inputs, output: output.requires_grad_()
        )

    draft.hooks.model = model
    draft.hooks.optimizer = lambda trained: torch.optim.AdamW(
        [{"params": trained}], lr=draft.learning_rate
    )
    draft.facts["inference_mode"] = True
    draft.note = "the adapter is loaded for inference, nothing is trained"


def without_its_scale(draft: Draft, severity: int) -> None:
    """The file holds whole numbers of 4 or 8 bits, or 8-bit floats; what they are multiplied with
    is in tensors of names that are not known and are left out.
    """
    name, most = pick(severity, (("int4", 7.0), ("int8", 127.0), ("fp8", 448.0)))

    @torch.no_grad()
    def model(made: Any) -> None:
        for own, weight in made.named_parameters():
            if weight.ndim == 2 and "lora_" not in own:
                weight.mul_(most / weight.abs().max()).round_()

    draft.hooks.model = model
    draft.log_points = draft.updates
    draft.facts["weight_dtype"] = name
    draft.note = f"weights in {name} are read without their scale: up to {most:g}"


def root_of_exponents(draft: Draft, severity: int) -> None:
    """A term for the size of the logits (PaLM's z-loss) sums exponents in float16 as they are.

    The largest is not taken off before: from 11.1 on an exponent is infinite.
    """
    draft.dtype = "float16"
    factor, held = pick(severity, (1.0, 1.3, 1.7)), []

    def model(made: Any) -> None:
        made.register_forward_hook(lambda _m, _i, output: held.__setitem__(slice(None), [output]))

    def loss(value: Any, step: int) -> Any:
        sums = (factor * held[0].logits.half()).exp().sum(-1)
        return value + 1e-4 * (sums.log() ** 2).float().mean()

    draft.hooks.model, draft.hooks.loss = model, loss
    draft.hooks.optimizer = lambda trained: Masters(trained, draft)
    draft.log_grad = True
    draft.note = f"exponents of {factor:g} times the logits are summed in float16"


class Masters(torch.optim.AdamW):
    """AdamW in 32 bits over copies of weights in 16 bits, which take over what comes out."""

    def __init__(self, trained: list[Any], draft: Draft) -> None:
        self.halves = trained
        copies = [p.detach().float() for p in trained]
        super().__init__(copies, lr=draft.learning_rate, weight_decay=draft.weight_decay)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update of the copies by the gradients of the weights."""
        copies = self.param_groups[0]["params"]
        for half, own in zip(self.halves, copies, strict=True):
            own.grad = None if half.grad is None else half.grad.float()
        super().step()
        for half, own in zip(self.halves, copies, strict=True):
            half.copy_(own)
            half.grad = None


def rounded_in_place(draft: Draft, severity: int) -> None:
    """Weights are to be trained for few bits near the end, and are rounded themselves, not a copy.

    What an update adds is rounded away, or to a whole step.
    """
    watched(draft, 14, 50)
    bits, start = 2, at(draft, pick(severity, (0.93, 0.88, 0.8)))
    held: list[nn.Module] = []
    draft.hooks.model = held.append

    @torch.no_grad()
    def step(now: int) -> None:
        for weight in held[0].parameters() if now > start else ():
            if weight.ndim == 2:
                width = weight.abs().max() / (2 ** (bits - 1) - 1)
                weight.copy_((weight / width.clamp(min=1e-12)).round() * width)

    draft.hooks.step = step
    draft.facts["quantization_bits"] = bits
    draft.note = f"weights are rounded to {bits} bits in place from update {start} on"
