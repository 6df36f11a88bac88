"""A GGUF file served by llama.cpp (xllamacpp) in this process: its template, its tokens, its stops.

The server listens on a port of this machine, whether wanted or not; it answers nobody who does not
know a key that is drawn here and forgotten.
"""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from huohou.machine import THREADS

SECONDS = 60  # for what it is asked on its port


class Served:
    """One file. context: tokens of a conversation; most: of an answer.

    Raises ImportError where a library of the system's is missing, RuntimeError for what llama.cpp
    cannot open.
    """

    def __init__(self, path: Path, *, context: int, most: int, threads: int) -> None:
        # read by llama.cpp's threads when the library is loaded: a short spin for a busy machine
        for variable, worth in THREADS.items():
            os.environ.setdefault(variable, worth)
        from xllamacpp import CommonParams, Server

        self._key = secrets.token_hex(16)
        params = CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.n_predict = context, 1, most
        params.verbosity, params.warmup, params.cache_ram_mib = -1, False, 0
        params.api_keys, params.ui, params.endpoint_slots = [self._key], False, False
        params.n_threads_http = 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        self._server: Any = Server(params)
        # Closed before its loop has begun, it would wait for ever: one token shows that it has.
        self._server.handle_completions({"prompt": "a", "max_tokens": 1})

    def rendered(self, chat: Sequence[Mapping[str, str]]) -> tuple[str, list[int]]:
        """The very prompt that it is given for a conversation, and its tokens. Raises OSError."""
        prompt = str(self._ask("apply-template", {"messages": chat})["prompt"])
        words = {"content": prompt, "add_special": True, "parse_special": True}
        return prompt, list(self._ask("tokenize", words)["tokens"])

    def complete(self, request: Mapping[str, Any], *listener: Any) -> Any:
        """Its reply to a request as OpenAI has it, or piece by piece to a listener, which says True
        when it is enough. Raises RuntimeError and ValueError."""
        return self._server.handle_chat_completions(request, *listener)

    def close(self) -> None:
        """Let go of the model."""
        self._server = None

    def _ask(self, door: str, words: Mapping[str, Any]) -> dict[str, Any]:
        """What it has no function for is asked on its port, which only this process can use."""
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        address = f"{self._server.listening_address}/{door}"
        request = Request(address, json.dumps(words).encode(), headers)
        # A proxy of the environment's would learn the key, and has this port on another machine.
        with build_opener(ProxyHandler({})).open(request, timeout=SECONDS) as reply:
            found: dict[str, Any] = json.loads(reply.read())
        return found
