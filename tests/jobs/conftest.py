"""A training recipe of milliseconds, installed like any other package's: a real plugin."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fake_training
from huohou import config
from huohou.plan import Choice, DataPart, Plan, Prediction

DRIVER = """
import pathlib, sys
from huohou import api
from huohou.plan import Plan
plan = Plan.load(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
ended = api.train(plan, lambda event, progress: print(event["kind"], progress.step, flush=True))
print("torch" in sys.modules, ended["status"], ended["folder"], flush=True)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PYTHONPATH with the recipe `fake`; a workspace beside it."""
    place = fake_training.install(tmp_path / "site")
    (place / "drive.py").write_text(DRIVER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(place), prepend=os.pathsep)
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("HUOHOU_LANG", "en")
    monkeypatch.delenv("HUOHOU_LOAD_PLUGINS", raising=False)
    return place


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Say what the recipe shall do: steps, seconds a step, at which step it dies and how."""

    def ask(**what: Any) -> None:
        monkeypatch.setenv("FAKE", json.dumps(what))

    return ask


@pytest.fixture
def plan() -> Plan:
    """A plan for the recipe `fake`."""
    part = DataPart("train.jsonl", "messages", 4, 40, 20, "0" * 64)
    predicted = Prediction(10, 400, 0.0, 10, 100, 1000, 1.0, 5_000_000)
    finding = {"code": "data-duplicates", "severity": "warning", "tier": "data", "title": "twice"}
    finding["why"] = "it weighs twice"
    made = Plan(
        name="bank codes",
        recipe="fake",
        model="tiny",
        settings=config.load(environment={}).table(),
        train=part,
        eval=None,
        device=Choice("cpu", "there is no other"),
        dtype=Choice("float32", "it is fast here"),
        template="0" * 64,
        prediction=predicted,
    )
    return replace(made, findings=(finding,))


@pytest.fixture
def driver(plugin: Path, plan: Plan, tmp_path: Path) -> list[str]:
    """Command of a process that trains the plan in the foreground and says what it sees."""
    plan.save(tmp_path / "plan.json")
    return [sys.executable, "-u", "-m", "drive", str(tmp_path / "plan.json")]
