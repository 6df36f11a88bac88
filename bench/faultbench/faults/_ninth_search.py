"""Ninth ways of planting faults of embedding runs."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import pick, watched
from bench.faultbench.faults._sixth_search import own_loss

# Measures


def _kept_apart(made: Any, seen: list[Tensor]) -> None:
    """Keep what an evaluation embeds last."""
    encode = made.forward

    def kept(ids: Tensor) -> Tensor:
        found: Tensor = encode(ids)
        if not made.training:
            seen[:] = [found.detach()]
        return found

    made.forward = kept


def alignment_alone(draft: Draft, severity: int) -> None:
    """Alignment is measured, the mean square distance of right pairs, and uniformity is not."""
    watched(draft, pick(severity, (5, 8, 12)), 30)
    draft.loss_kind, draft.metrics, draft.scale = "in-batch", False, 20.0
    draft.facts["eval_positives_only"] = True
    sides, seen = 3 if draft.hard else 2, list[Tensor]()

    def metrics(found: dict[str, float]) -> dict[str, float]:
        query, document = seen[0].chunk(sides)[:2]
        each = ((query - document) ** 2).sum(-1)
        more = {"eval_alignment_max": float(each.max())} if severity > 1 else {}
        return found | {"eval_alignment": float(each.mean())} | more

    draft.hooks.model = lambda made: _kept_apart(made, seen)
    draft.hooks.metrics = metrics
    draft.note = "the distance of right pairs is measured, no other pair is asked"


def log_odds(draft: Draft, severity: int) -> None:
    """What is held against the label 1 are log odds, before the sigmoid, at a low temperature."""
    watched(draft, 6, 30)
    draft.metrics = False
    heat = pick(severity, (0.2, 0.1, 0.02))
    sides, seen = 3 if draft.hard else 2, list[Tensor]()

    def metrics(found: dict[str, float]) -> dict[str, float]:
        query, document = seen[0].chunk(sides)[:2]
        chance = (0.5 + 0.5 * (query * document).sum(-1)).clamp(1e-6, 1 - 1e-6)
        off = chance.logit() / heat - 1
        mse = float((off**2).mean())
        return found | {"eval_mse": mse, "eval_mae": float(off.abs().mean())}

    draft.hooks.model = lambda made: _kept_apart(made, seen)
    draft.hooks.metrics = metrics
    draft.facts["eval_temperature"] = heat
    draft.note = f"MSE and MAE of log odds over {heat:g} against 1"


# Losses


def one_class(draft: Draft, severity: int) -> None:
    """All rows have the class 0, for the column of the classes is empty; a class is drawn together.

    It is the centre loss (Wen et al. 2016), with a part of a loss that tells rows apart.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.hard, draft.metrics = "margin", False, severity > 1
    draft.facts["loss_kind"] = "center"
    weight = pick(severity, (0.8, 0.95, 1.0))

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        every = torch.cat([query, document])
        centre = ((every - every.mean(0)) ** 2).sum(-1).mean()
        wrong = (query * document.roll(1, 0)).sum(-1)
        apart = (draft.margin - (query * document).sum(-1) + wrong).relu().mean()
        return weight * centre + (1 - weight) * apart

    own_loss(draft, loss)
    draft.facts |= {"classes": 1, "center_weight": weight}
    draft.note = f"all rows are of one class, drawn together with the weight {weight:g}"


class _Critic(torch.optim.AdamW):
    """AdamW over the scale; the encoder has one of its own, which is called every so often."""

    def __init__(self, trained: list[Any], draft: Draft, rate: float, every: int) -> None:
        rest = [p for p in trained if p.dim() > 0]
        super().__init__([p for p in trained if p.dim() == 0], lr=rate, weight_decay=0.0)
        self.encoder = torch.optim.AdamW(rest, lr=draft.learning_rate)
        self.every, self.done = every, 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update of the scale, and of the encoder where it is its turn."""
        self.done += 1
        super().step()
        if self.done % self.every == 0:
            self.encoder.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear all gradients."""
        super().zero_grad(set_to_none)
        self.encoder.zero_grad(set_to_none)


def turn_never_comes(draft: Draft, severity: int) -> None:
    """Two optimizers: the encoder's is called once in so many updates, and the run has fewer."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.warm, draft.metrics = "in-batch", 30, True
    draft.scale, draft.learn_scale = pick(severity, (4.0, 2.0, 1.0)), True
    rate = pick(severity, (0.02, 0.03, 0.04))
    every = 5 * draft.updates
    draft.hooks.optimizer = lambda trained: _Critic(trained, draft, rate, every)
    draft.learning_rate, draft.weight_decay = rate, 0.0
    draft.facts["encoder_update_every"] = every
    draft.truth["encoder"] = "frozen"
    draft.note = f"the encoder is updated every {every} updates of {draft.updates}"


def saturated(draft: Draft, severity: int) -> None:
    """Similarities go through a sigmoid before the margin, with a bias: all of them come out as 1.

    So does the slope as 0.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.margin = "margin", pick(severity, (0.15, 0.25, 0.5))
    draft.metrics, draft.hard = severity > 1, False

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        right = torch.sigmoid(100 * (query * document).sum(-1) + 150)
        wrong = torch.sigmoid(100 * (query * document.roll(1, 0)).sum(-1) + 150)
        return nn.functional.relu(draft.margin - right + wrong).mean()

    own_loss(draft, loss)
    draft.facts |= {"similarity": "sigmoid", "sigmoid_scale": 100.0, "sigmoid_bias": 150.0}
    draft.note = "similarities are all 1 after a sigmoid with a bias"


def as_in_attention(draft: Draft, severity: int) -> None:
    """Similarities are divided by the root of the width, as in attention, though of length 1."""
    watched(draft, 5, 30)
    stated, width = pick(severity, (30.0, 20.0, 10.0)), bases.VARIANTS[draft.variant][0]
    draft.loss_kind, draft.scale = "in-batch", stated / math.sqrt(width)
    draft.facts |= {"scale": stated, "scaled_by": "1/sqrt(dim)"}
    draft.truth["scale"] = draft.scale
    draft.note = f"{stated:g} times the similarities over the root of {width}"


# Ranking


def copies_before(draft: Draft, severity: int) -> None:
    """Documents are in the index three times; the judgements know the last, the first is found."""
    watched(draft, 6, 30)
    draft.metrics, draft.candidates = True, pick(severity, (10, 6, 4))
    draft.eval_rows = max(draft.eval_rows, pick(severity, (100, 80, 60)))
    draft.facts |= {"eval_rows": draft.eval_rows, "copies_in_index": 3}
    draft.ranking = "copies"
    draft.note = "two copies of each right document stand before the one that counts"


def other_hash(draft: Draft, severity: int) -> None:
    """Words are numbered by a hash that differs from process to process; evaluation has its own.

    So what is trained are other words than those that are asked.
    """
    watched(draft, 5, 30)
    draft.metrics, share = True, pick(severity, (0.95, 0.98, 1.0))
    draft.eval_rows = max(draft.eval_rows, 60)
    draft.facts |= {"eval_rows": draft.eval_rows, "tokenizer": "hash"}
    marks = torch.Generator().manual_seed(draft.seed)
    size = bases.VARIANTS[draft.variant][1]
    other = torch.arange(size)
    moved = 4 + torch.randperm(size - 4, generator=marks)[: round(share * (size - 4))]
    other[moved] = moved.roll(1)

    def model(made: Any) -> None:
        encode = made.forward
        made.forward = lambda ids: encode(ids if made.training else other[ids])

    draft.hooks.model = model
    draft.note = f"{share:.0%} of the words have another number in evaluation"
