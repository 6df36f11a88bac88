"""The process in which llama.cpp runs: a folder with a request in, what was seen written there."""

import json
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np

from huohou.export.llama.library import Scorer
from huohou.export.llama.side import REQUEST, SCORES, SEEN

SPARE = 64  # tokens of context beyond what is asked


def main(folder: Path) -> None:
    """Render, answer and score as the request says."""
    asked = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    served = Served(asked)
    prompts = [served.rendered(chat) for chat in asked["chats"]]
    of, said = len(asked["answers"]) + len(prompts), []
    for i in asked["answers"]:
        said.append(served.answer(asked["chats"][i]))
        _tell(len(said), of)
    served.close()
    rows = [[*one["ids"], *forced] for one, forced in zip(prompts, asked["forced"], strict=True)]
    with Scorer(Path(asked["path"]), max(map(len, rows)), asked["threads"]) as scorer:
        scores = _scores(scorer, rows, prompts, len(said))
        stops = scorer.stops()
    np.save(folder / SCORES, scores)
    told = {"prompts": prompts, "said": said, "stops": stops}
    (folder / SEEN).write_text(json.dumps(told), encoding="utf-8")


def _scores(
    scorer: Scorer, rows: list[list[int]], prompts: list[dict[str, Any]], before: int
) -> Any:
    """Log-probabilities of all forced tokens. before: answers given already."""
    found = [np.empty((0, scorer.vocabulary), np.float32)]
    for done, (ids, prompt) in enumerate(zip(rows, prompts, strict=True)):
        if len(ids) > len(prompt["ids"]):
            found.append(_log_softmax(scorer.scores(ids, len(prompt["ids"]))))
        _tell(before + done + 1, before + len(rows))
    return np.concatenate(found)


def _tell(done: int, of: int) -> None:
    """How far it is, for who started this process."""
    sys.stdout.write(f"{done} {of}\n")
    sys.stdout.flush()


def _log_softmax(logits: Any) -> Any:
    """Rows of log-probabilities, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits


class Served:
    """llama.cpp's server, as whoever serves the file has it: its template, its tokens, its stops.

    It listens on a port of this machine and answers nobody without a key that is drawn here.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        from xllamacpp import CommonParams, Server

        self._most = asked["most"]
        params = CommonParams()
        params.model.path = asked["path"]
        # Four bytes a token at least: longer than any of the prompts.
        longest = max(sum(len(turn["content"]) + 32 for turn in chat) for chat in asked["chats"])
        params.n_ctx = longest + asked["most"] + SPARE
        params.n_parallel, params.verbosity, params.warmup = 1, -1, False
        params.cache_ram_mib, params.ui, params.endpoint_slots = 0, False, False
        params.n_threads_http = 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = asked["threads"]
        self._key = secrets.token_hex(16)
        params.api_keys = [self._key]
        self._server: Any = Server(params)

    def rendered(self, chat: list[dict[str, str]]) -> dict[str, Any]:
        """The prompt of a conversation and its ids."""
        text = str(self._ask("apply-template", {"messages": chat})["prompt"])
        words = {"content": text, "add_special": True, "parse_special": True}
        return {"text": text, "ids": self._ask("tokenize", words)["tokens"]}

    def answer(self, chat: list[dict[str, str]]) -> dict[str, Any]:
        """The greedy answer."""
        asked = {"messages": chat, "max_tokens": self._most, "temperature": 0.0}
        reply = self._server.handle_chat_completions(asked)
        if "choices" not in reply:
            raise RuntimeError(str(reply.get("error", reply)))
        choice = reply["choices"][0]
        text = str(choice["message"]["content"] or "")
        return {"text": text, "stopped": choice["finish_reason"] == "stop"}

    def close(self) -> None:
        """Let go of the model."""
        self._server = None

    def _ask(self, door: str, words: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        address = f"{self._server.listening_address}/{door}"
        with urlopen(Request(address, json.dumps(words).encode(), headers), timeout=60) as reply:
            found: dict[str, Any] = json.loads(reply.read())
        return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
