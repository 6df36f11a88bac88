"""Scripts that huohou did not start: real processes, real ends, the same record as our own."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import huohou
from huohou import api
from huohou.errors import StoreError
from huohou.jobs import keeper
from huohou.record.events import Follower
from huohou.record.readers.huohou_run import read_run
from huohou.record.store import Store
from waiting import PATIENCE, wait_until


def lines(folder: Path, file: str = "job.jsonl") -> list[dict[str, Any]]:
    return Follower(folder / file).poll()


def states(folder: Path) -> list[str]:
    return [e["state"] for e in lines(folder) if e["kind"] == "state"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "1-my-loop"


def script(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end."""
    command = [sys.executable, "-c", "import huohou\n" + textwrap.dedent(code)]
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def test_a_loop_of_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    with huohou.start("my loop", epochs=2, updates=10, base_model="net", batch_size=4) as run:
        assert (run.id, run.folder) == (1, folder)
        assert api.run("1")["status"] == "running"
        for step in range(1, 11):
            run.log(step, loss=np.float32(2.0) / step, grad_norm=float("nan"))
        run.eval(10, loss=0.5, eval_accuracy=1)
        run.checkpoint(10, "out/checkpoint-10")
        run.text("halfway 好")
        run.alert("look here", "info")
    assert "huohou watch 1" in capsys.readouterr().err
    found = api.run("last")
    assert (found["status"], found["recipe"], found["base_model"]) == ("completed", "script", "net")
    assert (found["step"], found["steps"], found["current_epoch"], found["epochs"]) == (
        10,
        10,
        2,
        2,
    )
    assert (found["train_loss"], found["val_loss"]) == (pytest.approx(0.2), 0.5)
    record = read_run(folder)
    assert record.values("eval_accuracy") == [1.0]
    assert [repr(value) for value in record.values("grad_norm")] == ["nan"] * 10
    assert (record.facts["batch_size"], record.facts["finished"]) == (4, True)
    assert states(folder) == ["starting", "running", "completed"]
    assert (folder / "train.log").read_text(encoding="utf-8") == "halfway 好\n"
    days = (folder.parent / "logs").iterdir()  # two of them around midnight
    day = "".join(file.read_text(encoding="utf-8") for file in days)
    for words in (
        "queued: script, model net",
        "running",
        "evaluation at",
        "look here",
        "completed",
    ):
        assert f"Job 1 (my loop) {words}" in day or words in day
    assert api.reindex()["jobs"] == 1
    assert api.diagnose("1").as_dict()["source"]["points"]["loss"] == 10


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("run.log(1, loss=1.0); run.finish()", "completed", None),
        ("run.log(2, loss=1.0)", "completed", None),  # the last of two updates
        ("run.log(1, loss=1.0)", "stopped", "without run.finish()"),
        ("raise ValueError('boom 好')", "failed", "ValueError: boom 好"),
        ("raise KeyboardInterrupt", "stopped", None),
        ("with run:\n    raise SystemExit(3)", "failed", "SystemExit: 3"),
        ("with run:\n    raise SystemExit(0)", "completed", None),
        ("with run:\n    raise MemoryError", "failed", "MemoryError"),
        ("run.fail(RuntimeError('no'))", "failed", "RuntimeError: no"),
    ],
)
def test_every_end_has_its_state(folder: Path, code: str, status: str, words: str | None) -> None:
    script(f"run = huohou.start('my loop', updates=2)\n{code}")
    found = api.run("1")
    assert found["status"] == status
    assert words is None or words in found["error"]
    assert states(folder)[-1] == lines(folder, "events.jsonl")[-1]["state"] == status


# Living and dying


# It does not end by itself: where nobody reads what it prints, it waits with the pipe full.
LOOP = """
import itertools, os, sys, time
run = huohou.start('my loop')
for step in itertools.count(1):
    run.log(step, loss=1 / step)
    os.write(1, b'%d\\n' % step)
    if run.should_stop:
        run.checkpoint(step, 'here')
        break
    time.sleep(PAUSE)
run.finish()
"""


@contextmanager
def running(code: str, pause: float = 0.01) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", f"import huohou\nPAUSE = {pause}\n{code}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: "subprocess.Popen[bytes]", step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == str(step).encode():
            return
    raise AssertionError(process.stderr and process.stderr.read())


