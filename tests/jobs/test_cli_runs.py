"""The commands `train` and `runs`, as people type them."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from huohou import api
from huohou.cli.main import run
from huohou.plan import Plan
from tiny import tiny_llama_folder
from waiting import PATIENCE

Ask = Callable[..., None]

pytestmark = pytest.mark.usefixtures("plugin")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def project(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rows, a tokenizer and a run file for the recipe `fake`; we are in it."""
    place = tmp_path / "project"
    place.mkdir()
    rows = [
        {"prompt": f"Code of branch {i}?", "completion": f"1021000207{i:02d}"} for i in range(12)
    ]
    (place / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (place / "run.yaml").write_text(
        f"name: bank codes\nrecipe: fake\nmodel: {model}\ndata: {{train: train.jsonl}}\n"
        "train: {num_epochs: 2, batch_size: 4, device: cpu, dtype: float32}\n"
    )
    monkeypatch.chdir(place)
    monkeypatch.setenv("HUOHOU_HOME", "runs")
    monkeypatch.setenv("COLUMNS", "100")
    return place


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "huohou", *words]


def test_train_says_what_became_of_it(project: Path) -> None:
    done = subprocess.run(
        command("train", "run.yaml", "--name", "my run"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Run 1 (my run)  completed"
    assert "folder      runs/1-my-run" in done.stdout
    assert "updates     10 of 10" in done.stdout
    assert done.stdout.splitlines()[-3:] == [
        "  huohou diagnose 1",
        "  huohou eval 1",
        "  huohou runs show 1",
    ]
    assert "eval at update 10, epoch 2: loss 0.3  whole answers right 50.0%" in done.stderr
    assert "1021000207" not in done.stdout
    assert Plan.load(project / "runs/1-my-run/plan.json").name == "my run"


def test_on_a_terminal_one_line_moves_and_ctrl_c_stops(project: Path, fake: Ask) -> None:
    fake(steps=10_000, seconds=0.02)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("train", "run.yaml"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color"},
    ) as process:
        os.close(theirs)
        shown = read_until(ours, "tokens/s") + read_until(ours, "left (until")
        assert "\x1b[" in shown  # drawn over
        process.send_signal(signal.SIGINT)
        read_until(ours, "Stopping after the running step")
        draining = threading.Thread(target=read_all, args=(ours,))
        draining.start()  # a terminal that nobody reads is full some time
        out = process.communicate(timeout=PATIENCE)[0].decode()
        draining.join(PATIENCE)
    os.close(ours)
    assert process.returncode == 130
    assert out.splitlines()[0] == "Run 1 (bank codes)  stopped"


def read_until(terminal: int, words: str) -> str:
    shown = b""
    while words.encode() not in shown:
        shown += os.read(terminal, 65536)
    return shown.decode("utf-8", "replace")


def read_all(terminal: int) -> None:
    with suppress(OSError):  # its other end is closed
        while os.read(terminal, 65536):
            pass


@pytest.mark.slow
def test_train_that_fails_ends_with_1(project: Path, fake: Ask) -> None:
    fake(at=3, how="raise")
    words = command("--lang", "zh", "train", "run.yaml", "-s", "name=other")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("任务 1（other）  失败")
    assert "ValueError: boom 好" in done.stdout
    assert "huohou runs logs 1" in done.stdout


# Reading


def documents(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(list(words)) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_runs_as_tables_and_documents(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    api.train(plan)
    api.train(plan)
    found = documents(capsys, "runs", "ls", "--json")
    assert found["schema"] == 1
    assert [one["id"] for one in found["runs"]] == [2, 1]
    assert run(["runs", "ls"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[:3] == ["ID", "NAME", "STATE"]
    assert table[1].split()[:6] == ["2", "bank", "codes", "completed", "100%", "2.0/2"]

    shown = documents(capsys, "runs", "show", "1", "--json")
    columns = {"status", "current_epoch", "epochs", "progress_percentage", "train_loss", "val_loss"}
    assert columns | {"findings", "scorecard", "folder", "schema"} <= shown.keys()
    assert run(["runs", "show", "bank codes"]) == 0
    assert "data-duplicates: twice" in capsys.readouterr().out
    assert run(["--lang", "zh", "runs", "show", "last"]) == 0
    assert "任务 2（bank codes）  已完成" in capsys.readouterr().out

    assert run(["runs", "logs", "last", "-n", "1"]) == 0
    assert capsys.readouterr().out == "loading\n"
    assert documents(capsys, "runs", "reindex", "--json")["jobs"] == 2


def test_no_runs_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "ls"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "No runs in" in told.err
    assert run(["runs", "show", "last"]) == 2
    assert "no runs in" in capsys.readouterr().err
    assert documents(capsys, "runs", "ls", "--json")["runs"] == []
    assert not (tmp_path / "runs").exists()
    for words in (["runs", "show", "last"], ["runs", "logs", "7"], ["runs", "show", "nowhere/x"]):
        assert run(words) == 2
        assert "There is no run" in capsys.readouterr().err


def test_nan_is_shown_and_is_valid_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from huohou.record.recorder import Journal, Recorder

    folder = tmp_path / "runs" / "1-x"
    folder.mkdir(parents=True)
    with Journal(folder / "job.jsonl", 0) as journal:
        journal.queued(1, "x", "sft", "m")
    with Recorder(folder / "events.jsonl") as recorder:
        recorder.metrics(1, 0.5, loss=float("nan"))
        recorder.eval(1, 0.5, eval_loss=0.0)
    shown = documents(capsys, "runs", "show", "last", "--json")
    assert (shown["train_loss"], shown["val_loss"]) == ("NaN", 0.0)
    assert run(["runs", "ls"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[-4:-2] == ["NaN", "0"]


def test_reading_needs_no_torch(plan: Plan) -> None:
    api.train(plan)
    code = (
        "import sys; from huohou.cli.main import run\n"
        "for words in (['ls'], ['show', 'last', '--json'], ['logs', 'last'], ['reindex']):\n"
        "    assert run(['runs', *words]) == 0\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
