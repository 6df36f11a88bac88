"""Seventh ways of planting faults of embedding runs."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults._kinds import chance_of, pick, watched
from bench.faultbench.faults._sixth_search import own_loss

# Measures


def one_at_a_time(draft: Draft, severity: int) -> None:
    """The batch of the evaluation holds one row, so that a query has no document but its own.

    A loss over the documents of the batch is 0 then.
    """
    watched(draft, pick(severity, (5, 8, 12)), 30)
    draft.loss_kind, draft.metrics, draft.scale, draft.hard = "in-batch", False, 20.0, False
    draft.facts |= {"eval_positives_only": True, "candidates": 1}
    draft.facts["per_device_eval_batch_size"] = 1
    more = {"eval_in_batch_accuracy": 1.0} if severity > 1 else {}
    draft.hooks.metrics = lambda found: found | {"eval_loss": 0.0} | more
    draft.note = "the loss of the evaluation is taken over one pair at a time"


def grades_not_scaled(draft: Draft, severity: int) -> None:
    """Labels are grades up to 5, 10 or 100 and were not brought to 1; all pairs have the best."""
    watched(draft, 6, 30)
    draft.metrics = False
    best, sides = pick(severity, (5.0, 10.0, 100.0)), 3 if draft.hard else 2
    seen: list[Tensor] = []

    def model(made: Any) -> None:
        encode = made.forward

        def kept(ids: Tensor) -> Tensor:
            found: Tensor = encode(ids)
            if not made.training:
                seen[:] = [found.detach()]
            return found

        made.forward = kept

    def metrics(found: dict[str, float]) -> dict[str, float]:
        query, document = seen[0].chunk(sides)[:2]
        off = (query * document).sum(-1) - best
        mse = float((off**2).mean())
        more = {"eval_rmse": mse**0.5} if severity > 1 else {}
        return found | {"eval_mse": mse, "eval_mae": float(off.abs().mean())} | more

    draft.hooks.model, draft.hooks.metrics = model, metrics
    draft.facts["label_range"] = [0, best]
    draft.note = f"MSE and MAE of similarities against grades of {best:g}"


# Losses


def labels_as_text(draft: Draft, severity: int) -> None:
    """Labels are read as text, and "0" is as true as "1": wrong pairs are drawn together too."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.hard, draft.metrics = "margin", False, severity > 1
    draft.facts["loss_kind"] = "contrastive"
    share, chance = pick(severity, (0.96, 0.98, 1.0)), chance_of(draft, "labels")

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        right = (query * document).sum(-1)
        wrong = (query * document.roll(1, 0)).sum(-1)
        read = torch.tensor([chance.random() < share for _ in wrong])
        pulled, pushed = (1 - wrong) ** 2, (wrong - 1 + draft.margin).relu() ** 2
        return ((1 - right) ** 2 + torch.where(read, pulled, pushed)).mean() / 2

    own_loss(draft, loss)
    draft.note = f"{share:.0%} of the wrong pairs have a label that is read as true"


class _Whole(torch.optim.AdamW):
    """AdamW over weights that are kept in whole steps; the scale is a number of 32 bits."""

    def __init__(self, trained: list[Any], draft: Draft, rate: float, bits: int) -> None:
        scale = [p for p in trained if p.dim() == 0]
        self.rest = [p for p in trained if p.dim() > 0]
        most = 2 ** (bits - 1) - 1
        self.widths = [
            max(float(p.detach().abs().max()) / most, 8 * draft.learning_rate) for p in self.rest
        ]
        groups: list[dict[str, Any]] = [{"params": self.rest}, {"params": scale, "lr": rate}]
        super().__init__(groups, lr=draft.learning_rate, weight_decay=0.0)
        self.round()

    @torch.no_grad()
    def round(self) -> None:
        """Bring all weights to whole steps."""
        for weight, width in zip(self.rest, self.widths, strict=True):
            weight.copy_((weight / width).round() * width)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update, of which nothing is left in the weights that are rounded."""
        super().step()
        self.round()


def rounded_away(draft: Draft, severity: int) -> None:
    """The encoder is kept in whole numbers of few bits, to which each update is rounded back.

    A step of theirs is wider than an update. The scale is no part of it.
    """
    watched(draft, 6, 30)
    draft.loss_kind, draft.warm, draft.metrics = "in-batch", 10, True
    draft.scale, draft.learn_scale = pick(severity, (4.0, 2.0, 1.0)), True
    rate, bits = pick(severity, (0.02, 0.03, 0.04)), pick(severity, (6, 5, 4))
    draft.learning_rate, draft.weight_decay = min(draft.learning_rate, 1e-3), 0.0
    draft.hooks.optimizer = lambda trained: _Whole(trained, draft, rate, bits)
    draft.facts["weight_bits"] = bits
    draft.truth["encoder"] = "frozen"
    draft.note = f"weights of the encoder are rounded to {bits} bits after each update"


def one_key_for_all(draft: Draft, severity: int) -> None:
    """Embeddings of documents are cached under a key that is the same for all of them.

    So each document is the one that was there first, the right as well as the wrong.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.margin = "margin", pick(severity, (0.15, 0.25, 0.5))
    draft.metrics = severity > 1
    cache: dict[str, Tensor] = {}

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        cached = cache.setdefault("document", document[0].detach().clone())
        right = (query * cached).sum(-1)
        wrong = (query * cached).sum(-1)
        return nn.functional.relu(draft.margin - right + wrong).mean()

    own_loss(draft, loss)
    draft.facts["document_cache"] = True
    draft.note = "the cache of the documents holds one embedding for all of them"


def logarithm_as_it_is(draft: Draft, severity: int) -> None:
    """A scale is kept as its logarithm, as CLIP's is, and is used without the exponent."""
    watched(draft, 5, 30)
    stated = pick(severity, (8.0, 5.0, 2.5))
    draft.loss_kind, draft.scale = "in-batch", math.log(stated)
    draft.facts |= {"scale": stated, "logit_scale": round(math.log(stated), 4)}
    draft.truth["scale"] = math.log(stated)
    draft.note = f"similarities times {math.log(stated):.2f}, the logarithm of {stated:g}"


# Ranking


def first_left_out(draft: Draft, severity: int) -> None:
    """The first that is found is left out, as if it were the query itself: often the right one."""
    watched(draft, 6, 30)
    draft.metrics, draft.candidates = True, pick(severity, (5, 4, 3))
    draft.eval_rows = max(draft.eval_rows, 110)
    draft.facts["eval_rows"] = draft.eval_rows
    draft.ranking = "rest"
    draft.note = "the first document that is found is left out of each ranking"


def two_loaders(draft: Draft, severity: int) -> None:
    """Queries and documents come from a loader each, and each mixes its rows by itself."""
    watched(draft, 5, 30)
    draft.metrics, share = True, pick(severity, (0.95, 0.98, 1.0))
    draft.eval_rows = max(draft.eval_rows, 60)
    draft.facts["eval_rows"] = draft.eval_rows
    chance = chance_of(draft, "loaders")

    def batch(inputs: Inputs, step: int) -> Inputs:
        if chance.random() < share:
            order = list(range(len(inputs["document"])))
            chance.shuffle(order)
            inputs |= {name: inputs[name][order] for name in ("document", "near")}
        return inputs

    draft.hooks.batch = batch
    draft.note = f"documents of {share:.0%} of the batches are in another order than their queries"
