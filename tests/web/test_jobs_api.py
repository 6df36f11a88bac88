"""The list of jobs, one job, and the numbers for Prometheus."""

import json
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import page_job
from huohou import api as facade
from huohou.record.checkpoints import SEAL
from huohou.record.recorder import Journal, Recorder
from huohou.record.store import Store
from waiting import wait_until

STEP_SECONDS = 1.0


def get(api: TestClient, path: str, **query: Any) -> Any:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def take_in(folder: Path) -> None:
    Store(folder.parent).take_in(folder)


def test_the_list(api: TestClient, tmp_path: Path) -> None:
    assert get(api, "/api/jobs") | {"workspace": ""} == {
        "schema": 1, "workspace": "", "total": 0, "jobs": []
    }  # fmt: skip
    workspace = tmp_path / "runs"
    take_in(page_job.written(workspace, 1, "bank codes", steps=5, findings=(page_job.OVERFIT,)))
    take_in(page_job.written(workspace, 2, "other", steps=5, state="failed", error="boom"))
    take_in(page_job.written(workspace, 3, "bank again", steps=5))
    found = get(api, "/api/jobs")
    assert (found["workspace"], found["total"]) == (str(workspace), 3)
    rows = [(job["id"], job["status"], job["verdict"]) for job in found["jobs"]]
    assert rows == [(3, "completed", "healthy"), (2, "failed", "faulty"), (1, "completed", "watch")]
    one = found["jobs"][2]
    columns = {"queue_position": None, "verdict": "watch"}
    assert one == facade.runs()["runs"][2] | columns
    assert [job["id"] for job in get(api, "/api/jobs", q="BANK", limit=1)["jobs"]] == [3]
    assert get(api, "/api/jobs", q="bank", limit=1, before=3)["jobs"][0]["id"] == 1
    assert get(api, "/api/jobs", status="failed,lost")["total"] == 1
    assert get(api, "/api/jobs", status="nonsense")["jobs"] == []
    facade.dismiss("1", "overfit")
    assert get(api, "/api/jobs")["jobs"][2]["verdict"] == "healthy"


def test_a_job_that_is_put_into_the_workspace_is_seen(api: TestClient, tmp_path: Path) -> None:
    """Nobody tells the database of it: the server looks."""
    take_in(page_job.written(tmp_path / "runs", 1, steps=5))
    assert get(api, "/api/jobs")["total"] == 1
    page_job.written(tmp_path / "runs", 2, steps=5)
    wait_until(lambda: get(api, "/api/jobs")["total"] == 2)
    with page_job.living(tmp_path / "runs", 3) as job:
        wait_until(lambda: get(api, "/api/jobs")["total"] == 3)
        job.points(5)
        wait_until(lambda: get(api, "/api/jobs")["jobs"][0]["step"] == 5)
    wait_until(lambda: get(api, "/api/jobs")["jobs"][0]["status"] == "lost")


def test_one_job(api: TestClient, tmp_path: Path) -> None:
    folder = page_job.written(
        tmp_path / "runs", steps=100, evals=5, findings=(page_job.OVERFIT,), state="stopped"
    )
    take_in(folder)
    (folder / "scorecard.json").write_text('{"schema": 1, "score": NaN}')
    for i, step in enumerate((20, 40)):
        place = folder / "checkpoints" / f"checkpoint-{step}"
        (place / "weights").write_bytes(b"x" * 10)
        listed = {"weights": {"bytes": 10 + i, "sha256": ""}}
        (place / SEAL).write_text(json.dumps({"contract": {}, "files": listed}))
    found = get(api, "/api/jobs/1")
    shown = facade.run("1")
    assert {k: found[k] for k in shown if k != "scorecard"} == {
        k: v for k, v in shown.items() if k != "scorecard"
    }
    assert found["scorecard"] == {"schema": 1, "score": "NaN"}
    assert found["plan"]["settings"]["train.num_epochs"]["value"] == 2.0
    assert found["series"]["loss"] == 100 and found["series"]["eval_loss"] == 5
    assert (found["verdict"], found["dismissed"]) == ("watch", [])
    marks = [(c["step"], c["epoch"], c["whole"], c["there"]) for c in found["checkpoints"]]
    assert marks == [
        (20, 0.4, True, True), (40, 0.8, False, True), (60, 1.2, None, True),
        (80, 1.6, None, True), (100, 2.0, None, True),
    ]  # fmt: skip
    allowed = {name: one["allowed"] for name, one in found["actions"].items()}
    assert allowed == {
        "stop": False, "stop_now": False, "resume": True, "branch": True, "remove": True
    }  # fmt: skip
    assert "stopped" in found["actions"]["stop"]["why"]
    assert found["has"] == {"train.log": True, "report.html": False}
    times = found["timeline"]
    assert times["planned_seconds"] == 1.0
    assert [(e["epoch"], e["planned"], e["actual"]) for e in times["epochs"]] == [
        (1, 0.5, 50.0), (2, 0.5, 50.0)
    ]  # fmt: skip
    assert [e["ended_at"] for e in times["epochs"]] == [page_job.BEGAN + 50, page_job.BEGAN + 100]
    assert any("overfit" in one["text"] for one in times["moments"])
    assert found["progress"]["seconds_left"] is None


