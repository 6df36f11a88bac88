"""Texts of different lengths in one line of tokens, without padding.

Linear layers see one long sequence. Only attention knows of texts: it looks at blocks of them,
neighbours of similar length, padded inside a block where that is cheaper than another block.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

# What starting a block costs, and the most it may hold, in squares of tokens a head: beyond it
# its scores no longer fit the processor's cache.
BLOCK_COST, BLOCK_MOST = 1024, 1 << 18


class Block(NamedTuple):
    """Neighbours in the line: texts of them, the first token, and one behind the last.

    longest: tokens of the longest; places: [N] where each token lies in [texts * longest], or None
    when all are of one length; blind: [texts, 1, 1, longest] bool, True where there is no token.
    """

    start: int
    end: int
    texts: int
    longest: int
    places: Tensor | None
    blind: Tensor | None


class Line(NamedTuple):
    """Texts one behind the other: ids, positions [T]; lengths in order; blocks for attention."""

    ids: Tensor
    positions: Tensor
    lengths: tuple[int, ...]
    blocks: tuple[Block, ...]


def line_of(texts: Sequence[Sequence[int]], first_position: int = 0) -> Line:
    """The line of some texts' tokens; texts that are sorted by length make good blocks.

    first_position: of a text's first token (RoBERTa counts from the padding's id + 1).
    """
    lengths = tuple(len(text) for text in texts)
    ids = torch.tensor([token for text in texts for token in text])
    starts = torch.tensor(lengths)
    starts = starts.cumsum(0) - starts
    positions = torch.arange(len(ids)) - starts.repeat_interleave(torch.tensor(lengths))
    return Line(ids, positions + first_position, lengths, blocks_of(lengths))


def blocks_of(lengths: Sequence[int]) -> tuple[Block, ...]:
    """The cheapest cuts of a line into blocks: dynamic programming over the last cut."""
    best: list[tuple[int, int]] = [(0, 0)]  # cost of the first texts, beginning of the last block
    for end in range(1, len(lengths) + 1):
        longest, chosen = 0, (0, -1)
        for start in range(end - 1, -1, -1):
            longest = max(longest, lengths[start])
            size = (end - start) * longest * longest
            if size > BLOCK_MOST and start < end - 1:
                break
            cost = best[start][0] + size + BLOCK_COST
            if chosen[1] < 0 or cost < chosen[0]:
                chosen = (cost, start)
        best.append(chosen)
    cuts = [len(lengths)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    return _blocks(lengths, cuts)


def _blocks(lengths: Sequence[int], cuts: Sequence[int]) -> tuple[Block, ...]:
    found, token = [], 0
    for start, end in pairwise(cuts):
        own = torch.tensor(lengths[start:end])
        texts, longest, size = end - start, int(own.max()), int(own.sum())
        places = blind = None
        if size < texts * longest:
            real = torch.arange(longest) < own[:, None]
            places, blind = real.view(-1).nonzero()[:, 0], ~real[:, None, None]
        found.append(Block(token, token + size, texts, longest, places, blind))
        token += size
    return tuple(found)
