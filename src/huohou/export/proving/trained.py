"""The model as training left it: what it answers and how likely it holds each token of the answers.

It is asked once for a set of questions and kept beside the releases of its run, so that every
target is held against the same figures.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.export.proving.folder import causal_width
from huohou.export.proving.questions import Asked, fingerprint
from huohou.export.proving.scoring import score
from huohou.export.proving.sides import Floats, Said, Wanted
from huohou.models import ChatTokenizer, base_weights
from huohou.probe.answers import Progress
from huohou.probe.generate import answer
from huohou.probe.load import RunModels

ROOM = 256 << 20  # bytes of log-probabilities that are kept
FREE = {"train": 8, "held-out": 5, "odd": 3}  # questions of each kind that are answered freely
LONGEST = 256  # tokens of a free answer
SCORES, REST = "scores.f32", "rest.npz"


@dataclass(frozen=True, slots=True)
class Pair:
    """A base model and an adapter on it, loaded once. base: as the user named it."""

    base: str
    adapter: Path
    model: Any
    tokenizer: ChatTokenizer
    device: str = "cpu"
    dtype: str = "float32"


def pair_of(models: RunModels) -> Pair:
    """Those of a run."""
    return Pair(
        models.plan.model,
        models.adapter,
        models.model,
        models.tokenizer,
        models.device,
        models.dtype,
    )


@dataclass(frozen=True, slots=True)
class Trained:
    """wanted: what every side is asked; scores [N, V]: log-probabilities at the N forced tokens;
    said, base_said: free answers, tuned and untuned; tokens, base [N]: the forced tokens and the
    untuned model's log-probabilities of them; nats: mean divergence of tuned from untuned;
    prompts: what each question's ids say."""

    wanted: Wanted
    scores: Floats
    said: tuple[Said, ...]
    base_said: tuple[Said, ...]
    tokens: NDArray[np.int64]
    base: Floats
    nats: float
    prompts: tuple[str, ...]


def trained(
    pair: Pair, asked: Sequence[Asked], kept: Path, told: Progress = lambda _done, _of: None
) -> Trained:
    """The figures of a run's trained model, read from the folder kept where they are there.

    told: rows done and rows wanted, of tuned and untuned model together.
    """
    wanted = _wanted(pair, asked)
    key = _key(pair, wanted)
    place = kept / key
    if not (place / REST).is_file():
        _keep(place, *_measure(pair, wanted, told))
    rest = np.load(place / REST)
    said = json.loads(str(rest["said"]))
    return Trained(
        wanted,
        np.memmap(place / SCORES, np.float32, "r", shape=_shape(pair, wanted)),
        tuple(Said(**one) for one in said["tuned"]),
        tuple(Said(**one) for one in said["base"]),
        _tokens(wanted),
        rest["base"],
        float(rest["nats"]),
        tuple(pair.tokenizer.decode(one.prompt) for one in asked),
    )


def _wanted(pair: Pair, asked: Sequence[Asked]) -> Wanted:
    places = ROOM // (4 * causal_width(pair.model))
    answered = sum(bool(one.answer) for one in asked)
    each = max(1, places // max(1, answered))
    forced = [one.answer[:each] for one in asked]
    free = [
        i
        for kind, n in FREE.items()
        for i in [k for k, a in enumerate(asked) if a.kind == kind][:n]
    ]
    longest = max((len(asked[i].answer) for i in free), default=0)
    return Wanted(asked, free, min(LONGEST, 2 * longest + 16), forced)


def _key(pair: Pair, wanted: Wanted) -> str:
    adapter = (pair.adapter / "adapter_model.safetensors").read_bytes()
    config = (pair.adapter / "adapter_config.json").read_bytes()
    whole = hashlib.sha256(adapter + config)
    parts = (fingerprint(wanted.asked), base_weights(pair.base), pair.dtype)
    whole.update(json.dumps([*parts, pair.device, wanted.most]).encode())
    return whole.hexdigest()[:16]


def _tokens(wanted: Wanted) -> NDArray[np.int64]:
    return np.array([token for ids in wanted.forced for token in ids], np.int64)


def _shape(pair: Pair, wanted: Wanted) -> tuple[int, int]:
    return sum(map(len, wanted.forced)), causal_width(pair.model)


def _measure(pair: Pair, wanted: Wanted, told: Progress) -> tuple[Floats, dict[str, Any]]:
    """Ask tuned and untuned model: the tuned one's log-probabilities, and what else is kept."""
    tokens, of = _tokens(wanted), len(wanted.asked)
    scores, untuned = (np.empty(_shape(pair, wanted), np.float32) for _ in range(2))
    prompts = [one.prompt for one in wanted.asked]
    with pair.model.disable_adapter():
        score(pair.model, prompts, wanted.forced, untuned, lambda n: told(n, 2 * of))
        base_said = _free(pair, wanted)
    score(pair.model, prompts, wanted.forced, scores, lambda n: told(of + n, 2 * of))
    said = {"tuned": _free(pair, wanted), "base": base_said}
    nats = divergences(scores, untuned)
    heard = {which: [asdict(one) for one in answers] for which, answers in said.items()}
    rest = {
        "base": untuned[np.arange(len(tokens)), tokens],
        "nats": np.array(nats.mean() if len(nats) else 0.0),
        "said": np.array(json.dumps(heard)),
    }
    return scores, rest


def _keep(place: Path, scores: Floats, rest: dict[str, Any]) -> None:
    """Into a folder of this process's own, and that to its place: half of it is never there."""
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    try:
        with (part / SCORES).open("wb") as out:
            out.write(scores.data)
        with (part / REST).open("wb") as out:
            np.savez(out, **rest)
        if not place.exists():
            part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _free(pair: Pair, wanted: Wanted) -> list[Said]:
    chats = [wanted.asked[i].messages for i in wanted.answers]
    found = answer(pair.model, pair.tokenizer, chats, max_new_tokens=wanted.most)
    return [Said(one.text, one.stopped) for one in found]


def divergences(trained: Floats, served: Floats, rows: int = 64) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of each row, in nats: of the served distribution from the
    trained one. trained, served: log-probabilities [N, V], of a wider one its first V.

    >>> even = np.log(np.full((1, 2), 0.5, np.float32))
    >>> divergences(even, np.log(np.array([[0.9, 0.1]], np.float32))).round(4).tolist()
    [0.5108]
    """
    found = np.empty(len(trained))
    v = min(trained.shape[1], served.shape[1])
    for start in range(0, len(trained), rows):
        ours = np.asarray(trained[start : start + rows, :v], np.float64)
        theirs = np.asarray(served[start : start + rows, :v], np.float64)
        share = np.exp(ours)
        with np.errstate(invalid="ignore"):
            parts = np.where(share > 0, share * (ours - theirs), 0.0)
        found[start : start + rows] = parts.sum(axis=1)
    return found
