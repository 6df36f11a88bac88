"""How likely a model holds the answers it is expected to give: no generation, one pass a row.

Rows are padded on the left, so that the answers stand at the end and the language-model head runs
over their columns alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from huohou.data.dataset import Row
from huohou.models import ChatTokenizer
from huohou.probe.answers import Likelihood, Progress
from huohou.probe.generate import causal_of

TOKENS = 4096  # of a batch, padding included
POSITIONS = 512  # of a batch that are predicted: with a large vocabulary these take the memory


class _Rendered(NamedTuple):
    """Ids of a conversation through its last answer, and how many of them are the answer's."""

    ids: list[int]
    answer: int


def likelihoods(
    model: Any,
    tokenizer: ChatTokenizer,
    rows: Sequence[Row],
    progress: Progress | None = None,
) -> list[Likelihood | None]:
    """Cross-entropy of each row's last answer given what comes before it, in the rows' order.

    None for rows that do not end in an answer, and where the chat template rewrites earlier turns,
    so that it cannot be said which tokens are the answer's.
    """
    rendered = {i: one for i, row in enumerate(rows) if (one := _render(row, tokenizer))}
    order = sorted(rendered, key=lambda i: len(rendered[i].ids), reverse=True)
    causal = causal_of(model)
    found: dict[int, Likelihood] = {}
    training = causal.training
    causal.eval()
    try:
        for chosen in _batches([(i, rendered[i]) for i in order]):
            batch = [rendered[i] for i in chosen]
            found |= zip(chosen, _scored(causal, batch, tokenizer.padding_id), strict=True)
            if progress is not None:
                progress(len(found), len(rendered))
    finally:
        causal.train(training)
    return [found.get(i) for i in range(len(rows))]


def _render(row: Row, tokenizer: ChatTokenizer) -> _Rendered | None:
    if not row.messages or row.messages[-1].role != "assistant" or not row.answer:
        return None
    prompt = tokenizer.encode_chat(row.messages[:-1], add_generation_prompt=True)
    whole = tokenizer.encode_chat(row.messages)
    if whole[: len(prompt)] != prompt:
        return None
    stops = [k for k in range(len(prompt), len(whole)) if whole[k] in tokenizer.end_of_turn]
    end = stops[-1] + 1 if stops else len(whole)
    return _Rendered(whole[:end], end - len(prompt)) if end > len(prompt) > 0 else None


def _batches(rendered: Sequence[tuple[int, _Rendered]]) -> Iterator[list[int]]:
    """Indices of the rows computed together. rendered: the longest first."""
    batch: list[int] = []
    width = longest = 0
    for i, (ids, answer) in rendered:
        rows = len(batch) + 1
        if batch and (rows * width > TOKENS or rows * max(longest, answer) > POSITIONS):
            yield batch
            batch, longest = [], 0
        width = width if batch else len(ids)
        longest = max(longest, answer)
        batch.append(i)
    if batch:
        yield batch


def answer_logits(
    causal: Any, rows: Sequence[Sequence[int]], keep: int, padding: int = 0
) -> tuple[Tensor, Tensor]:
    """Logits [B, keep, V] of each row's last ``keep`` tokens, and these tokens [B, keep].

    Rows are padded on the left, so that the head runs over the answers' columns alone.
    """
    width = max(map(len, rows))
    ids = torch.tensor([[padding] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    ids, mask = ids.to(causal.device), mask.to(causal.device)
    logits = causal(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
        use_cache=False,
        logits_to_keep=keep + 1,
    ).logits  # the last predicts what would come after
    return logits[:, :-1], ids[:, -keep:]


@torch.inference_mode()
def _scored(causal: Any, batch: Sequence[_Rendered], padding: int) -> list[Likelihood]:
    keep = max(row.answer for row in batch)
    logits, answers = answer_logits(causal, [row.ids for row in batch], keep, padding)
    losses = functional.cross_entropy(
        logits.float().transpose(1, 2), answers, reduction="none"
    ).tolist()  # [B, keep]
    return [
        Likelihood(sum(row_losses[keep - row.answer :]), row.answer)
        for row, row_losses in zip(batch, losses, strict=True)
    ]
