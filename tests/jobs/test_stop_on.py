"""``--stop-on``: a finding ends a job early, with a checkpoint; without it the job goes on."""

from pathlib import Path
from typing import Any

import pytest
from living import ended, state_of

from huohou import api
from huohou.jobs import detach
from huohou.jobs.endings import Seen, judge
from huohou.plan import Plan
from huohou.record.events import Event, Follower
from huohou.record.finding import Finding
from waiting import wait_until

RECIPE = """
import os, time
from huohou.recipes import Recipe, recipes

def run(plan, folder, recorder, should_stop, start):
    kind = os.environ["FATE"]
    recorder.start(updates=100, epochs=10.0)
    for step in range(1, 101):
        if should_stop():
            recorder.checkpoint(step, folder / "checkpoints" / f"checkpoint-{step}")
            return
        for _ in range(60_000):  # a doomed one does not get further, however busy the machine is
            if step < 100 or "DOOMED" not in os.environ or should_stop():
                break
            time.sleep(0.01)
        loss = float("nan") if kind == "nan" else 3.0 / step if step < 20 else 0.1
        if kind == "overfit":
            recorder.metrics(step, step / 10, loss=3.0 / step)
            if step % 5 == 0:
                recorder.eval(step, step / 10, eval_loss=1.0 + 0.1 * step)
        else:
            recorder.metrics(step, step / 10, loss=loss)
        time.sleep(0.02)

recipes.register("fated")(Recipe(run, lambda subject: None))
"""


@pytest.fixture
def fated(plan: Plan, plugin: Path, monkeypatch: pytest.MonkeyPatch, either_database: str) -> Plan:
    """A plan for a recipe whose losses are those of $FATE."""
    from dataclasses import replace

    from huohou.jobs import rounds

    monkeypatch.setattr(rounds, "EVERY", 0.1)
    monkeypatch.setattr(rounds, "SHARE", 1.0)
    (plugin / "fake_recipe.py").write_text(RECIPE, encoding="utf-8")
    return replace(plan, recipe="fated")


def journal(folder: str) -> list[Event]:
    return Follower(Path(folder) / "job.jsonl").poll()


@pytest.mark.parametrize(
    ("fate", "stop_on", "code"),
    [
        ("nan", "error", "nan-loss"),
        ("overfit", "warning", "overfit"),
        ("nan", None, None),
        ("sound", "warning", None),
    ],
)
def test_a_doomed_job_is_ended(
    fated: Plan, monkeypatch: pytest.MonkeyPatch, fate: str, stop_on: str | None, code: str | None
) -> None:
    monkeypatch.setenv("FATE", fate)
    if code is not None:
        monkeypatch.setenv("DOOMED", "1")
    seen: list[Event] = []
    done = api.train(fated, lambda event, _: seen.append(event), stop_on=stop_on)
    if code is None:
        assert (done["status"], done["step"]) == ("completed", 100)
        return
    assert done["status"] == "failed" and done["step"] < 100
    assert code in str(done["error"]) and "--stop-on" in str(done["error"])
    last = [event for event in journal(done["folder"]) if event["kind"] == "state"][-1]
    assert last["reason"] == code
    assert any(event["kind"] == "finding" and event["code"] == code for event in seen)
    assert any(event["kind"] == "checkpoint" for event in seen), "it can be gone on with"


def test_a_job_without_a_terminal_knows_it_too(
    fated: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FATE", "nan")
    monkeypatch.setenv("DOOMED", "1")
    queued = api.train(fated, detach=True, stop_on="error")
    workspace = Path(queued["folder"]).parent
    wait_until(lambda: ended(workspace, 1))
    assert state_of(workspace, 1) == "failed"
    assert not detach.start_file(workspace, 1).exists()


def test_how_it_ended_is_not_taken_for_another_death(tmp_path: Path) -> None:
    doomed = Finding("nan-loss", "error", "log", "title", "why")
    seen: dict[str, Any] = {"folder": tmp_path, "step": 5, "doomed": doomed}
    assert judge(Seen(0, {"state": "stopped"}, **seen)).facts["reason"] == "nan-loss"
    assert judge(Seen(-15, None, **seen)).facts["reason"] == "nan-loss"
    assert judge(Seen(0, {"state": "completed"}, **seen)).state == "completed"
    crash = {"state": "failed", "error": "ValueError: boom", "reason": "error"}
    assert judge(Seen(1, crash, **seen)).facts["reason"] == "error"
