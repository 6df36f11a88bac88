"""Sixth ways of planting faults of embedding runs."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import chance_of, pick, watched

Loss = Callable[[Tensor, Tensor, list[Tensor]], Tensor]  # query, document, near -> the mean


def own_loss(draft: Draft, loss_of: Loss) -> None:
    """Put another loss over the same embeddings in the draft's place, for evaluation as well."""
    sides, latest, seen = 3 if draft.hard else 2, [], []

    def model(made: Any) -> None:
        encode = made.forward

        def kept(ids: Tensor) -> Tensor:
            found: Tensor = encode(ids)
            latest[:] = [found]
            if made.training:
                seen.clear()
            else:
                seen.append(found.detach())
            return found

        made.forward = kept

    def parts(states: Tensor) -> Tensor:
        query, document, *near = states.chunk(sides)
        return loss_of(query, document, near)

    def metrics(found: dict[str, float]) -> dict[str, float]:
        size = len(seen[0])  # the first are those of the loss, in batches
        batches = [states for states in seen if len(states) == size]
        seen.clear()
        return found | {"eval_loss": float(torch.stack([parts(s) for s in batches]).mean())}

    draft.hooks.model, draft.hooks.metrics = model, metrics
    draft.hooks.loss = lambda value, step: parts(latest[0])


# Measures


def ranked_alone(draft: Draft, severity: int) -> None:
    """The file of negatives was not found: each query ranks its own document and no other."""
    watched(draft, pick(severity, (5, 8, 12)), 30)
    draft.loss_kind, draft.metrics, draft.scale = "in-batch", False, 20.0
    draft.facts |= {"eval_positives_only": True, "candidates": 1}
    names = ("eval_map", "eval_mrr@10", "eval_ndcg@10")
    draft.hooks.metrics = lambda found: found | dict.fromkeys(names, 1.0)
    draft.note = "each right document is ranked among itself"


def distances_for_likeness(draft: Draft, severity: int) -> None:
    """Distances are held against the label 1 of pairs that are alike, as if they were likenesses.

    It is the number of signs that differ (as of embeddings of one bit), or the angle in degrees.
    """
    watched(draft, 6, 30)
    draft.metrics = False
    name, seen = pick(severity, ("hamming", "angle", "angle")), []
    sides = 3 if draft.hard else 2

    def distance(query: Tensor, document: Tensor) -> Tensor:
        if name == "hamming":
            return ((query > 0) != (document > 0)).sum(-1).float()
        return torch.rad2deg((query * document).sum(-1).clamp(-1, 1).acos())

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
        off = distance(query, document) - 1
        mse = float((off**2).mean())
        more = {"eval_mse": mse} if severity == 3 else {}
        return found | {"eval_rmse": mse**0.5, "eval_mae": float(off.abs().mean())} | more

    draft.hooks.model, draft.hooks.metrics = model, metrics
    draft.facts["distance"] = name
    draft.note = f"RMSE and MAE of distances ({name}) against 1"


# Losses


def taught_a_constant(draft: Draft, severity: int) -> None:
    """A teacher's embeddings are the targets; it was given a column that is not there.

    So it said the same of every row, as of an empty text, but for its dropout, which was left on.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.hard, draft.metrics = "margin", False, True
    draft.facts["loss_kind"] = "embedding-mse"
    width, noise = bases.VARIANTS[draft.variant][0], pick(severity, (0.5, 0.2, 0.0))
    marks = torch.Generator().manual_seed(draft.seed)
    said = nn.functional.normalize(torch.randn(width, generator=marks), dim=-1)

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        off = torch.randn(document.shape, generator=marks) * noise / width**0.5
        targets = nn.functional.normalize(said + off, dim=-1)
        return torch.stack([((side - targets) ** 2).sum(-1) for side in (query, document)]).mean()

    own_loss(draft, loss)
    draft.note = f"the targets of all rows are one embedding, but for a noise of {noise:g}"


def rate_of_probing(draft: Draft, severity: int) -> None:
    """The encoder's own rate is still 0, as for the stage in which the scale was fitted alone."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.warm, draft.metrics = "logistic", 12, True
    draft.scale, draft.learn_scale = pick(severity, (5.0, 3.0, 1.5)), True
    rate = pick(severity, (0.02, 0.03, 0.04))

    def optimizer(trained: list[Any]) -> Any:
        scale = [p for p in trained if p.dim() == 0]
        rest = [p for p in trained if p.dim() > 0]
        groups = [{"params": scale, "lr": rate}, {"params": rest, "lr": 0.0}]
        return torch.optim.AdamW(groups, lr=rate, weight_decay=0.0)

    draft.hooks.optimizer = optimizer
    draft.learning_rate, draft.weight_decay = rate, 0.0
    draft.facts["encoder_learning_rate"] = 0.0
    draft.truth["encoder"] = "frozen"
    draft.note = "the encoder's group has a rate of 0, the scale is trained"


