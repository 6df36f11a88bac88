"""A model in one GGUF file, run by llama.cpp (xllamacpp): no PyTorch, open in under a second."""

import math
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from huohou.answer.choose import MOST_TOKENS, messages, spell
from huohou.errors import ModelError
from huohou.machine import THREADS, cores
from huohou.models.library import first_line

CONTEXT = 2048  # tokens: a question, a few names, an answer
FAVOUR = 100.0  # nats added to what may be said: all else then has probability 0
# The distribution itself, as the model has it: nothing cut off, nothing sharpened.
PLAIN = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "samplers": ["temperature"]}


class Llama:
    """A chooser and writer. One question at a time; others wait."""

    def __init__(self, server: Any, name: str, system: str | None = None) -> None:
        self.name, self._server, self._system = name, server, system
        self._lock = Lock()

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        """Of each number, from one forward pass over what is new in the chat."""
        numbers = [str(i) for i in range(1, len(candidates) + 2)]
        return self._among(messages(question, candidates), numbers)

    def write(self, question: str) -> tuple[str, float]:
        """Greedy words and their probability, the product over their tokens."""
        asked = {"max_tokens": MOST_TOKENS, "temperature": 0.0, "logprobs": True, "top_logprobs": 1}
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
        try:
            with self._lock:
                reply = self._server.handle_chat_completions(request)
        except (RuntimeError, ValueError) as error:
            problem = first_line(error)
            raise ModelError("answer.model_failed", name=self.name, problem=problem) from error
        choice: dict[str, Any] = reply["choices"][0]
        return choice


def open_llama(path: Path, name: str, system: str | None = None) -> Llama:
    """A GGUF file as a model. Raises ModelError when it cannot be opened.

    llama.cpp's server listens on a port of this machine, whether wanted or not; it answers nobody
    who does not know a key that is drawn here and forgotten.
    """
    # read by llama.cpp's threads when the library is loaded: a short spin for a busy machine
    for variable, worth in THREADS.items():
        os.environ.setdefault(variable, worth)
    try:
        from xllamacpp import CommonParams, Server
    except ImportError as error:  # installed, but a library of the system's is missing
        raise ModelError("answer.model_failed", name=name, problem=first_line(error)) from error
    params = CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.n_predict = CONTEXT, 1, MOST_TOKENS
    params.verbosity, params.warmup, params.cache_ram_mib = -1, False, 0
    params.api_keys, params.ui, params.endpoint_slots = [secrets.token_hex(16)], False, False
    params.n_threads_http = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cores()
    try:
        server = Server(params)
    except RuntimeError as error:
        raise ModelError("answer.bad_gguf", path=path, problem=first_line(error)) from error
    return Llama(server, name, system)


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
