"""Attention of a line of texts: each text looks at itself, in every direction.

torch has no fast attention with dropout for a CPU: it draws masks slowly and holds five matrices
of scores for the backward pass. Here a block's scores stay in the cache, and two are
held: the weights and which of them were dropped.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from huohou.recipes.embedding.chance import Chance, masked, scale
from huohou.recipes.embedding.line import Block

NAME = "huohou_line"


def attention(  # noqa: PLR0917 - the signature is transformers'
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    blocks: tuple[Block, ...] = (),
    chance: Chance | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention for transformers: query, key, value [1, heads, T, width], blocks of the line.

    Returns [1, T, heads, width]. A call without blocks is a mistake of ours: ValueError.
    """
    if not blocks:
        raise ValueError("attention over a line needs its blocks")
    factor = query.shape[-1] ** -0.5 if scaling is None else scaling
    states = [part[0].transpose(0, 1) for part in (query, key, value)]  # [T, heads, width]
    if query.device.type != "cpu":
        return torch.cat([_sdpa(states, b, factor, dropout) for b in blocks])[None], None
    half = query.dtype in {torch.bfloat16, torch.float16}  # gain little in small blocks
    single = [part.float() for part in states] if half else states
    with torch.autocast("cpu", enabled=False):
        found: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
            *single, blocks, factor, dropout, chance or Chance()
        )
    return found.to(query.dtype)[None], None


def _sdpa(states: list[Tensor], block: Block, factor: float, dropout: float) -> Tensor:
    """One block by torch's own kernels: [N, heads, width]."""
    query, key, value = (_spread(part, block) for part in states)
    seen = None if block.blind is None else ~block.blind
    found = scaled_dot_product_attention(query, key, value, seen, dropout, scale=factor)
    return _line(found, block)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - torch hands arguments by place
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        blocks: tuple[Block, ...],
        factor: float,
        dropout: float,
        chance: Chance,
    ) -> Tensor:
        kept: list[Tensor | None] = []
        found = torch.empty(query.shape, dtype=query.dtype)
        for block in blocks:
            q, k, v = (_flat(part, block) for part in (query, key, value))
            scores = torch.bmm(q.mul_(factor), k.transpose(1, 2))
            if block.blind is not None:
                scores.view(block.texts, -1, *scores.shape[1:]).masked_fill_(
                    block.blind, -torch.inf
                )
            weights = torch.softmax(scores, -1)
            keep = None
            seen = weights
            if dropout:
                keep = chance.keep(weights.numel(), dropout).view(weights.shape)
                seen = masked(weights, keep, scale(dropout))
            kept += [weights, keep]
            out = torch.bmm(seen, v).view(block.texts, -1, block.longest, v.shape[-1])
            found[block.start : block.end] = _line(out, block)
        ctx.save_for_backward(query, key, value, *kept)
        ctx.how = blocks, factor, scale(dropout)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        blocks, factor, kept_scale = ctx.how
        query, key, value, *kept = ctx.saved_tensors
        back = [torch.empty(query.shape, dtype=query.dtype) for _ in range(3)]
        for i, block in enumerate(blocks):
            weights, keep = kept[2 * i], kept[2 * i + 1]
            q, k, v, g = (_flat(part, block) for part in (query, key, value, gradients[0]))
            through = torch.bmm(g, v.transpose(1, 2))
            seen = weights
            if keep is not None:
                mask = keep.to(weights.dtype).mul_(kept_scale)
                through.mul_(mask)
                seen = mask.mul_(weights)
            scores = torch._softmax_backward_data(through, weights, -1, weights.dtype)
            scores.mul_(factor)
            parts = (
                torch.bmm(scores, k),
                torch.bmm(scores.transpose(1, 2), q),
                torch.bmm(seen.transpose(1, 2), g),
            )
            for line, part in zip(back, parts, strict=True):
                whole = part.view(block.texts, -1, block.longest, v.shape[-1])
                line[block.start : block.end] = _line(whole, block)
        return *back, None, None, None, None


def _spread(states: Tensor, block: Block) -> Tensor:
    """A block of the line [T, heads, width], padded with zeros: [texts, heads, longest, width]."""
    own = states[block.start : block.end]
    if block.places is not None:
        room = own.new_zeros(block.texts * block.longest, *own.shape[1:])
        own = room.index_copy(0, block.places, own)
    return own.reshape(block.texts, block.longest, *own.shape[1:]).transpose(1, 2)


def _flat(states: Tensor, block: Block) -> Tensor:
    """The same as new memory, as batched products want it: [texts * heads, longest, width]."""
    return _spread(states, block).contiguous().flatten(0, 1)


def _line(states: Tensor, block: Block) -> Tensor:
    """[texts, heads, longest, width] back to tokens of the line: [N, heads, width]."""
    found: Tensor = states.transpose(1, 2).flatten(0, 1)
    if block.places is not None:
        found = found.index_select(0, block.places)
    return found


AttentionInterface.register(NAME, attention)
