"""What a supervisor notices: silence, lost weights, and what the doctor says while it trains."""

import json
from pathlib import Path
from typing import Any

import pytest

from huohou import api
from huohou.jobs.again import dumps, loads, next_start, smaller
from huohou.jobs.endings import Ending
from huohou.jobs.silence import LEAST, UNKNOWN, Silence
from huohou.plan import Plan
from huohou.recipes import Start
from huohou.record import checkpoints
from huohou.record.events import Follower


def test_silence_is_told_once_and_by_what_is_usual() -> None:
    silence = Silence(0.0)
    assert silence.too_long(UNKNOWN - 1) is None
    for second in range(1, 200, 30):
        silence.heard(float(second))
    last = 181.0
    assert silence.too_long(last + 89) is None, "three times the usual gap of 30 s"
    assert silence.too_long(last + 91) == 91
    assert silence.too_long(last + 500) is None, "told once"
    silence.heard(last + 501)
    assert silence.too_long(last + 502 + UNKNOWN) is not None, "and again after it was heard"


def test_quick_runs_get_a_minute() -> None:
    silence = Silence(0.0)
    for tenth in range(100):
        silence.heard(tenth / 10)
    assert silence.too_long(9.9 + LEAST - 1) is None
    assert silence.too_long(9.9 + LEAST + 1) == pytest.approx(LEAST + 1)


def test_a_start_goes_through_the_command_line_unchanged() -> None:
    for start in (Start(), Start(Path("a b/行"), True, 5, True)):
        assert loads(dumps(start)) == start


def test_after_a_kill_for_memory_pieces_get_smaller_to_one_row_and_then_end() -> None:
    sizes: dict[str, Any] = {"largest_batch": 800, "longest_row": 90}
    start, seen = Start(), []
    while (then := smaller(start, sizes)) is not None:
        start = then
        seen.append((start.max_tokens, start.recompute))
    assert seen == [(400, False), (200, False), (100, False), (90, True)]
    assert smaller(Start(), {}) is None


def test_only_lack_of_memory_is_followed_by_another_life(tmp_path: Path) -> None:
    sizes: dict[str, Any] = {"largest_batch": 800, "longest_row": 90}
    killed = {"reason": "out-of-memory", "signal": "SIGKILL"}
    for facts in ({"reason": "signal", "signal": "SIGKILL"}, {"reason": "out-of-memory"}, {}):
        assert next_start(Ending("failed", facts=facts), Start(), sizes, tmp_path) is None
    assert next_start(Ending("failed", facts=killed), Start(), sizes, tmp_path) == Start(
        max_tokens=400
    )


RECIPE = """
import os, time
from huohou.recipes import Recipe, recipes
from huohou.record import checkpoints

def run(plan, folder, recorder, should_stop, start):
    forget = os.environ.get("FORGET")
    at = int(start.checkpoint.name.rpartition("-")[2]) if start.checkpoint else 0
    recorder.start(updates=60, epochs=2.0, **({"resumed_from": at} if at else {}))
    for step in range(at + 1, 61):
        if at == 0 and step == 31:
            os._exit(9)
        while at and forget and step == 60:  # it would be too late: it must be stopped before
            if should_stop():
                return
            time.sleep(0.01)
        begun = step - at if forget else step
        recorder.metrics(step, step / 30, loss=3.0 / begun ** 0.5, learning_rate=1e-3)
        if step % 10 == 0 or (forget and step in (at + 2, at + 3)):
            staged = folder / "checkpoints" / ".writing" / f"checkpoint-{step}"
            staged.mkdir(parents=True)
            (staged / "weights").write_text(str(step))
            checkpoints.seal(staged, folder / "checkpoints" / staged.name, {})
            if not forget or step != at + 3:  # as when it is killed in that moment
                recorder.checkpoint(step, f"checkpoints/{staged.name}")
                recorder.copier.idle(60)
        time.sleep(0.05 if at else 0)

recipes.register("forgetful")(Recipe(run, lambda subject: None))
"""


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("forget", [False, True])
def test_a_resume_that_lost_the_weights_stops_itself(
    plan: Plan, plugin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forget: bool
) -> None:
    """The fault is planted: the recipe begins anew and says that it resumed."""
    from dataclasses import replace

    from huohou.jobs import resume, stored
    from huohou.jobs.supervisor import Supervisor
    from huohou.record.store import Store

    (plugin / "fake_recipe.py").write_text(RECIPE, encoding="utf-8")
    there = replace(plan.settings["compute.storage"], value=f"file://{tmp_path}/there")
    plan = replace(plan, settings={**plan.settings, "compute.storage": there})
    folder = Path(api.train(replace(plan, recipe="forgetful"))["folder"])
    point = resume.point(folder).checkpoint
    assert point is not None and point.step == 30
    if forget:
        monkeypatch.setenv("FORGET", "1")
    done = Supervisor(Store(folder.parent), folder, resume.reopen(folder)).run(Start(point.path))
    found = [e for e in Follower(folder / "job.jsonl").poll() if e["kind"] == "finding"]
    lost = [e for e in found if e["code"] == "resume-lost-weights"]
    if not forget:
        assert (done.status, lost) == ("completed", [])
        return
    assert done.status == "failed" and "weights were not loaded" in str(done.error)
    assert done.step is not None and done.step < 60, "it did not go on to the end"
    assert [e["severity"] for e in lost] == ["error"]
    assert json.dumps(lost[0]["evidence"])
    assert resume.point(folder).checkpoint == point, "what was saved since is not taken"
    for step in (32, 33):
        assert (folder / checkpoints.FOLDER / f"suspect-checkpoint-{step}").is_dir(), "and is kept"
    said = [e.get("text", "") for e in Follower(folder / "events.jsonl").poll()]
    assert any(text.startswith("checkpoint-32 is at file://") for text in said)
    copies = stored.copies_of(folder)
    assert copies is not None and copies.whole()[0].step == 30, "its copy is withdrawn"


HUNGRY = """
import json, os, signal, time
from huohou.recipes import Recipe, recipes

def run(plan, folder, recorder, should_stop, start):
    recorder.start(updates=3, epochs=1.0, largest_batch=800, longest_row=90)
    with open(folder / "starts.jsonl", "a") as out:
        out.write(json.dumps([start.max_tokens, start.recompute]) + "\\n")
    for step in (1, 2, 3):
        recorder.metrics(step, step / 3, loss=1.0 / step)
        if step == 2 and (start.max_tokens or 800) > 200:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(3600)

recipes.register("hungry")(Recipe(run, lambda subject: None))
"""


@pytest.mark.usefixtures("plugin")
def test_a_run_that_the_kernel_ends_for_memory_goes_on_in_smaller_pieces(
    plan: Plan, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes, really killed; the kernel's counter is the one thing that is not real."""
    from dataclasses import replace
    from itertools import count

    from huohou.jobs import memory

    (plugin / "fake_recipe.py").write_text(HUNGRY, encoding="utf-8")
    counter = count()
    monkeypatch.setattr(memory, "kernel_kills", lambda: next(counter))
    done = api.train(replace(plan, recipe="hungry"))
    folder = Path(done["folder"])
    starts = [json.loads(line) for line in (folder / "starts.jsonl").read_text().splitlines()]
    assert starts == [[None, False], [400, False], [200, False]]
    assert done["status"] == "completed"
    told = Follower(folder / "job.jsonl").poll()
    assert [e["seg"] for e in told if e["kind"] == "segment"] == [0, 1, 2]
    assert sum("want of memory" in e["text"] for e in told if e["kind"] == "alert") == 2
