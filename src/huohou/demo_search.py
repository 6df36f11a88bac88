"""A search end to end: what ``huohou demo search`` does between its pictures.

Docstrings of the standard library: the first sentence asks, name and rest answer; what is asked at
the end is of modules that training never saw. The last words are made from what was measured.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou import api
from huohou.text import say

if TYPE_CHECKING:
    from huohou.diagnose.engine import Diagnosis
    from huohou.evaluate.card import Metric, Scorecard

MODEL = "minilm-l6"
SPLIT: dict[str, Any] = {"eval_share": 0.1, "test_share": 0.2, "seed": 42}
LENGTH = 128  # tokens read of a text: nine passages in ten are no longer
STAGE_1: dict[str, Any] = {
    "name": "search-demo",
    "recipe": "embed",
    "model": MODEL,
    "train.max_length": LENGTH,
    "train.num_epochs": 2,
    "train.learning_rate": 5e-5,
    "train.evals_per_epoch": 0.5,
}
STAGE_2: dict[str, Any] = {
    "name": "search-demo-2",
    "recipe": "align",
    "train.max_length": LENGTH,
    "train.num_epochs": 1,
    "train.learning_rate": 2e-5,
    "align.negatives": 4,
}
SEARCHES = ("stage1", "stage2")


def make_data(workspace: Path) -> Path:
    """Pairs of this Python's docstrings, made once a workspace, Python and setting."""
    import sys

    told = json.dumps([SPLIT, sys.version], sort_keys=True)
    mark = hashlib.sha256(told.encode()).hexdigest()[:8]
    folder = workspace / f"demo-search-{mark}"
    if not (folder / "qrels" / "test.tsv").exists():
        api.data_make_pairs(folder, force=True, **SPLIT)
    return folder


def stage_one(data: Path, given: Sequence[str] = ()) -> list[str]:
    """Settings of stage 1; those given are stronger."""
    return [*_flags(STAGE_1 | _places(data)), *given]


def stage_two(data: Path, first: str, given: Sequence[str] = ()) -> list[str]:
    """Settings of stage 2, which begins with the model of a run; those given are stronger."""
    model = {"model": api.find_run(first).folder.resolve() / "model"}
    return [*_flags(STAGE_2 | model | _places(data)), *given]


def _places(data: Path) -> dict[str, Path]:
    return {f"data.{part}": data.resolve() for part in ("train", "eval", "test")}


def _flags(settings: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in settings.items()]


def last_words(
    card: "Scorecard", diagnoses: Sequence["Diagnosis"], run: str, files: Sequence[Path]
) -> list[str]:
    """What was gained, whether the runs are sound, where to read on."""
    best = max((m for name in SEARCHES if (m := _main(card, name))), key=lambda m: m.value)
    base = best.baseline if best.baseline is not None else float("nan")
    value, low, high = best.difference or (float("nan"), None, None)
    told = {
        "best": say(f"eval.system.{best.name.partition('.')[0]}"),
        "value": f"{best.value:.3f}",
        "base": f"{base:.3f}",
        "difference": f"{value:+.3f}",
        "low": "-" if low is None else f"{low:+.3f}",
        "high": "-" if high is None else f"{high:+.3f}",
        "n": best.n,
        "groups": best.groups,
    }
    shown = low is not None and low > 0
    words = [say("demo.search.gained" if shown else "demo.search.not_shown", **told)]
    codes = {f.code for one in diagnoses for f in one.findings if f.severity != "info"}
    words.append(
        say("demo.search.sound", codes=", ".join(sorted(codes)) or say("demo.nothing_found"))
    )
    words.append(say("demo.search.look", run=run, report=files[-1]))
    return words


def _main(card: "Scorecard", system: str) -> "Metric | None":
    return card.metric(f"{system}.ndcg@10")
