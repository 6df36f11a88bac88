"""Texts in tokens to views, with a gradient: chunks of like length, each one line of tokens.

An encoder whose attention can look at blocks of a line runs without padding; any other in padded
chunks. Both are exact: a text's view does not depend on what stands beside it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from huohou.models.encoder import Encoder, Views
from huohou.recipes.embedding import attention
from huohou.recipes.embedding.chance import Chance
from huohou.recipes.embedding.line import Line, line_of

Text = tuple[int, ...]  # ids, special tokens included

# Where the first token of a text is counted from; encoders of other types run in padded chunks.
FIRST_POSITION = {"bert": 0, "electra": 0, "roberta": 1, "xlm-roberta": 1, "camembert": 1}


def can_line(encoder: Encoder) -> bool:
    """Whether an encoder's attention can be told of the blocks of a line."""
    return encoder.transformer.config.model_type in FIRST_POSITION


def chunks(lengths: Sequence[int], max_tokens: int, *, padded: bool) -> list[list[int]]:
    """Places of texts by length, cut so that none but a single text has more than max_tokens.

    padded: count a chunk as its longest text times its texts. Without padding all chunks are
    made nearly equal: a last small one would be computed less efficiently.
    """
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    total = sum(lengths)
    most = max_tokens if padded else -(-total // -(-total // max_tokens))
    found: list[list[int]] = []
    size = most
    for i in order:
        size = (len(found[-1]) + 1) * lengths[i] if padded and found else size + lengths[i]
        if not found or size > most + (0 if padded else lengths[i] // 2):
            found.append([])
            size = lengths[i]
        found[-1].append(i)
    return found


def views_of(encoder: Encoder, texts: Sequence[Text], chance: Chance, *, line: bool) -> Views:
    """Views of the texts of one chunk, in their order; line: without padding."""
    if not line:
        found: Views = encoder(*encoder.pad(texts))
        return found
    return encoder.views(*padded_states(encoder, texts, chance))


def padded_states(encoder: Encoder, texts: Sequence[Text], chance: Chance) -> tuple[Tensor, Tensor]:
    """Token states [B, L, h] of texts and their mask [B, L], computed in one line; 0 elsewhere."""
    config = encoder.transformer.config
    first = FIRST_POSITION[config.model_type]
    found = line_of(texts, first and first + encoder.padding_id)
    found = on_device(found, encoder.device)
    with line_attention(encoder):
        states: Tensor = encoder.transformer(
            input_ids=found.ids[None],
            position_ids=found.positions[None],
            blocks=found.blocks,
            chance=chance,
        ).last_hidden_state[0]
    longest = max(found.lengths)
    lengths = torch.tensor(found.lengths)
    mask = torch.arange(longest) < lengths[:, None]
    room = states.new_zeros(mask.numel(), states.shape[-1])
    places = mask.view(-1).nonzero()[:, 0].to(states.device)
    whole = room.index_copy(0, places, states).view(*mask.shape, -1)
    return whole, mask.to(states.device, torch.long)


def on_device(line: Line, device: torch.device) -> Line:
    """The same line on a device."""
    blocks = tuple(
        block._replace(
            places=None if block.places is None else block.places.to(device),
            blind=None if block.blind is None else block.blind.to(device),
        )
        for block in line.blocks
    )
    return line._replace(
        ids=line.ids.to(device), positions=line.positions.to(device), blocks=blocks
    )


@contextmanager
def line_attention(encoder: Encoder) -> Iterator[None]:
    """Let the transformer use the attention of a line; its own is given back."""
    config = encoder.transformer.config
    before = config._attn_implementation
    config._attn_implementation = attention.NAME
    try:
        yield
    finally:
        config._attn_implementation = before
