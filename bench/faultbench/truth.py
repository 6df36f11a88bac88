"""What a run was in truth: kept beside its log, never in it."""

import math
from typing import Any

from bench.faultbench.draft import Draft
from bench.faultbench.loop import Outcome

LEAST_GAIN = {"lm": 0.45, "embedding": 0.3}  # part of the first figure that must be gone
WORSE = 0.03  # a sound end is this near to its own best: of the loss a part, of the figure itself
UNFINISHED = 0.08  # part of the gain that the last sixth of a sound run may still bring
NAMES = {"lm": "loss on 130 unseen facts", "embedding": "1 - MRR among 32 unseen documents"}


def truth_of(draft: Draft, out: Outcome) -> dict[str, Any]:
    """The figures of a run by step, their start, best and end."""
    curve = {step: found for step, found in out.truth}
    steps = sorted(curve)
    figures = [curve[step]["figure"] for step in steps]
    losses = [curve[step]["loss"] for step in steps]
    sane = [x for x in figures if math.isfinite(x)] or [math.nan]
    found: dict[str, Any] = {
        "figure": NAMES[draft.family],
        "start": figures[0],
        "best": min(sane),
        "end": figures[-1],
        "accuracy": curve[steps[-1]]["accuracy"],
        "curve": [[step, value] for step, value in zip(steps, figures, strict=True)],
        "train_loss": out.train_loss,
    }
    if draft.family == "embedding":
        found["loss_curve"] = [[step, v] for step, v in zip(steps, losses, strict=True)]
        found["cosine"] = curve[steps[-1]]["cosine"]
    if out.joints:
        found["joints"] = [list(pair) for pair in out.joints]
    return found | {k: v for k, v in draft.truth.items() if k != "clock"}


def losses_of(truth: dict[str, Any]) -> list[float]:
    """The loss on unseen rows along the run."""
    return [value for _, value in truth.get("loss_curve", truth["curve"])]


def unsound(family: str, truth: dict[str, Any], log: list[dict[str, Any]]) -> str:
    """Why a run drawn as healthy is not one, by its truth alone; empty where it is."""
    values = [v for _, v in truth["curve"]] + losses_of(truth)
    if log[-1]["kind"] != "end":
        return "did not end"
    if not all(math.isfinite(v) for v in values):
        return "not finite"
    start, best, end = truth["start"], truth["best"], truth["end"]
    if start <= 0 or (start - end) / start < LEAST_GAIN[family]:
        return "too little learnt"
    if end > best + (WORSE if family == "embedding" else WORSE * best):
        return "end worse than its best"
    losses = losses_of(truth)
    if losses[-1] > min(losses) * (1 + WORSE) + 0.002:
        return "loss at the end worse than its best"
    if truth["curve"][-3:][0][1] - end > UNFINISHED * (start - end) * 2:
        return "not finished"
    return ""


def lost(truth: dict[str, Any], twin: dict[str, Any]) -> float:
    """Part of what the healthy twin gained that a run did not; 1 where it ended as no number."""
    gain = twin["start"] - twin["end"]
    end = truth["end"]
    if not math.isfinite(end):
        return 1.0
    return max(-1.0, min(9.0, (end - twin["end"]) / gain))
