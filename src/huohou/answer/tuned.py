"""The model of a job: its base model with what it learnt, by PyTorch."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from huohou.answer.choose import MOST_TOKENS, messages, softmax, spell
from huohou.data.dataset import Message

if TYPE_CHECKING:
    from huohou.probe.answers import Heard
    from huohou.probe.load import RunModels


class Tuned:
    """A chooser and writer. One question at a time; others wait."""

    def __init__(self, models: "RunModels", name: str, system: str | None = None) -> None:
        self.name, self._models, self._system = name, models, system
        self._lock = Lock()

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        """Of each number, from one forward pass."""
        chat = [Message(one["role"], one["content"]) for one in messages(question, candidates)]
        numbers = [str(i) for i in range(1, len(candidates) + 2)]
        return self._among(chat, "", numbers)

    def write(self, question: str, heard: "Heard | None" = None) -> tuple[str, float]:
        """Greedy words and their probability, the product over their tokens."""
        from huohou.probe.answers import Sampling
        from huohou.probe.speak import speak

        with self._lock, self._models.using("tuned") as model:
            chat, listener = self._chat(question), heard or (lambda _: True)
            told = speak(model, self._models.tokenizer, chat, Sampling(MOST_TOKENS), listener)
            return told.text, self._chance(model, chat, told.text) if told.text else 0.0

    def spell(self, question: str, allowed: Callable[[str], Sequence[str]]) -> tuple[str, float]:
        """A step a character; where only one is allowed the model is not asked."""
        chat = self._chat(question)
        return spell(allowed, lambda written, options: self._among(chat, written, options))

    def _chat(self, question: str) -> list[Message]:
        system = [Message("system", self._system)] if self._system else []
        return [*system, Message("user", question)]

    def _among(self, chat: Sequence[Message], begun: str, options: Sequence[str]) -> list[float]:
        """Probabilities of what comes next in the answer among these, by its first token."""
        prompt = self._encode(chat, begun)
        ids = [self._next_id(chat, begun, option, prompt) for option in options]
        with self._lock, self._models.using("tuned") as model:
            scores = _log_probabilities(model, prompt)[-1]
            return softmax([float(scores[i]) for i in ids])

    def _encode(self, chat: Sequence[Message], begun: str) -> list[int]:
        """The prompt, and what is written of the answer, in the model's own template."""
        prompt = self._models.tokenizer.encode_chat(chat, add_generation_prompt=True)
        return prompt + self._tokens(begun)

    def _tokens(self, text: str) -> list[int]:
        found: list[int] = self._models.tokenizer.hf.encode(text, add_special_tokens=False)
        return found if text else []

    def _next_id(
        self, chat: Sequence[Message], begun: str, option: str, prompt: Sequence[int]
    ) -> int:
        """The token that an option begins with, where it stands; what ends the turn for ""."""
        if not option:
            return min(self._models.tokenizer.end_of_turn)
        longer = self._encode(chat, begun + option)
        same = next(
            (i for i, (a, b) in enumerate(zip(prompt, longer, strict=False)) if a != b), len(prompt)
        )
        return longer[min(same, len(longer) - 1)]

    def _chance(self, model: Any, chat: Sequence[Message], text: str) -> float:
        prompt, own = self._encode(chat, ""), self._tokens(text)
        scores = _log_probabilities(model, [*prompt, *own])
        first = len(prompt) - 1
        return math.exp(math.fsum(float(scores[first + i][token]) for i, token in enumerate(own)))


def open_tuned(folder: Path, name: str, system: str | None = None) -> Tuned:
    """The model of a job's folder. Raises UsageError, ModelError."""
    from huohou.probe.load import load_run

    return Tuned(load_run(folder), name, system)


def _log_probabilities(model: Any, ids: Sequence[int]) -> Any:
    """[L, V]: of what follows each token."""
    import torch

    with torch.inference_mode():
        found = model(input_ids=torch.tensor([list(ids)], device=model.device))
        return torch.log_softmax(found.logits[0].float(), dim=-1)
