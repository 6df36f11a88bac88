"""The fast forward pass of a language model, equal to the plain one.

Three savings, all exact: the language-model head runs only where a trained token is predicted,
rows are packed without padding behind a beginning they share, which is run once (``packed.py``),
and a layer with its adapter is one step (``lora.py``). A causal model computes the same either
way, because what comes first never sees what comes after.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from huohou.data.labels import LabelledRow
from huohou.recipes import lora, packed
from huohou.recipes.batches import MicroBatch, needed
from huohou.recipes.sharding import through


class Batch(NamedTuple):
    """A micro-batch as tensors: one line of tokens and where its rows lie in it.

    ids, positions: [T] tokens of the shared beginning, then each row's own, and their positions;
    layout: see ``packed.Layout``; row, place: [L] for each trained token its row and the own token
    it is predicted from; target: [L] what it should be.
    """

    ids: Tensor
    positions: Tensor
    layout: packed.Layout
    row: Tensor
    place: Tensor
    target: Tensor

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.layout.places)

    def to(self, device: str) -> "Batch":
        """The same on a device."""
        layout = packed.Layout(
            self.layout.prefix, *(tensor.to(device) for tensor in self.layout[1:])
        )
        ids, positions = self.ids.to(device), self.positions.to(device)
        return Batch(ids, positions, layout, *(tensor.to(device) for tensor in self[3:]))


def collate(rows: Sequence[LabelledRow], batch: MicroBatch) -> Batch:
    """Tensors of a micro-batch; rows are those of the update."""
    members = [rows[i] for i in batch.rows]
    shared = batch.prefix
    own = [member.ids[shared : needed(member)] for member in members]
    ids = [*members[0].ids[:shared], *(token for part in own for token in part)]
    positions = [*range(shared), *(shared + k for part in own for k in range(len(part)))]
    trained = [
        (i, k - 1 - shared, member.ids[k])
        for i, member in enumerate(members)
        for k in range(len(member.ids))
        if member.labels[k]
    ]
    row, place, target = torch.tensor(trained).T
    layout = _layout(shared, [len(part) for part in own])
    return Batch(torch.tensor(ids), torch.tensor(positions), layout, row, place, target)


def _layout(shared: int, lengths: list[int]) -> packed.Layout:
    longest = max(lengths)
    column = torch.arange(longest)
    starts = shared + torch.tensor([0, *lengths[:-1]]).cumsum(0)
    index = starts[:, None] + column.clamp(max=longest)
    real = column < torch.tensor(lengths)[:, None]
    index = torch.where(real, index, starts[:, None])  # padding: anything that is there
    look = torch.ones(longest, shared + longest, dtype=torch.bool).tril(shared)
    where = real.nonzero()
    return packed.Layout(shared, index, where[:, 0], where[:, 1], look)


def logits(model: nn.Module, batch: Batch) -> Tensor:
    """Predictions where a trained token is predicted: [L, vocabulary]."""
    return through(model, _logits, batch)


def _logits(model: nn.Module, batch: Batch) -> Tensor:
    lora.fuse(model)
    causal = _causal(model)
    causal.config._attn_implementation = packed.NAME
    hidden = causal.get_decoder()(
        input_ids=batch.ids[None],
        position_ids=batch.positions[None],
        use_cache=False,
        layout=batch.layout,
    ).last_hidden_state[0]  # [T, width]
    found: Tensor = causal.get_output_embeddings()(
        hidden[batch.layout.places[batch.row, batch.place]]
    )
    return found


def looks_at_all(model: nn.Module, longest: int) -> bool:
    """Whether each token of a row that long looks at all before it, by plain products.

    That is what the packed pass computes; windows shorter than a row, chunks, and capped scores
    and logits (Gemma 2) it does not know, and on a few short rows they may not show.
    """
    config = _causal(model).config.get_text_config()
    windowed = getattr(config, "use_sliding_window", True)
    sizes = (
        getattr(config, "sliding_window", None) if windowed else None,
        getattr(config, "attention_chunk_size", None),
    )
    narrow = any(size is not None and size < longest for size in sizes)
    capped = ("attn_logit_softcapping", "final_logit_softcapping")
    return not narrow and all(getattr(config, name, None) is None for name in capped)


def plain_logits(model: nn.Module, batch: Batch) -> Tensor:
    """The same predictions the ordinary way: whole padded rows, all positions. [L, vocabulary]."""
    lora.unfuse(model)
    causal = _causal(model)
    causal.config._attn_implementation = "sdpa" if causal._supports_sdpa else "eager"
    shared, index = batch.layout.prefix, batch.layout.places
    whole = torch.cat([batch.ids[:shared].expand(len(index), -1), batch.ids[index]], dim=1)
    every: Tensor = model(input_ids=whole, use_cache=False).logits  # [B, P + S, vocabulary]
    return every[batch.row, batch.place + shared]


def loss_sum(found: Tensor, target: Tensor) -> Tensor:
    """Sum of the cross-entropies in nats, in float32."""
    return functional.cross_entropy(found.float(), target, reduction="sum")


def _causal(model: nn.Module) -> Any:
    """The causal language model inside a peft model (adapters are part of its layers)."""
    inner = getattr(model, "get_base_model", None)
    return inner() if inner is not None else model


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the fast pass is from the plain one: relative differences of loss and gradient."""

    loss: float
    gradient: float

    def within(self, tolerance: float, other: "Agreement | None" = None) -> bool:
        """Whether both agree to a tolerance, or to twice another difference; NaN does not."""
        loss = max(tolerance, 2 * other.loss) if other else tolerance
        gradient = max(tolerance, 2 * other.gradient) if other else tolerance
        return self.loss <= loss and self.gradient <= gradient


