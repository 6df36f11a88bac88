"""The command `watch`, as people use it: a terminal, a pipe, a script."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from huohou import api
from huohou.cli.main import run
from huohou.jobs import watching
from huohou.plan import Plan
from huohou.record.events import Follower
from waiting import PATIENCE, no_longer

Ask = Callable[..., None]

pytestmark = pytest.mark.usefixtures("plugin")


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "huohou", *words]


@contextmanager
def started(driver: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A training in the foreground of another process, at its fifth step."""
    with subprocess.Popen(driver, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any(line.strip() == "metrics 5" for line in process.stdout)
            yield process
        finally:
            process.kill()


@contextmanager
def in_terminal(*words: str, columns: int = 80) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "24"}
    with subprocess.Popen(
        command(*words), stdout=theirs, stderr=theirs, env=env, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal: int, words: str) -> str:
    shown = b""  # what is read at once may end in the middle of a letter
    while words.encode() not in shown:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the terminal was closed
            raise AssertionError(shown.decode("utf-8", "replace")) from None
    return shown.decode("utf-8", "replace")


def rest(terminal: int) -> str:
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            return shown.decode("utf-8", "replace")


def test_live_in_a_terminal_to_the_end(fake: Ask, driver: list[str], tmp_path: Path) -> None:
    go = tmp_path / "go"
    fake(steps=120, seconds=0.02, at=60, how="wait", **{"for": str(go)})
    with started(driver), in_terminal("watch") as (process, terminal):
        first = read_until(terminal, "left (until")
        go.touch()  # however late the view began, it has seen it running
        first += read_until(terminal, "100%")
        shown = first + rest(terminal)
        assert process.wait(PATIENCE) == 0
    for words in (
        "Run 1 (bank codes)",
        "running",
        "completed",
        "\x1b[",  # drawn over
        "train loss",
        "of 120",
        "epoch 2.00 of 2",
        "EPOCH  PLANNED",
        "tokens/s",
        "left (until",
        "eval at update 120, epoch 2: loss",
        "loading",  # train.log
    ):
        assert words in shown, words


def test_ctrl_c_closes_only_the_view(fake: Ask, driver: list[str]) -> None:
    fake(steps=100_000, seconds=0.02)
    with started(driver) as training:
        with in_terminal("--lang", "zh", "watch", "last", columns=50) as (process, terminal):
            read_until(terminal, "训练损失")
            process.send_signal(signal.SIGINT)
            assert "任务 1（bank codes）照常进行" in rest(terminal)
            assert process.wait(PATIENCE) == 130
        assert training.poll() is None
        before = api.run("1")
        assert before["status"] == "running"


def test_a_run_that_fails(plan: Plan, fake: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    fake(at=3, how="raise")
    api.train(plan)
    assert run(["watch", "1"]) == 1
    told = capsys.readouterr().out
    assert "Run 1 (bank codes)  failed\nValueError: boom 好" in told
    assert "update 2 of 10" in told


def test_a_run_whose_process_dies_while_somebody_looks_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SETTLE", 0.2)
    code = "import huohou, time; huohou.start('mine').log(1, loss=1.0); print(1, flush=True); time.sleep(99)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        threading.Timer(1.0, process.kill).start()
        assert run(["watch"]) == 1
    told = capsys.readouterr().out
    assert "Run 1 (mine)  running" in told
    assert "Run 1 (mine)  lost" in told


def test_lines_for_a_pipe(plan: Plan) -> None:
    api.train(plan)
    done = subprocess.run(command("watch", "1"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("Run 1")] == [
        "Run 1 (bank codes)  starting",
        "Run 1 (bank codes)  running",
        "Run 1 (bank codes)  completed",
    ]
    assert "eval at update 5, epoch 1: loss 0.6  whole answers right 50.0%" in lines
    assert not any("\x1b" in line for line in lines)
    code = f"{' '.join(command('watch', '1', '--json'))} | head -1; exit ${{PIPESTATUS[0]}}"
    cut = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert (cut.returncode, len(cut.stdout.splitlines())) == (0, 1), cut.stderr


def test_every_event_as_it_stands_in_the_files(
    plan: Plan, fake: Ask, driver: list[str], tmp_path: Path
) -> None:
    fake(steps=60, seconds=0.02)
    with started(driver) as training:
        watched = subprocess.run(command("watch", "--json"), capture_output=True, check=False)
        training.communicate(timeout=PATIENCE)
    folder = tmp_path / "runs" / "1-bank-codes"
    written = [
        line
        for file in ("job", "events")
        for line in (folder / f"{file}.jsonl").read_bytes().split(b"\n")
    ]
    assert sorted(watched.stdout.split(b"\n")[:-1]) == sorted(line for line in written if line)
    assert watched.returncode == 0
    for file in ("job.jsonl", "events.jsonl"):
        own = Follower(folder / file).poll()
        shown = [json.loads(line) for line in watched.stdout.splitlines()]
        times = [event["t"] for event in own]
        assert [e["t"] for e in shown if e in own] == times
    assert run(["watch", "1", "--json", "--new"]) == 0


def test_the_default_is_what_goes_on_now(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch"]) == 2
    assert "no runs in" in capsys.readouterr().err.lower()
    api.train(plan)
    import huohou

    with huohou.start("mine") as mine:
        api.train(plan)
        found: Any = api.watch()
        assert found.folder == mine.folder
    assert api.watch().folder.name == "3-bank-codes"  # type: ignore[union-attr]


# Logs of other programs


def row(step: int) -> str:
    return (
        json.dumps({"current_steps": step, "total_steps": 90, "loss": 3 / step, "epoch": step / 30})
        + "\n"
    )


def test_a_foreign_log_while_it_grows(tmp_path: Path) -> None:
    log = tmp_path / "trainer_log.jsonl"
    log.write_text("".join(map(row, range(1, 11))))
    with in_terminal("watch", str(log)) as (process, terminal):
        read_until(terminal, "update 10 of 90")
        with log.open("a") as out:
            out.write("".join(map(row, range(11, 31))))
        read_until(terminal, "update 30 of 90")
        process.send_signal(signal.SIGINT)
        assert "The view is closed" in rest(terminal)
        assert process.wait(PATIENCE) == 130
    assert not (tmp_path / "runs").exists()


def test_a_foreign_log_is_left_when_nothing_comes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "state" / "trainer_state.json"
    log.parent.mkdir()
    history = [{"step": i, "epoch": i / 5, "loss": 2 / i} for i in range(1, 6)]
    history.append({"step": 5, "epoch": 1.0, "eval_loss": 0.9})
    log.write_text(json.dumps({"global_step": 5, "max_steps": 10, "log_history": history}))
    for place in (log, log.parent):
        with no_longer():
            assert run(["watch", str(place), "--idle", "0.1"]) == 0
        told = capsys.readouterr().out
        assert "eval at update 5, epoch 1: loss 0.9" in told
        assert "update 5 of 10  epoch 1.00 of ?  loss 0.4" in told
    assert run(["watch", str(log), "--idle", "0", "--json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["kind"] for event in shown] == ["start", *["metrics"] * 5, "eval"]
    assert shown[1]["line"] == 1
    log.with_name("epochs.jsonl").write_text('{"val_loss": 0.5}\n{"train_loss": 0.1, "epoch": 3}\n')
    assert run(["watch", str(log.with_name("epochs.jsonl")), "--idle", "0"]) == 0
    assert "eval at update -, epoch -: loss 0.5" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["none.jsonl", "a/b", "prices.csv"])
def test_what_is_no_log(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.csv").write_text("fruit,price\na,3\n")
    assert run(["watch", path]) == 2
