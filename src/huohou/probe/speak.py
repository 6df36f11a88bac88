"""One answer, a token at a time: greedy, or drawn by a seed of its own.

What is drawn is drawn here and handed to ``generate`` as the only token that is possible, so that
every kind of model and memory it knows is spoken with, and a seed belongs to one answer: two
answers at the same time do not take numbers from each other.
"""

import time
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers.decoders import DecodeStream
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria
from transformers import StoppingCriteriaList as Criteria

from huohou.errors import ModelError
from huohou.models import ChatTokenizer
from huohou.models.tokenizer import Turn
from huohou.probe.answers import Ended, Heard, Sampling, Spoken
from huohou.probe.flow import Hearing
from huohou.probe.generate import answering, causal_of, config_of

COLDEST = 1e-30  # temperature: what is far below is 0 in float32, and 0 / 0 is no number


def speak(
    model: Any,
    tokenizer: ChatTokenizer,
    messages: Sequence[Turn],
    sampling: Sampling,
    heard: Heard = lambda _: True,
) -> Spoken:
    """The model's answer to a conversation; heard is told each piece of it as it is written.

    model: causal, with or without a peft adapter. Without chance it is the answer of
    ``probe.generate.answer``. Raises ModelError for a template that refuses these turns and for a
    conversation longer than the model reads.
    """
    began = time.perf_counter()
    prompt = tokenizer.encode_chat(messages, add_generation_prompt=True)
    causal = causal_of(model)
    most = min(sampling.max_tokens, room(causal, tokenizer, prompt))
    ear = _Ear(tokenizer, sampling.stop, heard)
    ids = torch.tensor([prompt], device=causal.device)
    with answering(causal, config_of(tokenizer, most)), torch.inference_mode():
        causal.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            use_cache=True,
            logits_processor=LogitsProcessorList([_Draw(sampling)] if sampling.temperature else []),
            stopping_criteria=Criteria([ear]),
        )
    text = ear.close()
    return Spoken(text, len(prompt), len(ear.ids), time.perf_counter() - began, ear.ended)


def rendered(tokenizer: ChatTokenizer, messages: Sequence[Turn]) -> tuple[str, int]:
    """The very prompt that a model is given for a conversation, and its length in tokens."""
    ids = tokenizer.encode_chat(messages, add_generation_prompt=True)
    return tokenizer.decode(ids), len(ids)


def room(causal: Any, tokenizer: ChatTokenizer, prompt: Sequence[int]) -> int:
    """Tokens that a model can write after a prompt. Raises ModelError where there is no room."""
    most = getattr(causal.config, "max_position_embeddings", None) or 1 << 20
    if len(prompt) >= most:
        raise ModelError(
            "probe.prompt_too_long", name=tokenizer.name, tokens=len(prompt), most=most
        )
    return int(most) - len(prompt)


class _Draw(LogitsProcessor):
    """Leaves one token possible: the one drawn."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._dice = torch.Generator().manual_seed(sampling.seed)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """input_ids [1, L], scores [1, V] -> [1, V], 0 at the token drawn and -inf elsewhere."""
        logits = scores[0].float().cpu()
        below = logits - logits.max()  # so that next to no temperature makes no infinity
        shares = torch.softmax(below / max(self._sampling.temperature, COLDEST), dim=-1)
        likely = shares.sort(descending=True, stable=True)
        before = likely.values.cumsum(0) - likely.values
        inside = before < self._sampling.top_p
        inside[0] = True  # also where top_p is 0 in float32
        kept = likely.values * inside
        drawn = likely.indices[torch.multinomial(kept, 1, generator=self._dice)]
        only = torch.full_like(scores, -torch.inf)
        only[0, drawn] = 0.0
        return only


class _Ear(StoppingCriteria):
    """Hears each token, tells what may be shown of it, and says when it is enough.

    ids: tokens so far.
    """

    def __init__(self, tokenizer: ChatTokenizer, stop: Sequence[str], heard: Heard) -> None:
        self._tokenizer, self._hearing = tokenizer, Hearing(stop, heard)
        self._letters = DecodeStream(skip_special_tokens=False)
        self._decoded = ""
        self.ids: list[int] = []

    @property
    def ended(self) -> Ended:
        """What ended the answer."""
        return self._hearing.ended

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """input_ids [1, L] -> [1], whether it ends here."""
        token = int(input_ids[0, -1])
        self.ids.append(token)
        if token in self._tokenizer.end_of_turn:
            self._hearing.ended = "end"
        else:
            # None as long as a character is not whole
            piece = self._letters.step(self._tokenizer.hf.backend_tokenizer, token) or ""
            self._decoded += piece
            self._hearing.put(piece)
        return torch.tensor([self.ended != "length"], device=input_ids.device)

    def close(self) -> str:
        """The whole text, what was held back told at last."""
        own = self.ids[:-1] if self.ended == "end" else self.ids
        whole = self._tokenizer.decode(own)
        self._hearing.put(whole[len(self._decoded) :] if whole.startswith(self._decoded) else "")
        self._hearing.close()
        return self._hearing.text
