"""Texts to vectors of sentences and entities, with or without a gradient: one way for both."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from huohou.data.pairs import Span
from huohou.models.encoder import Encoder
from huohou.models.encoder_text import Spans, Tokens, chunks, spans_of
from huohou.recipes.aligning.similarity import Vectors
from huohou.recipes.embedding.chance import Chance
from huohou.recipes.embedding.passes import can_line, padded_states


def tokens_of(
    encoder: Encoder,
    texts: Sequence[str],
    entities: Sequence[Sequence[Span]],
    prompt: str,
    *,
    by_entity: bool,
) -> list[Tokens]:
    """Tokens of texts, with the places of their entities where those are scored.

    prompt: ``query`` or ``document``.
    """
    spans = entities if by_entity else [()] * len(texts)
    return encoder.tokenize_spans(texts, spans, prompt)


def embed(
    encoder: Encoder, rows: Sequence[Tokens], max_tokens: int, chance: Chance | None = None
) -> Vectors:
    """Vectors of texts in their order. Texts of like length go together, up to max_tokens with
    padding; entities without a token (cut off) are left out.

    chance: of dropout; where it is given, texts are computed in a line without padding if the
    encoder can be.
    """
    order: list[int] = []
    sentences: list[Tensor] = []
    entities: list[Tensor] = []
    owners: list[int] = []
    for chunk in chunks([len(row.ids) for row in rows], max_tokens):
        some = [rows[i] for i in chunk]
        states, mask = _states(encoder, [row.ids for row in some], chance)
        order += chunk
        sentences.append(encoder.views(states, mask).mu)
        at, spans = spans_of(some, mask.shape[1])
        if at:
            moved = Spans(spans.row.to(mask.device), spans.mask.to(mask.device))
            entities.append(encoder.views(states, mask, moved).mu)
            owners += [chunk[i] for i, _ in at]
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    sentence = torch.cat(sentences)[back.to(sentences[0].device)]
    owner = torch.tensor(owners, dtype=torch.long, device=sentence.device)
    return Vectors(sentence, torch.cat(entities) if entities else sentence[:0], owner)


def _states(
    encoder: Encoder, ids: Sequence[list[int]], chance: Chance | None
) -> tuple[Tensor, Tensor]:
    """Token states [B, L, h] and mask [B, L]."""
    if chance is not None and can_line(encoder):
        return padded_states(encoder, [tuple(row) for row in ids], chance)
    padded, mask = encoder.pad(ids)
    found: Any = encoder.transformer(input_ids=padded, attention_mask=mask)
    states: Tensor = found.last_hidden_state
    return states, mask


@torch.no_grad()
def encode(encoder: Encoder, rows: Sequence[Tokens], max_tokens: int) -> Vectors:
    """As ``embed``, for looking only: no dropout, nothing kept for a gradient."""
    was = encoder.training
    encoder.eval()
    try:
        return embed(encoder, rows, max_tokens)
    finally:
        encoder.train(was)
