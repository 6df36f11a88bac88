"""The main job end to end on real bank codes: what ``huohou demo`` does between its pictures.

Twenty-four branches are taught in some wordings and asked in others. The last words are made from
what was measured and never from what was hoped.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou import api, assets
from huohou.text import say

if TYPE_CHECKING:
    from huohou.diagnose.engine import Diagnosis
    from huohou.evaluate.card import Scorecard

MODEL = "smollm2-135m"
ASKED = 72  # questions a score, at most
MADE: dict[str, Any] = {
    "facts": 24,
    "wordings": 2,
    "eval_wordings": 1,
    "test_wordings": 1,
    "unknown": 0.1,
    "seed": 42,
    "styles": ("full", "everyday", "abbreviation"),
}
TRAINED = {
    "name": "bank-codes-demo",
    "recipe": "sft",
    "model": MODEL,
    "train.num_epochs": 14,
    "train.learning_rate": 1e-3,
    "train.batch_size": 4,
    "train.evals_per_epoch": 0.4,
    "lora.rank": 32,
    "lora.alpha": 64,
}


def table() -> Path:
    """The table of facts: real branches with their codes."""
    return assets.example("bank_codes/branches.csv")


def make_data(workspace: Path) -> Path:
    """Rows for the demo, made once a workspace and setting; returns their folder."""
    system = assets.example("bank_codes/system.txt").read_text(encoding="utf-8").strip()
    options = MADE | {"system": system}
    mark = hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:8]
    folder = workspace / f"demo-data-{mark}"
    if not (folder / "test.jsonl").exists():
        api.data_make(table(), folder, force=True, **options)
    return folder


def flags(data: Path, given: Sequence[str] = ()) -> list[str]:
    """The demo's run as settings; those given are stronger."""
    places = {
        "data.train": data / "train.jsonl",
        "data.eval": data / "eval.jsonl",
        "data.test": data / "test.jsonl",
        "data.facts": table(),
    }
    return [*(f"{key}={value}" for key, value in (TRAINED | places).items()), *given]


def last_words(
    run: dict[str, Any], taught: "Scorecard", unseen: "Scorecard", diagnosis: "Diagnosis"
) -> list[str]:
    """Five lines: learnt, not learnt, whether the run is sound, what next, where to look."""
    return [
        say("demo.learnt", **_shares(taught), loss=f"{run['train_loss']:.3f}"),
        say(_unlearnt(unseen), **_shares(unseen), **_wrong(unseen)),
        say(
            "demo.sound",
            verdict=say(f"diagnose.verdict.{diagnosis.verdict}"),
            found=_found(diagnosis),
        ),
        say("demo.next" if _value(unseen, "facts.accuracy") < 0.95 else "demo.next_even_so"),
        say("demo.look", id=run["id"]),
    ]


def _shares(card: "Scorecard") -> dict[str, Any]:
    accuracy = card.metric("facts.accuracy")
    if accuracy is None:
        return {"value": "-", "low": "-", "high": "-", "base": "-", "n": 0}
    return {
        "value": _percent(accuracy.value),
        "low": _percent(accuracy.low),
        "high": _percent(accuracy.high),
        "base": _percent(accuracy.baseline),
        "n": accuracy.n,
    }


def _unlearnt(card: "Scorecard") -> str:
    """Which of the ways to be wrong is the one to speak of."""
    if _value(card, "facts.invented") > _value(card, "facts.wrong_real"):
        return "demo.unlearnt_invented"
    return "demo.unlearnt_real"


def _wrong(card: "Scorecard") -> dict[str, Any]:
    names = {"real": "facts.wrong_real", "invented": "facts.invented", "places": "facts.places"}
    shares = {key: _percent(_value(card, name)) for key, name in names.items()}
    abstention = card.metric("facts.abstention")
    known = "-" if abstention is None else _percent(abstention.value)
    return shares | {"unknown": known, "unknown_n": abstention.n if abstention else 0}


def _found(diagnosis: "Diagnosis") -> str:
    codes = [finding.code for finding in diagnosis.findings if finding.severity != "info"]
    return ", ".join(codes) or say("demo.nothing_found")


def _value(card: "Scorecard", name: str) -> float:
    metric = card.metric(name)
    return metric.value if metric is not None else 0.0


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