def test_a_job_that_runs(api: TestClient, tmp_path: Path) -> None:
    workspace = tmp_path / "runs"
    folder = workspace / "1-x"
    folder.mkdir(parents=True)
    plan = page_job.plan_of("x", 100, 2.0)
    plan.save(folder / "plan.json")
    with Journal(folder / "job.jsonl", 0) as journal, Recorder(folder / "events.jsonl") as recorder:
        journal.queued(1, "x", "sft", "tiny", epochs=2.0, updates=100, plan=plan.as_dict())
        take_in(folder)
        queued = get(api, "/api/jobs/1")
        assert (queued["status"], queued["verdict"]) == ("queued", None)
        assert queued["actions"]["stop"]["allowed"]
        assert not queued["actions"]["branch"]["allowed"]
        journal.state("starting")
        recorder.log("loading the model")
        take_in(folder)
        assert get(api, "/api/jobs/1")["progress"]["phase"] == "loading the model"
        recorder.start(updates=100, epochs=2.0)
        journal.state("running")
        begin = time.time() - 60
        with pytest.MonkeyPatch.context() as patch:
            for step in range(1, 41):
                patch.setattr(time, "time", lambda now=begin + step * STEP_SECONDS: now)
                recorder.metrics(step, step / 50, loss=1.0, tokens_per_second=123.0)
        take_in(folder)
        found = get(api, "/api/jobs/1")
        progress = found["progress"]
        assert (progress["step"], progress["steps"], progress["epoch"]) == (40, 100, 0.8)
        assert progress["finish_at"] == pytest.approx(begin + 100 * STEP_SECONDS, abs=0.1)
        assert progress["tokens_per_s"] == 123.0
        first, second = found["timeline"]["epochs"]
        assert first["expected_at"] == pytest.approx(begin + 50 * STEP_SECONDS, abs=0.1)
        assert second["expected_at"] == pytest.approx(begin + 100 * STEP_SECONDS, abs=0.1)
        assert found["actions"]["stop"]["allowed"] and not found["actions"]["resume"]["allowed"]
        assert found["verdict"] == "healthy"


def test_a_log_of_another_program(api: TestClient, tmp_path: Path) -> None:
    rows = [{"step": i, "epoch": i / 10, "loss": 1 / i} for i in range(1, 21)]
    log = tmp_path / "trainer_state.json"
    log.write_text(json.dumps({"global_step": 20, "max_steps": 20, "log_history": rows}))
    facade.import_log(log)
    found = get(api, "/api/jobs/1")
    assert found["plan"] is None
    assert not found["actions"]["resume"]["allowed"] and found["actions"]["remove"]["allowed"]
    assert found["timeline"]["epochs"] == []
    assert get(api, "/api/jobs/1/clock")["t"] == [None] * 20


def test_chinese(api: TestClient, tmp_path: Path) -> None:
    take_in(page_job.written(tmp_path / "runs", steps=5))
    english = get(api, "/api/jobs/1")
    chinese = get(api, "/api/jobs/1", lang="zh")
    assert "已完成" in chinese["actions"]["stop"]["why"]
    assert "completed" in english["actions"]["stop"]["why"]


SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (NaN|[+-]Inf|[-\d.e+]+)')


def test_metrics(api: TestClient, tmp_path: Path) -> None:
    take_in(page_job.written(tmp_path / "runs", 1, 'a "b" \\ c', steps=5))
    with page_job.living(tmp_path / "runs", 2, "行号") as job:
        job.point(loss=math.nan)
        take_in(job.folder)
        answer = api.get("/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = answer.text.splitlines()
        assert answer.text.endswith("\n")
        for line in lines:
            assert line.startswith(("# HELP huohou_", "# TYPE huohou_")) or SAMPLE.fullmatch(line)
        assert 'huohou_jobs{status="running"} 1' in lines
        assert 'huohou_jobs{status="queued"} 0' in lines
        assert 'huohou_job_train_loss{job="2",name="行号"} NaN' in lines
        assert 'huohou_job_progress_ratio{job="1",name="a \\"b\\" \\\\ c"} 1.0' in lines
