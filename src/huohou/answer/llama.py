"""A model in one GGUF file, run by llama.cpp (xllamacpp): no PyTorch, open in under a second."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from huohou.answer.choose import MOST_TOKENS, messages, spell
from huohou.errors import ModelError, first_line
from huohou.machine import cores
from huohou.models.served import Served
from huohou.models.tokenizer import Turn
from huohou.probe.answers import Heard, Sampling, Spoken
from huohou.probe.flow import Hearing

CONTEXT = 2048  # tokens: a question, a few names, an answer
FAVOUR = 100.0  # nats added to what may be said: all else then has probability 0
# The distribution itself, as the model has it: nothing cut off, nothing sharpened.
PLAIN = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "samplers": ["temperature"]}
TOO_LONG = "exceed_context_size_error"  # llama.cpp's name of a conversation without room


class Llama:
    """A chooser and writer. One question at a time; others wait."""

    def __init__(self, served: Served, name: str, system: str | None = None) -> None:
        self.name, self._served, self._system = name, served, system
        self._lock = Lock()

    def speak(
        self, chat: Sequence[Turn], sampling: Sampling, heard: Heard = lambda _: True
    ) -> Spoken:
        """Its answer to a conversation, as of ``huohou.probe.speak.speak``. Raises ModelError."""
        began, listener = time.perf_counter(), _Listener(sampling.stop, heard)
        asked = {
            "messages": _plain(chat),
            "max_tokens": min(sampling.max_tokens, CONTEXT),
            **PLAIN,
            "samplers": ["temperature", "top_p"],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed % (2**32 - 1),  # the last one means any
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        with self._lock:
            self._handle(asked, listener)
        if listener.error is not None:
            raise self._refusal(listener.error)
        listener.close()
        spent = time.perf_counter() - began
        return Spoken(listener.text, listener.prompt, listener.tokens, spent, listener.ended)

    def rendered(self, chat: Sequence[Turn]) -> tuple[str, int]:
        """The very prompt that it is given for a conversation, and its length in tokens."""
        try:
            prompt, ids = self._served.rendered(_plain(chat))
        except OSError as error:
            raise self._failure(error) from error
        return prompt, len(ids)

    def _refusal(self, error: Mapping[str, Any]) -> ModelError:
        if error.get("type") == TOO_LONG:
            told = {
                "tokens": error.get("n_prompt_tokens", "?"),
                "most": error.get("n_ctx", CONTEXT),
            }
            return ModelError("probe.prompt_too_long", name=self.name, **told)
        problem = str(error.get("message", error))
        return ModelError("answer.model_failed", name=self.name, problem=problem)

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        """Of each number, from one forward pass over what is new in the chat."""
        numbers = [str(i) for i in range(1, len(candidates) + 2)]
        return self._among(messages(question, candidates), numbers)

    def write(self, question: str, heard: Heard | None = None) -> tuple[str, float]:
        """Greedy words and their probability, the product over their tokens."""
        asked = {"max_tokens": MOST_TOKENS, "temperature": 0.0, "logprobs": True, "top_logprobs": 1}
        if heard is not None:
            listener = _Listener((), heard)
            with self._lock:
                self._handle(self._chat(question) | asked | {"stream": True}, listener)
            if listener.error is not None:
                raise self._refusal(listener.error)
            listener.close()
            return listener.text.strip(), math.exp(listener.surprise)
        choice = self._complete(self._chat(question) | asked)
        tokens = choice["logprobs"]["content"] or []
        surprise = math.fsum(token["logprob"] for token in tokens)
        return str(choice["message"]["content"] or "").strip(), math.exp(surprise)

    def spell(self, question: str, allowed: Callable[[str], Sequence[str]]) -> tuple[str, float]:
        """A step a character; where only one is allowed the model is not asked."""
        chat = self._chat(question)["messages"]

        def next_of(written: str, options: Sequence[str]) -> list[float]:
            return self._among([*chat, _assistant(written)] if written else chat, options)

        return spell(allowed, next_of)

    def _chat(self, question: str) -> dict[str, Any]:
        system = [{"role": "system", "content": self._system}] if self._system else []
        return {"messages": [*system, {"role": "user", "content": question}]}

    def _among(self, chat: list[dict[str, str]], options: Sequence[str]) -> list[float]:
        """Probabilities of the next token among these, one token each; "" is a new line."""
        asked = {
            **PLAIN,
            "messages": chat,
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": len(options),
            "post_sampling_probs": True,
            "logit_bias": [[option or "\n", FAVOUR] for option in options],
            "cache_prompt": True,
        }
        found = self._complete(asked)["logprobs"]["content"][0]["top_probs"]
        said = {one["token"].strip(): float(one["prob"]) for one in found}
        shares = [said.get(option, 0.0) for option in options]
        whole = math.fsum(shares)
        return [s / whole for s in shares] if whole > 0 else [1 / len(shares)] * len(shares)

    def _complete(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            reply = self._handle(request)
        if "choices" not in reply:
            raise self._refusal(reply.get("error", reply))
        choice: dict[str, Any] = reply["choices"][0]
        return choice

    def _handle(self, request: dict[str, Any], *listener: "_Listener") -> Any:
        try:
            return self._served.complete(request, *listener)
        except (RuntimeError, ValueError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> ModelError:
        return ModelError("answer.model_failed", name=self.name, problem=first_line(error))


def open_llama(path: Path, name: str, system: str | None = None) -> Llama:
    """A GGUF file as a model. Raises ModelError when it cannot be opened."""
    try:
        served = Served(path, context=CONTEXT, most=CONTEXT, threads=cores())
    except ImportError as error:  # installed, but a library of the system's is missing
        raise ModelError("answer.model_failed", name=name, problem=first_line(error)) from error
    except RuntimeError as error:
        raise ModelError("answer.bad_gguf", path=path, problem=first_line(error)) from error
    return Llama(served, name, system)


class _Listener(Hearing):
    """Takes the pieces of an answer from llama.cpp; says True when it is enough.

    prompt, tokens: read and written, so many as pieces where nobody listened to the end; surprise:
    sum of the tokens' log-probabilities, where asked for; error: what it says when it refuses.
    """

    def __init__(self, stop: Sequence[str], heard: Heard) -> None:
        super().__init__(stop, heard)
        self.prompt = self.tokens = 0
        self.surprise = 0.0
        self.error: Mapping[str, Any] | None = None

    def __call__(self, piece: Mapping[str, Any]) -> bool:
        if "error" in piece:
            self.error = piece["error"]
            return True
        for choice in piece.get("choices", ()):
            self._take(choice)
        usage = piece.get("usage")
        if usage:
            self.prompt, self.tokens = usage["prompt_tokens"], usage["completion_tokens"]
        return self.ended in ("stop", "left")

    def _take(self, choice: Mapping[str, Any]) -> None:
        words = choice["delta"].get("content")
        self.tokens += bool(words)
        told = (choice.get("logprobs") or {}).get("content") or ()
        self.surprise += math.fsum(token["logprob"] for token in told)
        self.put(words or "")
        if choice.get("finish_reason") == "stop" and self.ended == "length":
            self.ended = "end"


def _plain(chat: Sequence[Turn]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in chat]


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
