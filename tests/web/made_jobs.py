"""What a page's own jobs need: rows, a model that trains in a moment, a recipe of milliseconds."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import fake_training
import page_job
from huohou.evaluate.card import Metric, Scorecard, save
from huohou.record.store import Store
from tiny import tiny_llama_folder

ACCURACY = "facts.accuracy"
ROWS = [{"prompt": f"What is {n} and {n}?", "completion": str(2 * n)} for n in range(12)]


def rows_file(folder: Path, name: str = "train.jsonl", rows: Sequence[Any] = ROWS) -> Path:
    """A file of rows."""
    path = folder / name
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    return path


def written(workspace: Path, *jobs: dict[str, Any]) -> list[Path]:
    """Jobs as ``page_job.written`` makes them, numbered from 1, under a server that runs already.

    It may have looked before they were all there, so its database is made anew.
    """
    folders = [page_job.written(workspace, n, **about) for n, about in enumerate(jobs, 1)]
    Store(workspace).rebuild()
    return folders


def scored(folder: Path, right: int, asked: int = 60, questions: str = "q" * 64) -> None:
    """A scorecard whose first answers are right."""
    values = [float(i < right) for i in range(asked)]
    metric = Metric(ACCURACY, "right answers", sum(values) / asked, 0.1, 0.9, asked, groups=asked)
    card = Scorecard(
        run={"name": folder.name, "folder": str(folder), "model": "tiny"},
        questions={"on": "test", "source": "test.jsonl", "asked": asked, "fingerprint": questions},
        table=None,
        settings={},
        metrics=(metric,),
        words=("It knows some.",),
    )
    answers = (
        {"question": f"q{i}", "tuned": {"answer": "a", "values": {ACCURACY: value}}, "meta": {}}
        for i, value in enumerate(values)
    )
    save(card, folder, "scorecard", answers)


def tiny_model(folder: Path) -> Path:
    """A model that trains in a moment."""
    return tiny_llama_folder(folder / "tiny-model")


def install_fake(place: Path, monkeypatch: pytest.MonkeyPatch, **what: Any) -> None:
    """The recipe ``fake`` for this process and all that it starts; what: see fake_training."""
    fake_training.install(place)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(place), before))))
    ask_fake(monkeypatch, **what)
    monkeypatch.delenv("HUOHOU_LOAD_PLUGINS", raising=False)
    from huohou.recipes import recipes

    monkeypatch.setattr(recipes, "_items", dict(recipes._items))
    monkeypatch.setattr(recipes, "_plugins_loaded", True)
    exec(compile(fake_training.RECIPE, "fake_recipe", "exec"), {"__name__": "fake_recipe"})


def ask_fake(monkeypatch: pytest.MonkeyPatch, **what: Any) -> None:
    """What the recipe shall do from now on."""
    monkeypatch.setenv("FAKE", json.dumps(what))
