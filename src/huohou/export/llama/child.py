"""The process in which llama.cpp runs: a folder with a request in, what was seen written there."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from huohou.export.llama.library import Scorer
from huohou.export.llama.side import REQUEST, SCORES, SEEN
from huohou.models.served import Served

SPARE = 64  # tokens of context beyond what is asked


def main(folder: Path) -> None:
    """Render, answer and score as the request says."""
    asked = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    served = _served(asked)
    rendered = [served.rendered(chat) for chat in asked["chats"]]
    prompts = [{"text": text, "ids": ids} for text, ids in rendered]
    of, said = len(asked["answers"]) + len(prompts), []
    for i in asked["answers"]:
        said.append(_answer(served, asked["chats"][i], asked["most"]))
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


def _served(asked: dict[str, Any]) -> Served:
    """As whoever serves the file has it."""
    # Four bytes a token at least: longer than any of the prompts.
    longest = max(sum(len(turn["content"]) + 32 for turn in chat) for chat in asked["chats"])
    context = longest + asked["most"] + SPARE
    path = Path(asked["path"])
    return Served(path, context=context, most=asked["most"], threads=asked["threads"])


def _answer(served: Served, chat: list[dict[str, str]], most: int) -> dict[str, Any]:
    """The greedy answer."""
    reply = served.complete({"messages": chat, "max_tokens": most, "temperature": 0.0})
    if "choices" not in reply:
        raise RuntimeError(str(reply.get("error", reply)))
    choice = reply["choices"][0]
    text = str(choice["message"]["content"] or "")
    return {"text": text, "stopped": choice["finish_reason"] == "stop"}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
