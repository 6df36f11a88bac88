"""A training recipe of milliseconds, installed like any other package's: a real plugin."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from huohou import config
from huohou.plan import Choice, DataPart, Plan, Prediction

RECIPE = """
import json, os, signal, sys, time
from huohou.recipes import Recipe, recipes


def run(plan, folder, recorder, should_stop, start=None):
    asked = json.loads(os.environ.get("FAKE", "{}"))
    steps, at = asked.get("steps", 10), asked.get("at", -1)
    print("from the recipe: hello", flush=True)
    recorder.log("loading")
    recorder.start(updates=steps, epochs=2.0)
    for step in range(1, steps + 1):
        if should_stop():
            recorder.checkpoint(step - 1, folder / "checkpoints" / f"checkpoint-{step - 1}")
            return
        time.sleep(asked.get("seconds", 0.0))
        if step == at:
            die(asked["how"], folder, asked)
        values = {"loss": 2 / step, "learning_rate": 1e-3, "tokens_per_second": 100.0}
        recorder.metrics(step, 2.0 * step / steps, **values)
        if step % 5 == 0:
            recorder.eval(step, 2.0 * step / steps, eval_loss=3 / step, eval_answer_accuracy=0.5)


def die(how, folder, asked):
    if how == "raise":
        try:
            {}["deep inside"]
        except KeyError as error:
            raise ValueError("boom 好") from error
    elif how == "memory":
        raise MemoryError
    elif how == "exit":
        print("last words", flush=True)
        os._exit(3)
    elif how == "quit":
        sys.exit(0)
    elif how == "fill":
        (folder / "checkpoints").mkdir()
        with (folder / "checkpoints" / "weights").open("wb") as out:
            while True:
                out.write(b"x" * 65536)
    elif how == "deaf":
        import huohou.jobs.stopping
        huohou.jobs.stopping.GRACE = 1.0
        time.sleep(60)
    else:
        os.kill(os.getpid(), getattr(signal, how))
        time.sleep(60)


def predict(subject):
    from huohou.plan import Outlook, Prediction

    return Outlook(Prediction(10, 400, 0.0, 10, 100, 1000, 1.0, 5_000_000))


recipes.register("fake")(Recipe(run, predict))
"""

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
    place = tmp_path / "site"
    info = place / "fake_recipe-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "fake_recipe.py").write_text(RECIPE, encoding="utf-8")
    (place / "drive.py").write_text(DRIVER, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-recipe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[huohou.recipes]\nfake = fake_recipe\n")
    monkeypatch.setenv("PYTHONPATH", str(place))
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("HUOHOU_LANG", "en")
    monkeypatch.delenv("HUOHOU_LOAD_PLUGINS", raising=False)
    monkeypatch.delenv("HUOHOU_DB", raising=False)
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
