"""Log-probabilities of given answers, by transformers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from huohou.export.proving.sides import Floats
from huohou.probe.generate import causal_of
from huohou.probe.likelihood import answer_logits

TOKENS = 2048  # of a batch, padding included


@torch.inference_mode()
def score(
    model: Any,
    prompts: Sequence[Sequence[int]],
    forced: Sequence[Sequence[int]],
    out: Floats,
    told: Callable[[int], None] = lambda _rows: None,
) -> None:
    """Fill out [tokens of all forced, V] with the log-probabilities of what comes at each of their
    places, given the prompt and the forced tokens before it.

    told: rows done. Rows are padded on the left, so that the head runs over the answers'
    columns alone.
    """
    causal = causal_of(model).eval()
    begins = np.cumsum([0, *map(len, forced)])
    done = 0
    for batch in _batches(prompts, forced):
        rows = [[*prompts[i], *forced[i]] for i in batch]
        keep = max(len(forced[i]) for i in batch)
        logits, _ = answer_logits(causal, rows, keep)
        for k, i in enumerate(batch):
            own = logits[k, keep - len(forced[i]) : keep].float()
            out[begins[i] : begins[i + 1]] = own.log_softmax(-1).cpu().numpy()
        done += len(batch)
        told(done)


def _batches(
    prompts: Sequence[Sequence[int]], forced: Sequence[Sequence[int]]
) -> Iterator[list[int]]:
    order = [i for i in range(len(prompts)) if forced[i]]
    order.sort(key=lambda i: len(prompts[i]) + len(forced[i]), reverse=True)
    batch: list[int] = []
    width = 0
    for i in order:
        if batch and (len(batch) + 1) * width > TOKENS:
            yield batch
            batch = []
        width = width if batch else len(prompts[i]) + len(forced[i])
        batch.append(i)
    if batch:
        yield batch