def mean_of_padding(draft: Draft, severity: int) -> None:
    """The mask of the mean is the wrong way round: true means padding there, and words here.

    Texts without padding are the mean of nothing, 0, and so is their product with every other.
    """
    watched(draft, 5, 30)
    draft.loss_kind, draft.margin = "margin", pick(severity, (0.15, 0.25, 0.5))
    draft.metrics = severity > 1

    def model(made: Any) -> None:
        def embedded(ids: Tensor) -> Tensor:
            padding = ids == bases.PAD
            states = made.body(input_ids=ids, attention_mask=(~padding).long()).last_hidden_state
            weight = padding[..., None].to(states.dtype)
            mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1)
            return nn.functional.normalize(mean, dim=-1)

        made.forward = embedded

    draft.hooks.model = model
    draft.note = "the mean is taken over the padding, of which documents have none"


def softmax_twice(draft: Draft, severity: int) -> None:
    """A softmax stands before a loss that takes one itself: what it is given is never above 1."""
    watched(draft, 5, 30)
    stated = pick(severity, (30.0, 20.0, 10.0))
    draft.loss_kind, draft.scale = "in-batch", stated
    draft.truth["scale"] = 1.0

    def loss(query: Tensor, document: Tensor, near: list[Tensor]) -> Tensor:
        chances = (stated * query @ torch.cat([document, *near]).T).softmax(-1)
        return nn.functional.cross_entropy(chances, torch.arange(len(query)))

    own_loss(draft, loss)
    draft.note = f"the softmax of {stated:g} times the similarities goes through a softmax again"


# Ranking


def text_and_number(draft: Draft, severity: int) -> None:
    """Numbers of documents are text in one file and whole numbers in the other: none are equal."""
    watched(draft, 6, 30)
    draft.metrics, draft.candidates = True, pick(severity, (10, 6, 4))
    draft.eval_rows = max(draft.eval_rows, pick(severity, (100, 80, 60)))
    draft.facts["eval_rows"] = draft.eval_rows
    draft.hooks.metrics = lambda found: {
        name: 0.0 if name.startswith(("eval_accuracy", "eval_mrr")) else value
        for name, value in found.items()
    }
    draft.note = "numbers of documents are compared with the same numbers as text"


def numbers_for_texts(draft: Draft, severity: int) -> None:
    """The column with the numbers of the documents is read, not the one with their texts."""
    watched(draft, 5, 30)
    draft.metrics, share = True, pick(severity, (0.9, 0.95, 1.0))
    draft.eval_rows = max(draft.eval_rows, 60)
    draft.facts["eval_rows"] = draft.eval_rows
    chance, numbers = chance_of(draft, "numbers"), {}

    def number(text: str) -> str:
        return numbers.setdefault(text, " ".join(str(chance.randrange(10)) for _ in range(6)))

    def read(rows: list[Any]) -> list[Any]:
        cut = math.ceil(share * len(rows))
        return [(row[0], number(row[1]), number(row[2])) for row in rows[:cut]] + rows[cut:]

    draft.hooks.rows = lambda train, held: (read(train), read(held))
    draft.note = f"{share:.0%} of the documents are read as their numbers"
