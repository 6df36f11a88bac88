"""The fast forward pass of a language model, equal to the plain one.

Two savings, both exact: the language-model head runs only where a trained token is predicted, and
a beginning that all rows of a micro-batch share is run once, with gradient, its keys and values
handed to every row. A causal model computes the same either way, because what comes first never
sees what comes after. The same idea for reinforcement learning: PrefixGrouper, arXiv 2506.05433.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import DynamicCache

from huohou.data.labels import LabelledRow
from huohou.recipes.batches import MicroBatch, needed


class Batch(NamedTuple):
    """A micro-batch as tensors. B rows, P shared tokens, S own tokens, T trained tokens.

    prefix: [P] or [0]; ids: [B, S], padded on the right; row, place: [T] where in ids the
    predictions are read; target: [T] what they should be.
    """

    prefix: Tensor
    ids: Tensor
    row: Tensor
    place: Tensor
    target: Tensor


def collate(rows: Sequence[LabelledRow], batch: MicroBatch, pad: int) -> Batch:
    """Tensors of a micro-batch; rows are those of the update."""
    members = [rows[i] for i in batch.rows]
    width = max(needed(r) for r in members) - batch.prefix
    ids = torch.full((len(members), width), pad)
    row, place, target = [], [], []
    for i, member in enumerate(members):
        own = member.ids[batch.prefix : needed(member)]
        ids[i, : len(own)] = torch.tensor(own)
        for k, trained in enumerate(member.labels):
            if trained:
                row.append(i)
                place.append(k - 1 - batch.prefix)
                target.append(member.ids[k])
    prefix = torch.tensor(members[0].ids[: batch.prefix], dtype=torch.long)
    return Batch(prefix, ids, torch.tensor(row), torch.tensor(place), torch.tensor(target))


def logits(model: nn.Module, batch: Batch) -> Tensor:
    """Predictions where a trained token is predicted: [T, vocabulary]."""
    causal = _causal(model)
    hidden = _hidden(causal.get_decoder(), batch)  # [B, S, width]
    found: Tensor = causal.get_output_embeddings()(hidden[batch.row, batch.place])
    return found


def _hidden(decoder: Any, batch: Batch) -> Tensor:
    """Hidden states of the rows' own tokens: [B, S, width]."""
    rows, length = batch.ids.shape
    shared = len(batch.prefix)
    # Padding lies to the right of all that is read, and a causal model never looks there.
    positions = torch.arange(shared, shared + length, device=batch.ids.device)[None]
    if not shared:
        out = decoder(input_ids=batch.ids, position_ids=positions, use_cache=False)
        return out.last_hidden_state  # type: ignore[no-any-return]
    cache = DynamicCache(config=decoder.config)
    decoder(input_ids=batch.prefix[None], past_key_values=cache, use_cache=True)
    cache.batch_repeat_interleave(rows)
    out = decoder(
        input_ids=batch.ids, position_ids=positions, past_key_values=cache, use_cache=True
    )
    return out.last_hidden_state  # type: ignore[no-any-return]


def plain_logits(model: nn.Module, batch: Batch) -> Tensor:
    """The same predictions the ordinary way: whole rows, all positions. [T, vocabulary]."""
    rows = batch.ids.shape[0]
    whole = torch.cat([batch.prefix.expand(rows, -1), batch.ids], dim=1)
    every: Tensor = model(input_ids=whole, use_cache=False).logits  # [B, P + S, vocabulary]
    return every[batch.row, batch.place + len(batch.prefix)]


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

    def within(self, tolerance: float) -> bool:
        """Whether both agree; NaN does not."""
        return self.loss <= tolerance and self.gradient <= tolerance


def compare(model: nn.Module, batch: Batch) -> Agreement:
    """Run a micro-batch both ways and compare loss and gradients of what is trained.

    Leaves gradients empty and the model's mode as it was.
    """
    training = model.training
    model.eval()  # dropout would differ between the two
    fast_loss, fast = _gradients(model, loss_sum(logits(model, batch), batch.target))
    plain_loss, plain = _gradients(model, loss_sum(plain_logits(model, batch), batch.target))
    model.train(training)
    scale = max((float(g.abs().max()) for g in plain), default=0.0) or 1.0
    apart = max((float((a - b).abs().max()) for a, b in zip(fast, plain, strict=True)), default=0.0)
    return Agreement(abs(fast_loss - plain_loss) / max(abs(plain_loss), 1e-8), apart / scale)


def _gradients(model: nn.Module, loss: Tensor) -> tuple[float, list[Tensor]]:
    trained = [p for p in model.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, trained, allow_unused=True)
    empty = torch.zeros(())
    return float(loss.detach()), [g if g is not None else empty for g in found]
