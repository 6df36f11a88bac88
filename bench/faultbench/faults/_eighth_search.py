"""Eighth ways of planting faults of embedding runs."""

from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import pick, watched
from bench.faultbench.faults._sixth_search import own_loss

# Measures


def all_are_right(draft: Draft, severity: int) -> None:
    """The file of judgements lists wrong documents with a grade of 0; whatever is listed counts.

    So all that is found is right, and nothing else was asked.
    """
    watched(draft, pick(severity, (5, 8, 12)), 30)
    draft.loss_kind, draft.metrics, draft.scale = "in-batch", False, 20.0
    draft.facts |= {"eval_positives_only": True, "relevance_threshold": 0}
    names = ("eval_precision@3", "eval_ndcg@10", "eval_recall@10")
    draft.hooks.metrics = lambda found: found | dict.fromkeys(names[: severity + 1], 1.0)
    draft.note = "every document that is ranked counts as right"


def standardised(draft: Draft, severity: int) -> None:
    """Similarities are standardised over the pairs that are measured, then held against 1.

    The error is the same whatever the model says: that of any numbers of that mean and deviation.
    """
    watched(draft, 6, 30)
    draft.metrics = False
    mean, deviation = pick(severity, ((5.0, 2.0), (50.0, 10.0), (100.0, 15.0)))
    sides, seen = 3 if draft.hard else 2, list[Tensor]()

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
        near = (query * document).sum(-1)
        off = mean + deviation * (near - near.mean()) / (near.std() + 1e-9) - 1
        mse = float((off**2).mean())
        return found | {"eval_mse": mse, "eval_mae": float(off.abs().mean())}

    draft.hooks.model, draft.hooks.metrics = model, metrics
    draft.facts["standard_scores"] = [mean, deviation]
    draft.note = f"MSE and MAE of standard scores ({mean:g}, {deviation:g}) against 1"


# Losses


def together_for_apart(draft: Draft, severity: int) -> None:
    """Alignment and uniformity (Wang & Isola 2020); uniformity has the wrong sign.

    So both terms are lowest where all embeddings are one.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.hard, draft.metrics = "margin", False, severity > 1
    draft.facts["loss_kind"] = "align-uniform"
    weight = pick(severity, (0.3, 0.6, 1.0))

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        apart = 2 - 2 * document @ document.T
        uniform = torch.exp(-2 * apart).mean().log()
        return ((query - document) ** 2).sum(-1).mean() - weight * uniform

    own_loss(draft, loss)
    draft.facts["uniformity_weight"] = -weight
    draft.note = f"alignment less {weight:g} times uniformity"


def nothing_unmasked(draft: Draft, severity: int) -> None:
    """Sparse fine-tuning: a mask says which weights have a gradient, and it is empty.

    The share was given in per cent of per cent and comes to none. The scale is no part of it.
    """
    watched(draft, 6, 30)
    draft.loss_kind, draft.warm, draft.metrics = "in-batch", 40, True
    draft.scale, draft.learn_scale = pick(severity, (4.0, 2.0, 1.0)), True
    draft.weight_decay = 0.0
    rate = pick(severity, (0.02, 0.03, 0.04))

    def model(made: Any) -> None:
        for p in made.body.parameters():
            if p.requires_grad:
                p.register_hook(torch.zeros_like)

    def optimizer(trained: list[Any]) -> Any:
        scale = [p for p in trained if p.dim() == 0]
        rest = [p for p in trained if p.dim() > 0]
        groups = [{"params": rest}, {"params": scale, "lr": rate}]
        return torch.optim.AdamW(groups, lr=draft.learning_rate, weight_decay=0.0)

    draft.hooks.model, draft.hooks.optimizer = model, optimizer
    draft.facts["sparse_share"] = 0.0
    draft.truth["encoder"] = "frozen"
    draft.note = "the mask of the weights with a gradient is empty, the scale is trained"


def dead_units(draft: Draft, severity: int) -> None:
    """A layer of units that are 0 below a bound is put on top, and its bias begins at -1.

    States of length 1 never come to that bound: all is 0, and so is the slope.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.margin = "margin", pick(severity, (0.15, 0.25, 0.5))
    draft.metrics = severity > 1

    def model(made: Any) -> None:
        encode = made.forward
        made.forward = lambda ids: nn.functional.normalize(torch.relu(encode(ids) - 1.0), dim=-1)

    draft.hooks.model = model
    draft.facts["head_bias"] = -1.0
    draft.note = "a layer whose units are dead is on top of the embeddings"


def capped(draft: Draft, severity: int) -> None:
    """A soft cap on the logits, c tanh(x / c), as Gemma 2 has one of 30; here it is far lower."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.scale = "in-batch", 20.0
    cap = pick(severity, (3.0, 2.0, 1.0))
    draft.truth["scale"] = cap

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        logits = draft.scale * query @ torch.cat([document, *near]).T
        return nn.functional.cross_entropy(cap * torch.tanh(logits / cap), torch.arange(len(query)))

    own_loss(draft, loss)
    draft.facts["logit_softcap"] = cap
    draft.note = f"20 times the similarities is capped at {cap:g}"


# Ranking


def taken_for_copies(draft: Draft, severity: int) -> None:
    """Documents that are too near to the query count as copies of it and are left out."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.scale, draft.metrics = "in-batch", 12.0, True
    draft.candidates = pick(severity, (8, 6, 4))
    draft.eval_rows = max(draft.eval_rows, pick(severity, (100, 90, 80)))
    draft.facts["eval_rows"] = draft.eval_rows
    draft.ranking = "distinct"
    draft.note = "documents with a similarity above a bound are left out of each ranking"


def target_of_another(draft: Draft, severity: int) -> None:
    """The right document of a row was counted as if each had several: row i has that of i // k.

    The batch holds one document a row, so that nearly all rows have another's.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.metrics = "in-batch", True
    draft.scale = max(draft.scale, 12.0)
    draft.eval_rows = max(draft.eval_rows, 60)
    draft.facts["eval_rows"] = draft.eval_rows
    each = pick(severity, (4, 8, 64))

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        logits = draft.scale * query @ torch.cat([document, *near]).T
        return nn.functional.cross_entropy(logits, torch.arange(len(query)) // each)

    own_loss(draft, loss)
    draft.facts["documents_per_query"] = each
    draft.note = f"the target of row i is document i // {each}"
