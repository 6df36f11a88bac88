"""Attention over a packed micro-batch: a shared beginning and the rows' own tokens in one line.

All tokens of a micro-batch stand in one sequence, ``[beginning | row 1 | row 2 | ...]``:
linear layers see no padding and run once. Only attention knows of rows: the beginning looks at
itself, a row at the beginning and at itself. Nothing else is needed, because position encodings go
by the positions given. Prior use in reinforcement learning: PrefixGrouper, arXiv 2506.05433.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "huohou_packed"


class Layout(NamedTuple):
    """Where rows lie in the packed sequence. B rows, S tokens of the longest row's own.

    prefix: tokens of the shared beginning; places: [B, S] where in the sequence, padded with any;
    row, column: [N] place in places of each of the N own tokens, in order; mask: [S, prefix + S],
    True where a row's own token may look.
    """

    prefix: int
    places: Tensor
    row: Tensor
    column: Tensor
    mask: Tensor


def attention(  # noqa: PLR0917 - the signature is transformers'
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    layout: Layout | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention for transformers: query [1, heads, T, width], key and value with fewer heads.

    Returns [1, T, heads, width]. A call without a layout is a mistake of ours: ValueError.
    """
    if layout is None:
        raise ValueError("packed attention needs a layout")
    kind = query.dtype
    if query.device.type == "cpu":  # its backward pass in bfloat16 takes three times as long
        query, key, value = query.float(), key.float(), value.float()
    groups = query.shape[1] // key.shape[1]
    shared = layout.prefix
    keys, values = (_seen(states, layout, groups) for states in (key, value))
    own = scaled_dot_product_attention(
        _rows(query, layout), keys, values, layout.mask, dropout, scale=scaling
    )  # [B, heads, S, width]
    found = own.transpose(1, 2)[layout.row, layout.column].to(kind)  # [N, heads, width]
    if not shared:
        return found[None], None
    beginning = scaled_dot_product_attention(
        query[:, :, :shared],
        key[:, :, :shared].repeat_interleave(groups, 1),
        value[:, :, :shared].repeat_interleave(groups, 1),
        dropout_p=dropout,
        is_causal=True,
        scale=scaling,
    )
    return torch.cat([beginning.transpose(1, 2)[0].to(kind), found])[None], None


def _rows(states: Tensor, layout: Layout) -> Tensor:
    """[1, heads, T, width] to the rows' own tokens: [B, heads, S, width]."""
    return states[0][:, layout.places].transpose(0, 1)


def _seen(states: Tensor, layout: Layout, groups: int) -> Tensor:
    """What rows look at: the beginning and their own, one copy a head: [B, heads, P + S, width]."""
    own = _rows(states, layout)
    if layout.prefix:
        beginning = states[:, :, : layout.prefix].expand(len(own), -1, -1, -1)
        own = torch.cat([beginning, own], dim=2)
    return own.repeat_interleave(groups, 1)


AttentionInterface.register(NAME, attention)
