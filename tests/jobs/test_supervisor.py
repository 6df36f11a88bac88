"""One job from start to end, in real processes: every way it can end has its state and its words."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from living import is_alive

from databases import lose, mend, spoil, sql, tables
from huohou import api
from huohou.jobs import memory
from huohou.plan import Plan
from huohou.record.events import Follower
from huohou.record.readers.huohou_run import read_run
from huohou.record.store import Store
from small_disk import small_disk
from waiting import PATIENCE, wait_until

pytestmark = pytest.mark.usefixtures("plugin", "either_database")

Ask = Callable[..., None]


def folder_of(document: dict[str, Any]) -> Path:
    return Path(document["folder"])


def journal(folder: Path) -> list[dict[str, Any]]:
    return Follower(folder / "job.jsonl").poll()


def states(folder: Path) -> list[str]:
    return [e["state"] for e in journal(folder) if e["kind"] == "state"]


def test_a_run_from_start_to_end(plan: Plan, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    done = api.train(plan, lambda event, progress: seen.append((event["kind"], progress.step)))
    folder = folder_of(done)
    assert folder == tmp_path / "runs" / "1-bank-codes"
    assert done["schema"] == 1
    assert (done["status"], done["progress_percentage"], done["step"]) == ("completed", 100.0, 10)
    assert (done["current_epoch"], done["epochs"]) == (2.0, 2.0)
    assert (done["train_loss"], done["val_loss"]) == (0.2, 0.3)
    assert (done["recipe"], done["base_model"], done["error"]) == ("fake", "tiny", None)
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    assert done["heartbeat_at"] >= done["created_at"] - 1
    assert states(folder) == ["starting", "running", "completed"]
    assert Plan.load(folder / "plan.json") == plan
    assert journal(folder)[0]["plan"]["name"] == "bank codes"
    assert "hello" in (folder / "train.log").read_text()
    assert "loading" in (folder / "train.log").read_text()
    assert [kind for kind, _ in seen if kind == "metrics"] == ["metrics"] * 10
    assert seen[-1] == ("state", 10)
    assert not (folder / ".reserve").exists()
    assert read_run(folder).values("loss") == [2 / step for step in range(1, 11)]


def test_the_query_people_type(plan: Plan) -> None:
    api.train(plan)
    query = (
        "SELECT status, current_epoch, epochs, progress_percentage, train_loss, val_loss "
        "FROM training_jobs WHERE id = 1"
    )
    assert sql(Store(), query) == [("completed", 2.0, 2.0, 100.0, 0.2, 0.3)]


def test_a_second_run_of_a_name_does_not_mix(plan: Plan) -> None:
    first, second = api.train(plan), api.train(plan)
    assert [first["id"], second["id"]] == [1, 2]
    assert folder_of(second).name == "2-bank-codes"
    assert len(read_run(folder_of(first)).values("loss")) == 10


def test_the_index_rebuilt_is_the_index_that_grew(plan: Plan, fake: Ask, tmp_path: Path) -> None:
    fake(at=7, how="raise")
    api.train(plan)
    fake()
    api.train(plan)
    before = tables(Store())
    assert sum(map(len, before.values())) > 100
    assert api.reindex() == {
        "schema": 1,
        "workspace": str(tmp_path / "runs"),
        "jobs": 2,
        "skipped": [],
    }
    assert tables(Store()) == before


@pytest.mark.parametrize(
    ("how", "reason", "words"),
    [
        ("raise", "error", ["ValueError: boom 好", "KeyError: 'deep inside'", "in die"]),
        ("memory", "out-of-memory", ["Not enough memory", "max_tokens"]),
        ("exit", "no-end", ["exit code 3", "last words"]),
        ("quit", "no-end", ["exit code 0"]),
        ("SIGKILL", "signal", ["SIGKILL", "step 6"]),
        ("SIGSEGV", "signal", ["SIGSEGV", "Segmentation fault"]),
    ],
)
def test_a_death_is_explained(
    plan: Plan, fake: Ask, how: str, reason: str, words: list[str]
) -> None:
    fake(at=7, how=how)
    done = api.train(plan)
    assert done["status"] == "failed"
    assert [word for word in words if word not in done["error"]] == []
    last = journal(folder_of(done))[-1]
    assert (last["kind"], last["state"], last["reason"]) == ("state", "failed", reason)
    assert len(read_run(folder_of(done)).values("loss")) == 6  # nothing that was written is lost


def test_an_unknown_recipe_fails_with_its_sentence(plan: Plan) -> None:
    from dataclasses import replace

    done = api.train(replace(plan, recipe="fakee"))
    assert done["status"] == "failed"
    assert "fakee" in done["error"]
    assert "Traceback" not in done["error"]


def test_killed_by_the_kernel_for_memory(
    plan: Plan, fake: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's counter is the one thing here that is not real."""
    counts = iter([4, 5])
    monkeypatch.setattr(memory, "kernel_kills", lambda: next(counts))
    fake(at=3, how="SIGKILL")
    done = api.train(plan)
    assert "ran out of memory" in done["error"]
    assert journal(folder_of(done))[-1]["reason"] == "out-of-memory"


