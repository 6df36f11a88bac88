"""A name that a run has already: nothing is overwritten, and who cannot be asked must say."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from huohou import api
from huohou.cli.main import run
from huohou.plan import Plan
from huohou.recipes.memory import is_out
from waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("plugin")
TRAIN = ["train", "--name", "bank codes"]


@pytest.fixture
def runs(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, either_database: str) -> Path:
    """A workspace with one finished run of that name; planning gives the plan at hand."""
    monkeypatch.setattr(api, "make_plan", lambda *_: plan)
    api.train(plan)
    return tmp_path / "runs"


def folders(runs: Path) -> list[str]:
    return sorted(path.name for path in runs.iterdir() if path.is_dir() and path.name[0].isdigit())


def test_without_a_terminal_it_stops_with_the_four_choices(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(TRAIN) == 2
    told = capsys.readouterr().err
    for choice in ("new", "backup", "continue", "cancel"):
        assert f"--if-exists {choice}" in told
    assert folders(runs) == ["1-bank-codes"]


def test_new_keeps_the_old_one_and_cancel_does_nothing(runs: Path) -> None:
    before = (runs / "1-bank-codes/events.jsonl").read_bytes()
    assert run([*TRAIN, "--if-exists", "cancel"]) == 0
    assert folders(runs) == ["1-bank-codes"]
    assert run([*TRAIN, "--if-exists", "new"]) == 0
    assert folders(runs) == ["1-bank-codes", "2-bank-codes"]
    assert (runs / "1-bank-codes/events.jsonl").read_bytes() == before


def test_backup_moves_it_away_and_restore_brings_it_back(runs: Path) -> None:
    before = (runs / "1-bank-codes/events.jsonl").read_bytes()
    assert run([*TRAIN, "--if-exists", "backup"]) == 0
    assert folders(runs) == ["2-bank-codes"], "its number is not given again"
    assert (runs / "backup/1-bank-codes/events.jsonl").read_bytes() == before
    assert [one["id"] for one in api.runs()["runs"]] == [2]
    assert run(["runs", "restore", "1"]) == 0
    assert folders(runs) == ["1-bank-codes", "2-bank-codes"]
    assert (runs / "1-bank-codes/events.jsonl").read_bytes() == before


def test_continue_of_a_finished_run_says_how_to_go_on(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TRAIN, "--if-exists", "continue"]) == 2
    assert "--extend-epochs" in capsys.readouterr().err
    assert folders(runs) == ["1-bank-codes"]


def test_another_name_is_not_asked_about(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--name", "other"]) == 0
    assert "already" not in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "words"), [("4\n", "Nothing was started"), ("9\n4\n", "9")])
def test_on_a_terminal_it_asks(runs: Path, typed: str, words: str) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "huohou", *TRAIN],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = ""
        while "[1" not in shown and "1, 2" not in shown:
            shown += os.read(ours, 65536).decode("utf-8", "replace")
        os.write(ours, typed.encode())
        while process.poll() is None or words not in shown:
            try:
                shown += os.read(ours, 65536).decode("utf-8", "replace")
            except OSError:  # its end of the terminal is closed
                break
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    assert words in shown
    assert "1  start again as a new job" in shown and "4  do nothing" in shown
    assert folders(runs) == ["1-bank-codes"]


def test_what_torch_says_when_memory_is_out_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out(caught.value), str(caught.value)
