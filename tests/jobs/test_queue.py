"""Jobs wait their turn, in real processes that really die."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from living import (
    ended,
    folder_of,
    is_alive,
    is_running,
    journal,
    kill,
    occupied,
    runner_lives,
    segment,
    state_of,
    states,
)

from huohou import api
from huohou.errors import UsageError
from huohou.jobs import detach, queue, runner, slots, turns
from huohou.jobs.worker import Worker
from huohou.plan import Choice, Plan
from huohou.record.store import Store
from waiting import PATIENCE, no_longer, wait_until

pytestmark = pytest.mark.usefixtures("plugin", "either_database")

Ask = Callable[..., None]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def by_start(workspace: Path) -> list[int]:
    """Numbers of the jobs in the order in which they began."""
    jobs = [job for job in Store(workspace).jobs() if job.started_at]
    return [job.id for job in sorted(jobs, key=lambda job: job.started_at or 0.0)]


def runner_pid() -> int:
    return detach._started[-1].pid


# Without a terminal


def test_a_detached_job_trains_without_its_command(
    plan: Plan, runs: Path, fake: Ask, tmp_path: Path
) -> None:
    fake(at=1, how="wait", **{"for": str(tmp_path / "go")})
    with no_longer():
        made = api.train(plan, detach=True)
    (tmp_path / "go").touch()  # it cannot have waited for the job
    assert (made["id"], made["status"], made["schema"]) == (1, "queued", 1)
    wait_until(lambda: ended(runs, 1))
    folder = folder_of(runs, 1)
    assert states(folder) == ["starting", "running", "completed"]
    assert "from the recipe: hello" in (folder / "train.log").read_text()
    assert api.run("1")["train_loss"] == 0.2
    wait_until(lambda: not runner_lives(runs))
    assert not queue.start_file(runs, 1).exists()


def test_neither_runner_nor_supervisor_has_torch_and_both_have_their_own_session(
    plan: Plan, runs: Path, fake: Ask
) -> None:
    fake(steps=10_000, seconds=0.02)
    api.train(plan, detach=True)
    wait_until(lambda: runner_lives(runs))  # or a second one is started, and ends at once
    api.train(plan, detach=True)
    wait_until(lambda: is_running(runs, 1))
    pids = [runner_pid(), segment(folder_of(runs, 1))["supervisor"]]
    for pid in pids:
        assert "torch" not in Path(f"/proc/{pid}/maps").read_text()
        assert os.getsid(pid) == pid
    api.stop("2")
    api.stop("1")


def test_it_goes_on_in_the_surroundings_of_who_queued_it(
    plan: Plan, runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The runner was started by another command, in another language and place."""
    with occupied(runs):
        api.train(plan, detach=True)
        monkeypatch.setenv("HUOHOU_LANG", "zh")
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio.example:9000")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws_secret")
        monkeypatch.setenv("HF_ENDPOINT", "https://me:secret@mirror.example")
        monkeypatch.chdir(tmp_path)
        api.train(plan, detach=True)
        file = queue.start_file(runs, 2)
        told = json.loads(file.read_text())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert told["language"] == "zh"
    assert told["cwd"] == str(tmp_path)
    assert told["environment"]["CUDA_VISIBLE_DEVICES"] == "3"
    assert told["environment"]["AWS_ENDPOINT_URL"] == "http://minio.example:9000"
    assert "secret" not in json.dumps(told)
    wait_until(lambda: ended(runs, 1, 2))
    assert states(folder_of(runs, 2))[-1] == "completed"


def test_a_folder_from_elsewhere_starts_nothing(plan: Plan, runs: Path) -> None:
    """Somebody else's job folder, which says that it waits, is not carried out."""
    runs.mkdir()
    with occupied(runs):
        api.train(plan, detach=True)
        folder = folder_of(runs, 1)
        theirs = runs / "7-theirs"
        theirs.mkdir()
        for name in ("job.jsonl", "plan.json"):
            text = (folder / name).read_text().replace('"id": 1,', '"id": 7,')
            (theirs / name).write_text(text)
        api.reindex()
        found = {run["id"]: run["status"] for run in api.runs()["runs"]}
        assert found == {1: "queued", 7: "lost"}
    wait_until(lambda: ended(runs, 1))
    assert states(theirs) == ["lost"]


# Turns


