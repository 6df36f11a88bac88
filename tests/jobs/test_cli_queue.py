"""`train --detach`, `stop`, `runs move`, as people type them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from living import ended, occupied, state_of

from huohou import api
from huohou.cli.main import run
from huohou.plan import Plan
from waiting import wait_until

pytestmark = pytest.mark.usefixtures("plugin")

Ask = Callable[..., None]


@pytest.fixture
def runs(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, either_database: str) -> Path:
    """A workspace; `train` carries out the plan at hand."""
    monkeypatch.setattr(api, "make_plan", lambda run_file, flags: plan)
    return tmp_path / "runs"


def said(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    assert run(list(words)) == code
    return capsys.readouterr().out


def test_queue_and_cancel(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with occupied(runs):
        told = said(capsys, 0, "train", "--detach", "--slots", "1")
        assert "Job 1 (bank codes) is in the queue" in told
        assert "huohou watch 1" in told and "huohou stop 1" in told
        said(capsys, 0, "train", "--detach")
        assert "queued, no. 2" in said(capsys, 0, "runs", "ls")
        assert "排队第 2" in said(capsys, 0, "--lang", "zh", "runs", "ls")
        assert "Job 2 was moved" in said(capsys, 0, "runs", "move", "2", "--first")
        assert "there already" in said(capsys, 0, "runs", "move", "2", "--before", "1")
        for wrong in ([], ["--first", "--before", "1"]):
            said(capsys, 2, "runs", "move", "2", *wrong)
        said(capsys, 2, "runs", "rm", "1")
        assert "was cancelled" in said(capsys, 0, "stop", "2")
        assert "had ended already: stopped" in said(capsys, 0, "stop", "2")
    wait_until(lambda: ended(runs, 1))
    assert "had ended already: completed" in said(capsys, 0, "stop", "1")
    said(capsys, 2, "stop", "7")


def test_stop_says_what_there_is(runs: Path, fake: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    fake(steps=10_000, seconds=0.02)
    said(capsys, 0, "train", "--detach")
    wait_until(lambda: state_of(runs, 1) == "running")
    told = said(capsys, 0, "stop", "1")
    assert "Run 1 has ended after update" in told
    assert "no checkpoint" in told  # that of the recipe `fake` is only a line
