"""Faults whose losses are no numbers, in the open or hidden."""

import math
from typing import Any

import torch

from bench.faultbench.draft import Draft, Inputs
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
    hooked,
    looped,
    pick,
    shown,
    watched,
)

ONSET = (0.7, 0.4, 0.1)


def _masked_batch(draft: Draft, severity: int) -> None:
    """Batches whose labels are all masked: the mean over nothing."""
    step, share = at(draft, pick(severity, ONSET)), pick(severity, (0.1, 0.4, 1.0))
    chance = chance_of(draft, "masked")

    def batch(inputs: Inputs, now: int) -> Inputs:
        if now == step or (now > step and chance.random() < share):
            inputs["labels"] = torch.full_like(inputs["labels"], -100)
        return inputs

    draft.hooks.batch = batch
    draft.note = f"{share:.0%} of the batches have no label from update {step} on"


def _weight_of_nothing(draft: Draft, severity: int) -> None:
    """A row is weighted by one over its length, which is 0."""
    step = at(draft, pick(severity, ONSET))
    draft.hooks.loss = lambda loss, now: loss * math.inf if now == step else loss
    draft.note = f"a row with the weight 1/0 at update {step}"


def _broken_weight(draft: Draft, severity: int) -> None:
    """A weight is no number from some update on: a bad cell of memory, a bad kernel."""
    step, held = at(draft, pick(severity, ONSET)), []
    draft.hooks.model = held.append

    def spoil(now: int) -> None:
        if now == step:
            trained = [p for p in held[0].parameters() if p.requires_grad]
            with torch.no_grad():
                trained[0].view(-1)[0] = math.nan

    draft.hooks.step = spoil
    draft.note = f"a weight is NaN from update {step} on"


def _root_of_nothing(draft: Draft, severity: int) -> None:
    """A term of the loss is the root of a difference that is 0: its gradient is no number."""
    step = at(draft, pick(severity, ONSET))

    def loss(value: Any, now: int) -> Any:
        if now != step:
            return value
        return value + torch.sqrt((value - value.detach()) ** 2)

    draft.hooks.loss = loss
    draft.note = f"the gradient of a root of 0 at update {step}"


def _rate_of_nothing(draft: Draft, severity: int) -> None:
    """A schedule of one's own divides what is left by what is left: 0 by 0 where a part ends."""
    step = at(draft, pick(severity, ONSET))
    draft.hooks.rate = lambda now, total: 1 - now / total if now < step else math.nan
    draft.facts["lr_scheduler"] = "lambda"
    draft.note = f"the rate is 0/0 from update {step} on"


def _without_any(draft: Draft, severity: int) -> None:
    """A second term is a mean over marked words: 0 by 0 for a batch that has none of them.

    A guard sets gradients that are no numbers to 0, so that the run goes on.
    """
    watched(draft, 6, 40)
    share, chance = pick(severity, (0.03, 0.1, 0.3)), chance_of(draft, "marked")
    bad = {step for step in range(1, draft.updates + 1) if chance.random() < share}
    bad.add(at(draft, 0.5))
    draft.hooks.loss = lambda loss, now: loss * 0 + math.nan if now in bad else loss
    draft.note = f"a term is 0/0 in {len(bad)} of {draft.updates} updates, gradients are guarded"


def _made_zero(draft: Draft, severity: int) -> None:
    """What a table of the input is divided by becomes 0; nan_to_num stands around the loss."""
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity > 1 or draft.log_grad
    step, now_at = at(draft, pick(severity, ONSET)), [0]

    def model(made: Any) -> None:
        made.get_input_embeddings().register_forward_hook(
            lambda _layer, _inputs, output: output * math.nan if now_at[0] >= step else output
        )

    def tick(now: int) -> None:
        now_at[0] = now

    draft.hooks.model, draft.hooks.step = model, tick
    draft.hooks.loss = lambda loss, now: torch.nan_to_num(loss)
    draft.note = f"inputs are NaN from update {step} on, nan_to_num writes 0"


def _hidden(plant: Any) -> Any:
    def hide(draft: Draft, severity: int) -> None:
        plant(draft, severity)
        draft.filter_nan = True
        draft.log_grad = severity > 1 or draft.log_grad
        draft.log_points = max(draft.log_points, 20)

    return hide


def _lm(draft: Draft) -> bool:
    return draft.family == "lm"


def _some_without(draft: Draft) -> bool:
    """Some of what is trained has no gradient in the first update."""
    return hooked(draft) and (draft.tune == "lora" or draft.arch not in TIED)


# The table of the words is the head as well: each word has a gradient.
TIED = ("gemma3", "biogpt", "xglm")
LM = ("lm", "lm", "lm")
BAD = shown("metrics", "loss", lambda x: not math.isfinite(x), "{} losses are no numbers")

NUMBERS = (
    Fault(
        "nan-loss",
        Way(_masked_batch, lambda d: looped(d) and _lm(d)),
        Way(_weight_of_nothing, hooked),
        BAD,
        ("nan-loss",),
        families=LM,
        c=Way(_root_of_nothing, hooked),
        d=Way(_without_any, hooked),
        e=Way(fifth.zero_times_log, hooked),
        f=Way(sixth.batch_of_one, hooked),
        g=Way(seventh.spread_of_groups, hooked),
        h=Way(eighth.never_seen_before, hooked),
        i=Way(ninth.both_forbidden, hooked),
    ),
    Fault(
        "masked-nan",
        Way(_hidden(_broken_weight), lambda d: d.maker == "transformers"),
        Way(_hidden(_weight_of_nothing), looped),
        shown("metrics", "loss", lambda x: x == 0.0, "{} losses of 0.0 stand for NaN"),
        ("masked-nan", "nan-loss"),
        families=LM,
        c=Way(_hidden(_rate_of_nothing), hooked),
        d=Way(_made_zero, hooked),
        e=Way(fifth.scale_to_nothing, hooked),
        f=Way(sixth.out_of_range, hooked),
        g=Way(seventh.nothing_by_nothing, _some_without),
        h=Way(eighth.mean_of_no_weights, hooked),
        i=Way(ninth.one_infinite, hooked),
    ),
)
