"""Texts as tokens for an encoder: places of spans among them, and batches of like length."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from huohou.errors import ModelError, first_line

UNLIMITED = 10**6  # tokenizers without a limit state one beyond this


class Span(Protocol):
    """A stretch of a text: characters from start up to end."""

    @property
    def start(self) -> int:
        """First character."""

    @property
    def end(self) -> int:
        """Behind the last character."""


class Tokens(NamedTuple):
    """A text's ids, and for each of its spans the places of the tokens in it.

    A span without a token (cut off, or nothing but spaces) has no places.
    """

    ids: list[int]
    places: list[list[int]]


class Spans(NamedTuple):
    """Parts of the texts of a batch: row [S] the text of each, mask [S, L] its tokens."""

    row: Tensor
    mask: Tensor


def load_text_tokenizer(folder: Path, name: str, lower: bool) -> Any:
    """The tokenizer of an encoder's folder; lower: texts in small letters. Raises ModelError."""
    from tokenizers import normalizers
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError("models.no_tokenizer", name=name, problem=first_line(error)) from error
    if not found.is_fast:
        raise ModelError("models.encoder_slow", name=name)
    if lower:
        own = found.backend_tokenizer.normalizer
        small = [normalizers.Lowercase(), *([own] if own is not None else [])]
        found.backend_tokenizer.normalizer = normalizers.Sequence(small)
    return found


def places_of(
    offsets: Sequence[tuple[int, int]], spans: Sequence[Span], before: int
) -> list[list[int]]:
    """For each span the tokens that touch it.

    offsets: the characters of each token, none for special ones; before: characters that stand in
    front of the text the spans count in.
    """
    return [
        [
            place
            for place, (start, end) in enumerate(offsets)
            if max(start, span.start + before) < min(end, span.end + before)
        ]
        for span in spans
    ]


def pad(rows: Sequence[Sequence[int]], filler: int) -> tuple[Tensor, Tensor]:
    """ids and mask [B, L]; rows are filled up behind."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(width) < lengths[:, None]).long()


def spans_of(rows: Sequence[Tokens], width: int) -> tuple[list[tuple[int, int]], Spans]:
    """The spans of a batch that have tokens: (row, number of the span in it) of each, and Spans.

    width: L of the padded batch.
    """
    at = [(i, k) for i, row in enumerate(rows) for k, own in enumerate(row.places) if own]
    mask = torch.zeros(len(at), width, dtype=torch.long)
    for line, (i, k) in enumerate(at):
        mask[line, rows[i].places[k]] = 1
    return at, Spans(torch.tensor([i for i, _ in at], dtype=torch.long), mask)


def chunks(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Numbers of rows, longest first, in groups of at most max_tokens with padding.

    >>> list(chunks([3, 9, 4, 8], 18))
    [[1, 3], [2, 0]]
    """
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if group and (len(group) + 1) * lengths[group[0]] > max_tokens:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