# A full disk


def test_a_disk_that_fills_up(
    plan: Plan, fake: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", 6000) as place:
        monkeypatch.setenv("HUOHOU_HOME", str(place))
        fake(at=7, how="fill")
        done = api.train(plan)
        assert done["status"] == "failed"
        assert done["error"].startswith("The disk is full")
        assert "5.0 MB" in done["error"]  # what a checkpoint takes
        assert len(read_run(folder_of(done)).values("loss")) == 6
        assert api.run("last")["error"] == done["error"]
        assert states(folder_of(done)) == ["starting", "running", "failed"]
        (folder_of(done) / "checkpoints" / "weights").unlink()
        assert api.reindex()["jobs"] == 1


def test_a_disk_that_is_full_before_the_start(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", 800) as place:
        monkeypatch.setenv("HUOHOU_HOME", str(place))
        with pytest.raises(Exception, match="No space left") as caught:
            api.train(plan)
        assert type(caught.value).__name__ == "StoreError"
        assert [p.name for p in place.iterdir() if p.is_dir()] == []


def test_a_limit_on_file_sizes(plan: Plan, fake: Ask, driver: list[str]) -> None:
    fake(at=7, how="fill")
    limit = "import resource,os,sys; resource.setrlimit(resource.RLIMIT_FSIZE,(2**21,)*2); os.execv(sys.argv[1],sys.argv[1:])"
    run = subprocess.run(
        [sys.executable, "-c", limit, *driver], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1].split()[:2] == ["False", "failed"]
    assert api.run("last")["error"].startswith("The disk is full")


# Stopping


@contextmanager
def driven(driver: list[str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(driver, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


def wait_for(run: "subprocess.Popen[str]", line: str) -> None:
    assert run.stdout
    for got in run.stdout:
        if got.strip() == line:
            return
    raise AssertionError(f"{line!r} never came: {run.stderr and run.stderr.read()}")


def training_process(workspace: Path) -> int:
    found = [e for e in journal(workspace / "1-bank-codes") if e["kind"] == "segment"]
    return int(found[-1]["pid"])


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_once_it_saves_and_stops(
    fake: Ask, driver: list[str], tmp_path: Path, name: signal.Signals
) -> None:
    fake(steps=10_000, seconds=0.02)
    with driven(driver) as run:
        wait_for(run, "metrics 5")
        run.send_signal(name)
        out, err = run.communicate(timeout=PATIENCE)
    assert out.splitlines()[-1].split()[1] == "stopped", err
    folder = tmp_path / "runs/1-bank-codes"
    assert states(folder) == ["starting", "running", "stopping", "stopped"]
    last = Follower(folder / "events.jsonl").poll()
    assert [e["kind"] for e in last[-2:]] == ["checkpoint", "end"]
    assert not (folder / "stop").exists()
    assert api.run("last")["status"] == "stopped"
    assert api.run("last")["error"] is None


def test_asked_twice_it_stops_now(fake: Ask, driver: list[str], tmp_path: Path) -> None:
    fake(steps=10, seconds=0.01, at=6, how="deaf")
    with driven(driver) as run:
        wait_for(run, "eval 5")
        run.send_signal(signal.SIGINT)
        wait_until(lambda: states(tmp_path / "runs/1-bank-codes")[-1] == "stopping")
        assert run.poll() is None
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=PATIENCE)
    assert out.splitlines()[-1].split()[1] == "stopped", err
    assert not is_alive(training_process(tmp_path / "runs"))


def test_a_stop_from_elsewhere(fake: Ask, driver: list[str], tmp_path: Path) -> None:
    fake(steps=10_000, seconds=0.02)
    with driven(driver) as run:
        wait_for(run, "metrics 5")
        (tmp_path / "runs/1-bank-codes/stop").write_text("")
        out, _ = run.communicate(timeout=PATIENCE)
    assert out.splitlines()[-1].split()[1] == "stopped"


def test_a_dead_supervisor_leaves_no_orphan_and_no_riddle(
    fake: Ask, driver: list[str], tmp_path: Path
) -> None:
    fake(steps=10_000, seconds=0.02)
    with driven(driver) as run:
        wait_for(run, "metrics 5")
        run.kill()
    pid = training_process(tmp_path / "runs")
    wait_until(lambda: not is_alive(pid))
    # The training ended by itself, with a checkpoint, and said so; the next command finds it.
    found = api.run("last")
    assert (found["status"], found["error"]) == ("stopped", None)
    losses = read_run(tmp_path / "runs/1-bank-codes").values("loss")
    assert found["train_loss"] == losses[-1]
    assert len(Store().series(1, "loss", points=10_000).last) == len(losses)


def test_both_dead_is_lost(fake: Ask, driver: list[str], tmp_path: Path) -> None:
    fake(steps=10_000, seconds=0.02)
    with driven(driver) as run:
        wait_for(run, "metrics 5")
        wait_until(lambda: api.run("last")["status"] == "running")
        assert api.runs()["runs"][0]["status"] == "running"  # a living one is left alone
        os.kill(training_process(tmp_path / "runs"), signal.SIGSTOP)
        run.kill()
    os.kill(training_process(tmp_path / "runs"), signal.SIGKILL)
    wait_until(lambda: not is_alive(training_process(tmp_path / "runs")))
    found = api.run("last")
    assert found["status"] == "lost"
    assert "machine went down" in found["error"]
    assert states(tmp_path / "runs/1-bank-codes")[-1] == "lost"
    assert api.runs()["runs"][0]["status"] == "lost"


def test_an_orphan_that_does_not_listen_ends(fake: Ask, driver: list[str], tmp_path: Path) -> None:
    fake(steps=10, at=6, how="deaf")
    with driven(driver) as run:
        wait_for(run, "eval 5")
        run.kill()
    wait_until(lambda: not is_alive(training_process(tmp_path / "runs")))


def test_the_supervisor_needs_no_torch(driver: list[str]) -> None:
    run = subprocess.run(driver, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1].split()[:2] == ["False", "completed"]


def test_a_terminal_that_goes_away_does_not_end_the_run(plan: Plan) -> None:
    def gone(event: object, progress: object) -> None:
        raise BrokenPipeError

    assert api.train(plan, gone)["status"] == "completed"


def test_a_database_that_cannot_be_used_does_not_end_the_run(plan: Plan, fake: Ask) -> None:
    fake(steps=10, seconds=0.02)
    said = []

    def after_two(event: dict[str, Any], progress: Any) -> None:
        if event["kind"] == "metrics" and event["step"] == 2:
            spoil(Store())
        said.append(event)

    done = api.train(plan, after_two)
    assert (done["status"], done["train_loss"]) == ("completed", 0.2)
    assert "runs reindex" in said[-1]["text"]
    mend(Store())
    assert api.reindex()["jobs"] == 1
    assert api.run("1")["status"] == "completed"


def test_a_database_deleted_while_it_trains(plan: Plan, fake: Ask) -> None:
    fake(steps=60, seconds=0.05)

    def delete(event: dict[str, Any], progress: Any) -> None:
        if event["kind"] == "metrics" and event["step"] == 20:
            lose(Store())

    assert api.train(plan, delete)["status"] == "completed"
    before = tables(Store())
    api.reindex()
    assert tables(Store()) == before
    assert len(before["metrics"]) == 60 * 3 + 12 * 2


def test_a_recipe_named_like_a_file_of_the_user(driver: list[str], tmp_path: Path) -> None:
    """A file in the folder where the command is given is not taken for a module."""
    (tmp_path / "json.py").write_text("raise SystemExit('taken')")
    command = [driver[0], "-P", *driver[1:]]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1].split()[1] == "completed"


# Finding


def test_a_run_is_found_by_what_people_call_it(plan: Plan, tmp_path: Path) -> None:
    api.train(plan)
    api.train(plan)
    by = {ref: api.run(ref)["id"] for ref in ("1", "bank codes", "last", "1-bank-codes")}
    assert by == {"1": 1, "bank codes": 2, "last": 2, "1-bank-codes": 1}
    folder = tmp_path / "runs/1-bank-codes"
    assert api.run(str(folder))["id"] == 1
    elsewhere = tmp_path / "elsewhere" / "1-bank-codes"
    elsewhere.parent.mkdir()
    folder.rename(elsewhere)
    before = sorted(p.name for p in elsewhere.iterdir())
    found = api.run(str(elsewhere))
    assert (found["id"], found["status"], found["folder"]) == (1, "completed", str(elsewhere))
    assert "data-duplicates" in [f["code"] for f in found["findings"]]
    assert sorted(p.name for p in elsewhere.iterdir()) == before
    with pytest.raises(Exception, match="bank codes") as caught:
        api.run("bank cods")
    assert type(caught.value).__name__ == "UsageError"


def test_what_a_run_shows(plan: Plan) -> None:
    done = api.train(plan)
    shown = api.run("last")
    assert shown["scorecard"] is None
    (folder_of(done) / "scorecard.json").write_text('{"metrics": []}')
    shown = api.run("last")
    assert shown["scorecard"] == {"metrics": []}
    json.dumps(shown, allow_nan=False)
    assert shown["findings"][0]["title"] == "twice"


def test_logs_last_lines_and_follow(fake: Ask, plan: Plan, driver: list[str]) -> None:
    fake(steps=40, seconds=0.02)
    with driven(driver) as run:
        wait_for(run, "metrics 5")
        followed = list(api.run_logs("last", follow=True))
        run.communicate(timeout=PATIENCE)
    assert followed == ["from the recipe: hello", "loading"]
    assert list(api.run_logs("last", 1)) == ["loading"]
