"""A side held against the trained model, in numbers and in the place of the first difference."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from huohou.export.proving.sides import Floats, Rendered, Seen, Side
from huohou.export.proving.trained import Trained, divergences

CLEAR = 0.02  # of probability, between the two best: below that which is taken is chance
SHOWN = 5  # near-ties that are named


class Limits(NamedTuple):
    """What rounding may cost: mean nats a token, and the least share of clear tokens kept."""

    nats: float
    same: float


LIMITS = {
    "float32": Limits(1e-5, 0.995),
    "float16": Limits(2e-3, 0.99),
    "bfloat16": Limits(1e-2, 0.97),
    "f16": Limits(2e-3, 0.99),
    "q8_0": Limits(1e-2, 0.97),
    "q4_k_m": Limits(0.2, 0.8),
}


def compare(trained: Trained, side: Side, seen: Seen) -> dict[str, Any]:
    """All that was seen of a side, against training, as JSON."""
    limits = LIMITS.get(side.form, LIMITS["q4_k_m"])
    told: dict[str, Any] = {
        "side": side.name,
        "form": side.form,
        "prompts": prompts(trained, seen.prompts),
        "lacking": list(seen.lacking),
        "stop": _stop(trained, seen),
    }
    if seen.said:
        told["answers"] = _answers(trained, seen)
        told["stops"] = _stops(trained, seen)
    if seen.scores is not None and len(seen.scores):
        told["scores"] = _scores(trained, seen.scores) | {
            "most_nats": limits.nats,
            "least_same": limits.same,
        }
    return told


def prompts(trained: Trained, served: Sequence[Rendered]) -> dict[str, Any]:
    """How many prompts have other ids than in training, and the first such place."""
    asked = trained.wanted.asked
    pairs = list(zip(asked, served, strict=True))
    other = [(one, got) for one, got in pairs if one.prompt != got.ids]
    told: dict[str, Any] = {"asked": len(pairs), "different": len(other), "first": None}
    if other:
        one, got = other[0]
        place = first_difference(one.prompt, got.ids)
        told["first"] = {
            "question": one.name,
            "token": place,
            "trained_ids": list(one.prompt[max(0, place - 2) : place + 6]),
            "served_ids": list(got.ids[max(0, place - 2) : place + 6]),
            "trained_text": trained.prompts[asked.index(one)],
            "served_text": got.text,
        }
    return told


def first_difference(one: Sequence[Any], other: Sequence[Any]) -> int:
    """The first place at which two sequences differ, the shorter one's end where it is the other's
    beginning.

    >>> first_difference("abc", "abd"), first_difference([1, 2], [1, 2, 3])
    (2, 2)
    """
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _scores(trained: Trained, served: Floats) -> dict[str, Any]:
    v = min(trained.scores.shape[1], served.shape[1])
    nats = divergences(trained.scores, served)
    ours = np.asarray(trained.scores[:, :v])
    best = np.partition(ours, -2, axis=1)[:, -2:]
    gap = np.exp(best[:, 1]) - np.exp(best[:, 0])
    top, got = ours.argmax(axis=1), np.asarray(served[:, :v]).argmax(axis=1)
    clear = gap >= CLEAR
    rows = np.arange(len(top))
    mine, theirs = ours[rows, trained.tokens], served[rows, trained.tokens]
    finite = bool(np.isfinite(served).all())
    flipped = np.flatnonzero(top != got)
    return {
        "finite": finite,
        "tokens": len(top),
        "nats": float(nats.mean()),
        "largest": float(np.abs(ours - served[:, :v]).max()),
        "same": int((top == got).sum()),
        "clear": int(clear.sum()),
        "clear_same": int((clear & (top == got)).sum()),
        "near_ties": [
            _flip(trained, int(k), int(top[k]), int(got[k]), float(gap[k]))
            for k in flipped
            if not clear[k]
        ][:SHOWN],
        "first_flip": next(
            (
                _flip(trained, int(k), int(top[k]), int(got[k]), float(gap[k]))
                for k in flipped
                if clear[k]
            ),
            None,
        ),
        "trained_loss": float(-mine.mean()),
        "served_loss": float(-theirs.mean()),
        "base_loss": float(-trained.base.mean()),
        "from_base": float(np.abs(theirs - trained.base).mean()),
        "trained_from_base": float(np.abs(mine - trained.base).mean()),
        "kinds": _kinds(trained, mine, theirs),
    }


def _kinds(trained: Trained, mine: Floats, theirs: Floats) -> dict[str, dict[str, float]]:
    """Loss on the answers of each kind of question, through training's path and the served one."""
    kinds = [
        one.kind
        for one, ids in zip(trained.wanted.asked, trained.wanted.forced, strict=True)
        for _ in ids
    ]
    chosen = {kind: np.array([k == kind for k in kinds]) for kind in dict.fromkeys(kinds)}
    return {
        kind: {"trained": float(-mine[which].mean()), "served": float(-theirs[which].mean())}
        for kind, which in chosen.items()
    }


def _flip(trained: Trained, row: int, top: int, got: int, gap: float) -> dict[str, Any]:
    """A token that another one was taken for. row: among all forced tokens."""
    for one, ids in zip(trained.wanted.asked, trained.wanted.forced, strict=True):
        if row < len(ids):
            return {"question": one.name, "token": row, "trained": top, "served": got, "gap": gap}
        row -= len(ids)
    raise IndexError(row)


def _answers(trained: Trained, seen: Seen) -> dict[str, Any]:
    pairs = list(zip(trained.wanted.answers, trained.said, seen.said, strict=True))
    other = [(i, a, b) for i, a, b in pairs if a.text != b.text]
    told: dict[str, Any] = {"asked": len(pairs), "same": len(pairs) - len(other), "first": None}
    if other:
        i, ours, theirs = other[0]
        told["first"] = {
            "question": trained.wanted.asked[i].name,
            "place": first_difference(ours.text, theirs.text),
            "trained": ours.text,
            "served": theirs.text,
        }
    return told


def _stops(trained: Trained, seen: Seen) -> dict[str, int]:
    return {
        "asked": len(seen.said),
        "stopped": sum(one.stopped for one in seen.said),
        "trained": sum(one.stopped for one in trained.said),
    }


def _stop(trained: Trained, seen: Seen) -> dict[str, Any]:
    """The token that ends the answers of training, and whether the side stops at it."""
    ends = {one.answer[-1] for one in trained.wanted.asked if one.answer}
    known = seen.stops is not None
    missing = sorted(ends - (seen.stops or frozenset())) if known else []
    return {"known": known, "ends": sorted(ends), "missing": missing}
