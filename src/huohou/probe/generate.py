"""Greedy answers, many at a time, equal to the answers one at a time.

What all questions of a batch begin with (system prompt, start of the template) is computed once
and its keys and values are handed to every row: rows are laid out as [shared, padding, own], and
positions skip the padding. A model with another kind of memory than keys and values over the whole
text (sliding windows, state spaces) is given whole rows, padded on the left.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache, GenerationConfig
from transformers.cache_utils import DynamicLayer

from huohou.data.dataset import Message
from huohou.models import ChatTokenizer
from huohou.probe.answers import Answer, Progress

WORTH_SHARING = 8  # shared tokens below which a second forward pass costs more than it saves
ROWS_ON_CPU, ROWS_ON_GPU = 16, 64


class Batch(NamedTuple):
    """Prompts as tensors. B rows, L columns, of them the first P shared by all rows.

    ids, mask: [B, L], mask 0 at padding.
    """

    ids: Tensor
    mask: Tensor
    shared: int


def answer(
    model: Any,
    tokenizer: ChatTokenizer,
    conversations: Sequence[Sequence[Message]],
    *,
    max_new_tokens: int,
    batch_rows: int | None = None,
    share: bool = True,
    progress: Progress | None = None,
) -> list[Answer]:
    """The model's greedy answers to conversations that end with a user's turn, in their order.

    model: causal, with or without a peft adapter; batch_rows: conversations at a time; share:
    compute what prompts begin with once. Sampling, penalties and other settings that a model
    brings in its ``generation_config`` are set aside: the likeliest token is taken, always.
    """
    prompts = [tokenizer.encode_chat(c, add_generation_prompt=True) for c in conversations]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]), reverse=True)
    causal = causal_of(model)
    rows = batch_rows or (ROWS_ON_CPU if causal.device.type == "cpu" else ROWS_ON_GPU)
    found: dict[int, Answer] = {}
    with answering(causal, config_of(tokenizer, max_new_tokens)), torch.inference_mode():
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            batch = collate([prompts[i] for i in chosen], tokenizer.padding_id, share)
            found |= zip(chosen, _generate(causal, tokenizer, batch), strict=True)
            if progress is not None:
                progress(len(found), len(prompts))
    return [found[i] for i in range(len(prompts))]


def collate(prompts: Sequence[Sequence[int]], padding: int, share: bool = True) -> Batch:
    """Prompts as one batch: [shared, padding, own]; nothing shared: padding on the left."""
    shared = common_length(prompts) if share and len(prompts) > 1 else 0
    if shared < WORTH_SHARING:
        shared = 0
    width = max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), width), padding)
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for i, prompt in enumerate(prompts):
        own = len(prompt) - shared
        ids[i, :shared] = torch.tensor(prompt[:shared])
        ids[i, width - own :] = torch.tensor(prompt[shared:])
        mask[i, :shared] = mask[i, width - own :] = 1
    return Batch(ids, mask, shared)


def common_length(prompts: Sequence[Sequence[int]]) -> int:
    """Tokens that all prompts begin with, at least one of each prompt left over.

    >>> common_length([[1, 2, 3, 4], [1, 2, 5]]), common_length([[1, 2], [1, 2, 3]])
    (2, 1)
    """
    # Of sorted prompts the first and the last are the two that differ soonest.
    first, last = min(map(tuple, prompts)), max(map(tuple, prompts))
    limit = min(len(prompt) for prompt in prompts) - 1
    return next((i for i in range(limit) if first[i] != last[i]), limit)


def _generate(causal: Any, tokenizer: ChatTokenizer, batch: Batch) -> list[Answer]:
    """Answers of one batch, each cut at its end of turn."""
    began = time.perf_counter()
    batch = Batch(batch.ids.to(causal.device), batch.mask.to(causal.device), batch.shared)
    cache = _shared_keys(causal, batch) if batch.shared else None
    if cache is None:
        batch = _padded_left(batch)
    out = causal.generate(
        input_ids=batch.ids, attention_mask=batch.mask, past_key_values=cache, use_cache=True
    )
    generated = out[:, batch.ids.shape[1] :].tolist()
    seconds = (time.perf_counter() - began) / len(generated)
    return [_cut(ids, tokenizer, seconds) for ids in generated]


def _shared_keys(causal: Any, batch: Batch) -> DynamicCache | None:
    """Keys and values of the shared tokens for every row; None where they are not all there is."""
    cache = DynamicCache(config=causal.config)
    causal.get_decoder()(
        input_ids=batch.ids[:1, : batch.shared], past_key_values=cache, use_cache=True
    )
    if not all(type(layer) is DynamicLayer for layer in cache.layers):
        return None
    cache.batch_repeat_interleave(len(batch.ids))
    return cache


def _padded_left(batch: Batch) -> Batch:
    """The same rows with their padding, which is in one piece, moved to the left."""
    order = batch.mask.argsort(dim=1, stable=True)
    return Batch(batch.ids.gather(1, order), batch.mask.gather(1, order), 0)


def _cut(ids: list[int], tokenizer: ChatTokenizer, seconds: float) -> Answer:
    end = next((i for i, token in enumerate(ids) if token in tokenizer.end_of_turn), None)
    text = tokenizer.decode(ids[:end])
    return Answer(text, len(ids) if end is None else end + 1, seconds, end is not None)


def causal_of(model: Any) -> Any:
    """The causal model inside a peft model: adapters are part of its layers."""
    inner = getattr(model, "get_base_model", None)
    return inner() if inner is not None else model


def config_of(tokenizer: ChatTokenizer, max_new_tokens: int) -> GenerationConfig:
    """The likeliest token always, until the end of a turn."""
    config: Any = GenerationConfig  # untyped in transformers
    built: GenerationConfig = config(
        do_sample=False,
        num_beams=1,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(tokenizer.end_of_turn) or None,
        pad_token_id=tokenizer.padding_id,
    )
    return built


@contextmanager
def answering(causal: Any, config: GenerationConfig) -> Iterator[None]:
    """Model in evaluation mode with these settings alone; both as they were afterwards."""
    before, training = causal.generation_config, causal.training
    causal.generation_config = config
    causal.eval()
    try:
        yield
    finally:
        causal.generation_config = before
        causal.train(training)