@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_killed_it_is_found_lost_and_nothing_written_is_missing(folder: Path, pause: float) -> None:
    with running(LOOP, pause) as process:
        told(process, 5)
        assert api.run("1")["status"] == "running"
        process.kill()
        assert process.stdout is not None
        rest = process.stdout.read().split()
    last = int(rest[-1]) if rest else 5
    found = api.run("1")
    assert found["status"] == "lost"
    steps = [point.step for point in read_run(folder).points("loss")]
    assert steps[:last] == list(range(1, last + 1))
    assert found["train_loss"] == 1 / steps[-1]  # type: ignore[operator]
    assert len(Store().series(1, "loss", points=10**6).last) == len(steps)


def test_asked_to_stop_it_stops_saved(folder: Path) -> None:
    with running(LOOP) as process:
        told(process, 5)
        (folder / "stop").write_text("")
        process.communicate(timeout=PATIENCE)
    assert states(folder) == ["starting", "running", "stopping", "stopped"]
    assert [e["kind"] for e in lines(folder, "events.jsonl")[-2:]] == ["checkpoint", "end"]
    assert not (folder / "stop").exists()


def test_a_script_that_does_not_listen_is_interrupted_when_told_so(folder: Path) -> None:
    with running(LOOP.replace("run.should_stop", "False")) as process:
        told(process, 5)
        (folder / "stop").write_text("")
        wait_until(lambda: states(folder)[-1] == "stopping")
        wait_until(lambda: any("--now" in e.get("text", "") for e in lines(folder)))
        assert process.poll() is None
        (folder / "stop").write_text("now")
        process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert states(folder) == ["starting", "running", "stopping", "stopped"]
    assert api.run("1")["error"] is None


def test_the_database_follows_while_it_goes(folder: Path) -> None:
    with running(LOOP) as process:
        told(process, 5)
        beat = (folder / "heartbeat").stat().st_mtime
        wait_until(lambda: (api.run("1")["step"] or 0) > 50)
        wait_until(lambda: (folder / "heartbeat").stat().st_mtime > beat)


def test_a_worker_that_outlives_the_script_does_not_make_it_live(folder: Path) -> None:
    code = """
import os, sys, time
run = huohou.start('my loop')
worker = os.fork()
if worker == 0:
    run.log(99, loss=1.0)  # a worker writes nothing
    os.close(1), os.close(2)
    time.sleep(3600)
    os._exit(0)
os.write(1, b'%d\\n' % worker)
run.log(1, loss=1.0)
os.write(1, b'1\\n')
time.sleep(3600)
"""
    with running(code) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        told(process, 1)
        process.kill()
        process.wait()
        try:
            # a worker that has not run yet since the fork still holds the lock; soon it does not
            wait_until(lambda: api.run("1")["status"] == "lost")
        finally:
            os.kill(worker, signal.SIGKILL)
    assert [e["step"] for e in lines(folder, "events.jsonl") if e["kind"] == "metrics"] == [1]