def test_order(plan: Plan, runs: Path) -> None:
    with occupied(runs):
        for _ in range(3):
            api.train(plan, detach=True)
        assert api.move("3")["moved"]
        assert api.move("2", before="1")["moved"]
        assert not api.move("3")["moved"]
        assert not api.move("2", before="1")["moved"]
        places = {run["id"]: run["queue_position"] for run in api.runs()["runs"]}
        assert places == {3: 1, 2: 2, 1: 3}
        before = api.runs()
        api.reindex()
        assert api.runs() == before
    wait_until(lambda: ended(runs, 1, 2, 3))
    assert by_start(runs) == [3, 2, 1]
    assert {run["queue_position"] for run in api.runs()["runs"]} == {None}
    with pytest.raises(UsageError, match="does not wait"):
        api.move("3")


def test_a_job_that_was_moved_is_moved_however_long_that_took(
    plan: Plan, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PATIENCE", -1.0)  # it is over before the first look
    with occupied(runs):
        for _ in range(2):
            api.train(plan, detach=True)
        assert api.move("2")["moved"]
        places = {run["id"]: run["queue_position"] for run in api.runs()["runs"]}
        assert places == {2: 1, 1: 2}
        for number in ("1", "2"):
            api.stop(number)


def test_two_slots_are_two_jobs_at_once(plan: Plan, runs: Path, fake: Ask) -> None:
    fake(steps=10_000, seconds=0.02)
    for _ in range(3):
        api.train(plan, slots=2, detach=True)
    wait_until(lambda: [state_of(runs, n) for n in (1, 2)] == ["running"] * 2)
    assert state_of(runs, 3) == "queued"
    # One who wants the device alone waits for both.
    assert slots.take(runs, queue.Queue(runs).look(), "cpu", 1) is None
    assert slots.take(runs, queue.Queue(runs).look(), "cpu", 3) is not None
    api.stop("3")
    for number in ("1", "2"):
        api.stop(number, now=True)
    assert [state_of(runs, n) for n in (1, 2, 3)] == ["stopped"] * 3


def test_another_device_does_not_wait(plan: Plan, runs: Path) -> None:
    elsewhere = replace(plan, device=Choice("cuda", "there is one"))
    mps = slots.take(runs, [], "mps", 1)
    assert mps is not None
    with occupied(runs), mps:
        api.train(plan, detach=True)
        api.train(elsewhere, detach=True)
        api.train(replace(plan, device=Choice("mps", "there is one")), detach=True)
        wait_until(lambda: ended(runs, 2))
        assert [state_of(runs, n) for n in (1, 3)] == ["queued"] * 2
        with pytest.raises(UsageError, match="different devices"):
            api.move("3", before="1")
    wait_until(lambda: ended(runs, 1, 3))


def test_slots_by_the_environment(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert slots.wanted(None) == 1
    monkeypatch.setenv("HUOHOU_SLOTS", "3")
    assert slots.wanted(None) == 3
    assert slots.wanted(2) == 2
    monkeypatch.setenv("HUOHOU_SLOTS", "many")
    with pytest.raises(UsageError, match="HUOHOU_SLOTS=many"):
        api.train(plan)
    assert api.runs()["runs"] == []


# In the foreground


def start(driver: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(driver, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_until(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdout
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"{words!r} never came: {process.stderr and process.stderr.read()}")


DRIVER = """
import pathlib, sys
from huohou import api
from huohou.plan import Plan
plan = Plan.load(pathlib.Path(sys.argv[1]))
ended = api.train(plan, lambda event, progress: print(event.get("text", event["kind"]), flush=True))
print(ended["status"], flush=True)
"""


@pytest.fixture
def command(plugin: Path, plan: Plan, tmp_path: Path) -> list[str]:
    """A command that trains in the foreground and prints what it is shown."""
    (plugin / "foreground.py").write_text(DRIVER)
    plan.save(tmp_path / "plan.json")
    return [sys.executable, "-u", "-m", "foreground", str(tmp_path / "plan.json")]


@pytest.mark.parametrize("how", ["ctrl-c", "stop"])
def test_a_command_waits_says_for_whom_and_can_be_cancelled(
    plan: Plan, runs: Path, command: list[str], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PATIENCE", PATIENCE)
    with occupied(runs):
        api.train(plan, detach=True)
        with start(command) as process:
            read_until(process, "waiting for job 1")
            assert api.runs()["runs"][0]["queue_position"] == 2
            assert api.move("2")["moved"]  # a command that waits moves itself
            assert api.runs()["runs"][0]["queue_position"] == 1
            if how == "ctrl-c":
                process.send_signal(signal.SIGINT)
            else:
                assert api.stop("2")["status"] == "stopped"
            out, err = process.communicate(timeout=PATIENCE)
        assert out.splitlines()[-1] == "stopped", err
        folder = folder_of(runs, 2)
        assert states(folder) == ["stopped"]
        assert journal(folder)[-1]["reason"] == "cancelled"
        assert not (folder / "stop").exists()
        assert [e["kind"] for e in journal(folder) if e["kind"] == "segment"] == []
    wait_until(lambda: ended(runs, 1))


def test_a_command_trains_when_it_is_its_turn(plan: Plan, runs: Path, command: list[str]) -> None:
    with occupied(runs):
        process = start(command)
        read_until(process, "waits for its turn")
        api.train(plan, detach=True)
    out, err = process.communicate(timeout=PATIENCE)
    assert out.splitlines()[-1] == "completed", err
    wait_until(lambda: ended(runs, 2))
    assert by_start(runs) == [1, 2]


def test_a_command_that_dies_while_it_waits(runs: Path, command: list[str]) -> None:
    with occupied(runs):
        with start(command) as process:
            read_until(process, "waits for its turn")
            process.kill()
        found = api.run("1")
    assert found["status"] == "lost"
    assert "Nothing was trained" in found["error"]


# Deaths


def test_a_runner_that_is_killed_is_started_again_by_any_command(plan: Plan, runs: Path) -> None:
    with occupied(runs):
        api.train(plan, detach=True)
        wait_until(lambda: runner_lives(runs))
        api.train(plan, detach=True)  # finds the runner there
        first = runner_pid()
        kill(first)
        assert not runner_lives(runs)
        api.runs()
        wait_until(lambda: runner_lives(runs))
        api.runs()
        assert runner_pid() != first
    wait_until(lambda: ended(runs, 1, 2))
    assert [states(folder_of(runs, n)) for n in (1, 2)] == [
        ["starting", "running", "completed"]
    ] * 2


def test_a_command_that_waits_brings_the_runner_back(
    plan: Plan, runs: Path, command: list[str]
) -> None:
    """What it waits for is a job that only a runner starts."""
    with occupied(runs):
        api.train(plan, detach=True)
        wait_until(lambda: runner_lives(runs))
        with start(command) as process:
            read_until(process, "waiting for job 1")
            kill(runner_pid())
            wait_until(lambda: runner_lives(runs))
            process.kill()
    wait_until(lambda: ended(runs, 1))


DEATHS = """
import os, pathlib, signal, sys
if "huohou.jobs.supervise" in sys.orig_argv:
    note = pathlib.Path(os.environ["PYTHON_DEATHS"])
    left = int(note.read_text())
    if left:
        note.write_text(str(left - 1))
        print("dying", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def deaths(plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """So many supervisors die before they begin."""

    def ask(count: int) -> None:
        (plugin / "sitecustomize.py").write_text(DEATHS)
        (tmp_path / "deaths").write_text(str(count))
        monkeypatch.setenv("PYTHON_DEATHS", str(tmp_path / "deaths"))

    return ask


def test_a_supervisor_that_dies_before_it_began_leaves_the_job_queued(
    plan: Plan, runs: Path, deaths: Callable[[int], None]
) -> None:
    deaths(2)
    api.train(plan, detach=True)
    wait_until(lambda: ended(runs, 1))
    assert states(folder_of(runs, 1)) == ["starting", "running", "completed"]


def test_a_job_that_cannot_begin_fails_and_the_next_one_goes_on(
    plan: Plan, runs: Path, deaths: Callable[[int], None]
) -> None:
    deaths(3)
    with occupied(runs):
        api.train(plan, detach=True)
        api.train(plan, detach=True)
    wait_until(lambda: ended(runs, 1, 2))
    found = api.run("1")
    assert found["status"] == "failed"
    assert "3 times" in found["error"] and "dying" in found["error"]
    assert state_of(runs, 2) == "completed"


def test_a_training_outlives_its_supervisor_and_keeps_the_device(
    plan: Plan, runs: Path, fake: Ask, tmp_path: Path
) -> None:
    fake(steps=90, seconds=0.03, at=30, how="wait", **{"for": str(tmp_path / "go")})
    api.train(plan, detach=True)
    wait_until(lambda: is_running(runs, 1))
    folder = folder_of(runs, 1)
    kill(segment(folder)["supervisor"])
    api.train(plan, detach=True)
    pid = segment(folder)["pid"]
    (tmp_path / "go").touch()
    wait_until(lambda: not is_alive(pid) or state_of(runs, 2) != "queued")
    assert not is_alive(pid), "job 2 began beside job 1"
    wait_until(lambda: state_of(runs, 2) != "queued")
    found = api.run("1")
    assert (found["status"], found["step"]) == ("completed", 90)
    assert api.stop("2")["status"] in ("stopped", "completed")


def test_an_orphan_can_be_stopped_at_once(plan: Plan, runs: Path, fake: Ask) -> None:
    fake(steps=10, at=6, how="deaf")
    api.train(plan, detach=True)
    wait_until(lambda: is_running(runs, 1))
    kill(segment(folder_of(runs, 1))["supervisor"])
    assert api.run("1")["status"] == "running"
    assert api.stop("1", now=True)["status"] == "stopped"
    assert not is_alive(segment(folder_of(runs, 1))["pid"])
    assert journal(folder_of(runs, 1))[-1]["reason"] == "stopped-now"


def test_no_wake_up_is_lost(
    plan: Plan, runs: Path, monkeypatch: pytest.MonkeyPatch, either_database: str
) -> None:
    """A job is queued when the runner has looked for the last time and still holds its lock."""
    started: list[str] = []
    serving: Any = Worker if either_database == "postgresql" else runner._Runner
    serve, real = serving.serve, detach._start

    def serve_and_look_away(self: Any, *told: Any, **more: Any) -> None:
        serve(self, *told, **more)
        if not started:
            started.append("the window is open")
            api.train(plan, detach=True)

    def note(python: str, module: str, path: Path, *more: str, **how: Any) -> Any:
        started.append(module)
        return real(python, module, path, *more, **how)

    monkeypatch.setattr(serving, "serve", serve_and_look_away)
    monkeypatch.setattr(detach, "_start", note)
    runs.mkdir()
    assert runner.main([str(runs)]) == 0
    assert started[1:] == ["huohou.jobs.supervise"]  # nobody started a second runner
    wait_until(lambda: ended(runs, 1))
    assert state_of(runs, 1) == "completed"


# Stopping


def test_a_queued_job_is_cancelled(plan: Plan, runs: Path) -> None:
    with occupied(runs):
        api.train(plan, detach=True)
        done = api.stop("1")
        assert (done["was"], done["status"], done["checkpoint"]) == ("queued", "stopped", None)
        wait_until(lambda: not runner_lives(runs))
        assert api.stop("1")["was"] == "stopped"
    folder = folder_of(runs, 1)
    assert states(folder) == ["stopped"]
    assert not queue.start_file(runs, 1).exists()
    assert not (folder / ".reserve").exists()


def test_a_running_job_stops_with_a_checkpoint(plan: Plan, runs: Path, fake: Ask) -> None:
    fake(steps=10_000, seconds=0.02)
    api.train(plan, detach=True)
    wait_until(lambda: is_running(runs, 1))
    seen: list[str] = []
    done = api.stop("1", on_event=lambda event, progress: seen.append(event["kind"]))
    assert (done["was"], done["status"]) == ("running", "stopped")
    assert seen[-2:] == ["checkpoint", "end"]
    assert states(folder_of(runs, 1)) == ["starting", "running", "stopping", "stopped"]


def test_stop_without_waiting(plan: Plan, runs: Path, fake: Ask, tmp_path: Path) -> None:
    fake(at=2, how="wait", **{"for": str(tmp_path / "go")})
    api.train(plan, detach=True)
    wait_until(lambda: is_running(runs, 1))
    with no_longer():
        assert api.stop("1", wait=False)["status"] in ("running", "stopping")
    (tmp_path / "go").touch()  # it cannot have waited for the job
    wait_until(lambda: ended(runs, 1))
    assert not (folder_of(runs, 1) / "stop").exists()
