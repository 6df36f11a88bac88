"""A role to play, end to end: what ``huohou demo role`` does between its pictures.

The example's 120 dialogues are trained, the model is released with its proof, and the role is
scored on 24 dialogues that were held out. The last words are made from what was measured.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou import assets
from huohou.text import say

if TYPE_CHECKING:
    from huohou.evaluate.card import Metric, Scorecard

RUN_FILE = "role_play/run.yaml"
TARGETS = ("gguf", "ollama")
FORM = "q8_0"
SHOWN = 4  # answers side by side


@dataclass(frozen=True, slots=True)
class Both:
    """One question with the answers of both models and what the character said."""

    question: str
    base: str
    tuned: str
    reference: str


def run_file() -> Path:
    """The example's run file."""
    return assets.example(RUN_FILE)


def side_by_side(card: "Scorecard", count: int = SHOWN) -> list[Both]:
    """Answers of both models, spread over the questions that were asked."""
    lines = (Path(card.run["folder"]) / card.answers).read_text(encoding="utf-8").splitlines()
    step = max(len(lines) // count, 1)
    told = [json.loads(line) for line in lines[::step][:count]]
    return [
        Both(one["question"], one["base"]["answer"], one["tuned"]["answer"], one["reference"])
        for one in told
    ]


def last_words(
    card: "Scorecard", releases: Sequence[Any], run: dict[str, Any], seconds: float
) -> Iterator[str]:
    """What was learnt and what was not, what was proved, where to go on."""
    yield _learnt(card)
    yield _wording(card)
    refused = [release for release in releases if not release.proved]
    if refused:
        codes = ", ".join(finding.code for release in refused for finding in release.findings)
        yield say("demo.role.refused", codes=codes)
    else:
        yield say("demo.role.proved", folders=", ".join(str(one.folder) for one in releases))
    yield say("demo.role.look", id=run["id"], minutes=f"{seconds / 60:.0f}")


def _learnt(card: "Scorecard") -> str:
    found = card.metric("role.habits")
    if found is None:
        return say("demo.role.nothing")
    low = None if found.difference is None else found.difference[1]
    key = "demo.role.learnt" if low is not None and low > 0 else "demo.role.not_shown"
    return say(key, n=found.n, **_numbers(found))


def _wording(card: "Scorecard") -> str:
    told = {name: card.metric(metric) for name, metric in
            (("perplexity", "answers.perplexity"), ("chrf", "text.chrf"))}  # fmt: skip
    shown = {}
    for name, metric in told.items():
        shown[name] = "-" if metric is None else f"{metric.value:.3g}"
        shown[f"base_{name}"] = (
            "-" if metric is None or metric.baseline is None else f"{metric.baseline:.3g}"
        )
    return say("demo.role.wording", **shown)


def _numbers(metric: "Metric") -> dict[str, str]:
    numbers = {"value": metric.value, "low": metric.low, "high": metric.high,
               "base": metric.baseline}  # fmt: skip
    return {name: "-" if value is None else f"{value:.0%}" for name, value in numbers.items()}
