"""What is served is not what was trained: another prompt, or other weights."""

from collections.abc import Iterator, Mapping
from typing import Any

from huohou.diagnose.case import Case
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.served import is_base, seen_of, served, side
from huohou.record.finding import Evidence
from huohou.text import say

PLACE = {
    "question": "train 3",
    "token": 4,
    "trained_ids": [9, 1, 5],
    "served_ids": [9, 7],
    "trained_text": "<|im_start|>system\nBe brief.",
    "served_text": "<|im_start|>user\nHello",
}
CONTEXT = 24  # characters shown before the first that differ


@rule(
    "train-serve-mismatch",
    severity="error",
    tier="probe",
    cause=Cause.SERVING,
    needs=(Need("probe"),),
    explains=("never-stops",),
    fires=(
        served((side(prompts={"asked": 53, "different": 50, "first": PLACE}),)),
        served((side(lacking=["model.layers.0.mlp.down_proj.weight"], scores={}),)),
        served((side(scores={"nats": 0.4, "clear_same": 200}),)),
        served((side(scores={"nats": 1e-3, "clear_same": 390}),)),
        served((side(scores={"finite": False, "nats": float("nan")}),)),
    ),
    quiet=(
        served((side(),)),
        served((side(form="q8_0", scores={"nats": 6e-3, "most_nats": 1e-2, "clear_same": 399}),)),
        served((side(scores={"from_base": 0.0, "nats": 0.8}),)),
        served(()),
    ),
)
def train_serve_mismatch(case: Case) -> Outcome:
    """Every question is rendered in training's way and in each way of serving: one prompt with
    other token ids is a mismatch, and the first place is shown. The answers of the training are
    then scored on both sides, token by token. The mean divergence may be what the number format
    costs (float32 0.00001 nats, float16 and f16 0.002, q8_0 and bfloat16 0.01, q4_k_m 0.2); and of
    the tokens that are clear, their two best 0.02 of probability apart, as many must stay the
    same (99.5 %, 99 %, 97 %, 80 %). Near-ties may flip. Weights that are missing, or that the
    number format cannot hold, are a mismatch by themselves. A side that is the base model is
    ``same-as-base``.
    """
    seen = seen_of(case)
    if seen is None:
        return Need("probe")
    facts = [fact for one in seen["sides"] for fact in _facts(one)]
    if not facts:
        return None
    advice = [train_serve_mismatch.advice(key) for key in _advice(seen["sides"])]
    return train_serve_mismatch.finding(facts, advice)


def _facts(one: Mapping[str, Any]) -> Iterator[Evidence]:
    evidence, name = train_serve_mismatch.evidence, one["side"]
    if one["lacking"]:
        lost = one["lacking"]
        yield evidence("lacking", side=name, tensor=lost[0], n=len(lost), form=one["form"])
    prompts = one["prompts"]
    if prompts["different"]:
        told = {"side": name, "n": prompts["different"], "of": prompts["asked"]}
        first = prompts["first"]
        yield evidence("prompts", **told, question=first["question"], token=first["token"])
        yield evidence("beside", shown=beside(first))
    scores = one.get("scores")
    if scores and not is_base(one) and _differs(scores):
        if not scores["finite"]:
            yield evidence("not_finite", side=name)
            return
        told = {key: float(scores[key]) for key in ("nats", "most_nats")}
        share = {"same": scores["clear_same"], "clear": scores["clear"]}
        yield evidence("scores", side=name, form=one["form"], **told, **share)
        flip = scores["first_flip"]
        if flip:
            yield evidence("flip", question=flip["question"], token=flip["token"], gap=flip["gap"])


def _differs(scores: Mapping[str, Any]) -> bool:
    """Whether the answers' tokens are held otherwise than rounding explains."""
    kept = scores["clear_same"] >= scores["least_same"] * scores["clear"] - 1
    return not (scores["finite"] and scores["nats"] <= scores["most_nats"] and kept)


def _advice(sides: Any) -> list[str]:
    keys = []
    if any(one["prompts"]["different"] for one in sides):
        keys.append("template")
    if any(one["lacking"] for one in sides):
        keys.append("format")
    return keys or ["weights"]


def beside(first: Mapping[str, Any]) -> str:
    """Two prompts from shortly before where they part, the differing characters marked.

    >>> print(beside({"trained_text": "user: hi", "served_text": "user: ho"}))
    training  "user: hi"
    served    "user: ho"
                      ^
    """
    ours, theirs = first.get("trained_text", ""), first.get("served_text", "")
    if ours == theirs:  # the same letters, cut into tokens otherwise
        ours, theirs = (" ".join(map(str, first[key])) for key in ("trained_ids", "served_ids"))
    pairs = enumerate(zip(ours, theirs, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
    start = max(0, at - CONTEXT)
    shown = [_plain(text[start : at + CONTEXT]) for text in (ours, theirs)]
    before = len(_plain(ours[start:at]))
    marks = " " * before + _marks(shown[0][before:], shown[1][before:])
    names = [say("served.training"), say("served.served")]
    width = max(map(len, names)) + 2
    lines = [f'{name:<{width}}"{text}"' for name, text in zip(names, shown, strict=True)]
    return "\n".join([*lines, f"{'':<{width}} {marks}".rstrip()])


def _marks(ours: str, theirs: str) -> str:
    longest = max(len(ours), len(theirs))
    pairs = zip(ours.ljust(longest, "\0"), theirs.ljust(longest, "\0"), strict=True)
    return "".join("^" if a != b else " " for a, b in pairs).rstrip()


def _plain(text: str) -> str:
    """What cannot be seen, as it is written in a program."""
    return text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