def compare(model: nn.Module, batch: Batch) -> Agreement:
    """Run a micro-batch both ways and compare loss and gradients of what is trained.

    Leaves gradients empty and the model's mode as it was.
    """
    with _without_dropout(model):
        fast = _gradients(model, [loss_sum(logits(model, batch), batch.target)])
        plain = _gradients(model, [loss_sum(plain_logits(model, batch), batch.target)])
    return apart(fast, plain)


def rounding(model: nn.Module, batch: Batch, alone: Sequence[Batch]) -> Agreement:
    """How far the plain pass is from itself when the same rows are run one by one: what comes of
    the order of summation alone in this number format. alone: the rows of batch, one in each.
    """
    with _without_dropout(model):
        together = _gradients(model, [loss_sum(plain_logits(model, batch), batch.target)])
        single = _gradients(model, [loss_sum(plain_logits(model, b), b.target) for b in alone])
    return apart(single, together)


@contextmanager
def _without_dropout(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()  # dropout would differ between the two
    try:
        yield
    finally:
        model.train(training)


def apart(one: tuple[float, list[Tensor]], other: tuple[float, list[Tensor]]) -> Agreement:
    """Differences relative to the other's loss and to its largest gradient."""
    scale = worst(_largest(g) for g in other[1]) or 1.0
    gradient = worst(_largest(a - b) for a, b in zip(one[1], other[1], strict=True)) / scale
    return Agreement(abs(one[0] - other[0]) / max(abs(other[0]), 1e-8), gradient)


def worst(numbers: Iterable[float]) -> float:
    """The largest, 0 of none; NaN where one is, which ``max`` may pass over.

    >>> worst([1.0, math.nan, 2.0]), worst([1.0, 2.0]), worst([])
    (nan, 2.0, 0.0)
    """
    found = list(numbers)
    return math.nan if any(map(math.isnan, found)) else max(found, default=0.0)


def _largest(values: Tensor) -> float:
    """Of a split weight some workers have no part."""
    return float(values.abs().max()) if values.numel() else 0.0


def _gradients(model: nn.Module, losses: Sequence[Tensor]) -> tuple[float, list[Tensor]]:
    trained = [p for p in model.parameters() if p.requires_grad]
    loss = torch.stack(list(losses)).sum()
    found = torch.autograd.grad(loss, trained, allow_unused=True)
    empty = torch.zeros(())
    return float(loss.detach()), [g if g is not None else empty for g in found]