@pytest.mark.parametrize("name", ["RANK", "SLURM_PROCID"])
def test_only_the_first_process_writes(tmp_path: Path, name: str) -> None:
    code = """
    with huohou.start('my loop') as run:
        run.log(1, loss=1.0)
        run.eval(1, loss=1.0); run.checkpoint(1, 'x'); run.text('x'); run.alert('x')
        assert run.id is None and run.folder is None and not run.should_stop
    """
    done = script(code, **{name: "1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "runs").exists()
    assert script(code, **{name: "0"}).returncode == 1  # here it has a number
    assert api.runs()["runs"][0]["status"] == "failed"


def test_two_at_once_are_two_runs(tmp_path: Path) -> None:
    first, second = huohou.start("x"), huohou.start("x")
    first.log(1, loss=1.0)
    second.log(1, loss=2.0)
    second.finish()
    first.finish()
    assert [run["train_loss"] for run in api.runs()["runs"]] == [2.0, 1.0]


# Nothing that goes wrong ends the loop


def test_what_is_no_number_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with huohou.start("my loop") as run:
        for _ in range(2):
            run.log(1, loss=2, note="hello", step_=3, seg=7.0)
            run.log("first", loss=1.0)  # type: ignore[arg-type]
        run.log(2, epoch=0.5, loss=True)
    run.log(3, loss=1.0)
    told = capsys.readouterr().err
    assert told.count("note is no number but str") == 1
    assert told.count("step 'first', epoch None") == 1
    assert told.count("has been finished") == 1
    record = read_run(folder)
    assert (record.values("loss"), record.values("seg_")) == ([2.0, 2.0, 1.0], [7.0, 7.0])
    assert [point.epoch for point in record.points("loss")] == [None, None, 0.5]


def test_a_full_disk_does_not_end_the_loop(folder: Path) -> None:
    code = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    run = huohou.start('my loop', updates=4000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    for step in range(1, 2001):
        run.log(step, loss=1.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    for step in range(2001, 4001):
        run.log(step, loss=1.0)
    run.finish()
    """
    done = script(code)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("The training goes on") == 1
    steps = [point.step for point in read_run(folder).points("loss")]
    assert steps[0] == 1 and steps[-2000:] == list(range(2001, 4001))
    assert len(steps) < 3000
    alerts = [e["text"] for e in lines(folder) if e["kind"] == "alert"]
    assert alerts == [
        f"The disk could not be written for a while: {4000 - len(steps)} events are missing."
    ]
    assert api.run("1")["status"] == "completed"


def test_a_workspace_that_cannot_be_written_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="file"):
        huohou.start("x")


def test_a_database_that_is_spoilt_does_not_end_the_loop(tmp_path: Path, folder: Path) -> None:
    run = huohou.start("my loop")
    (tmp_path / "runs/huohou.db").write_bytes(b"spoilt" * 1000)
    run.log(1, loss=1.0)
    time.sleep(keeper.SECONDS * 1.5)
    run.log(2, loss=0.5)
    run.finish()
    assert api.reindex()["jobs"] == 1
    assert api.run("1")["status"] == "completed"


# What it costs


def test_importing_needs_nothing(tmp_path: Path) -> None:
    code = "import sys, huohou; sys.exit(any(m.startswith('huohou.') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = "import sys, huohou; huohou.start('x').finish(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert {"start", "HuohouCallback"} <= set(dir(huohou))
    with pytest.raises(AttributeError, match="begin"):
        huohou.begin  # noqa: B018


@pytest.mark.parametrize(("cost", "pause"), [(0.1, 20), (0.001, 1), (10.0, 60)])
def test_the_thread_beside_the_loop_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cost: float, pause: int
) -> None:
    """The longer it takes to take in new numbers, the seldomer it is done; but once a minute."""
    clock = {"now": 1000.0, "busy": 0.0}
    taken: list[float] = []

    def take_in(store: Store, folder: Path) -> None:
        taken.append(clock["now"])
        clock["busy"] += cost

    watched = SimpleNamespace(monotonic=lambda: clock["now"], thread_time=lambda: clock["busy"])
    monkeypatch.setattr(keeper, "time", watched)
    monkeypatch.setattr(Store, "take_in", take_in)
    beside = keeper.Keeper(Store(tmp_path), tmp_path, list, list)
    for _ in range(120):
        clock["now"] += keeper.SECONDS
        with (tmp_path / "events.jsonl").open("a") as out:
            out.write("new\n")
        beside._take_in()
    assert taken == [1001.0 + second for second in range(0, 120, pause)]


def test_that_it_stops_is_in_the_record_before_the_loop_hears_of_it(tmp_path: Path) -> None:
    """Heard first, a quick loop had ended before, and its record knew of no request."""
    heard: list[bool] = []
    beside = keeper.Keeper(Store(tmp_path), tmp_path, list, lambda: heard.append(beside.stop_asked))
    (tmp_path / "stop").touch()
    for _ in range(2):
        beside._listen()
    assert (heard, beside.stop_asked) == ([False], True)


def test_what_the_thread_beside_the_loop_takes_is_told(folder: Path) -> None:
    with huohou.start("my loop") as run:
        wait_until(lambda: run.beside_seconds > 0)
    assert json.loads((folder / "job.jsonl").read_text().splitlines()[0])["id"] == 1
