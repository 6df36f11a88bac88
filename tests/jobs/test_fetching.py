"""A run comes back from its copy where its folder is gone."""

import json
import shutil
import time
from pathlib import Path

import pytest

from huohou import api
from huohou.cli.main import run
from huohou.record.copies import Copies
from huohou.record.recorder import Journal, Recorder
from huohou.record.storage import Storage


@pytest.fixture
def copied(tmp_path: Path) -> str:
    """The copy of a run that was stopped, an hour ago by its own clock; its folder is gone."""
    folder = tmp_path / "runs" / "7-codes"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    with Journal(folder / "job.jsonl", 0) as journal:
        journal.queued(7, "codes", "sft", "tiny", epochs=2, updates=10)
        journal.state("starting")
        journal.segment(1, 1, "another-machine")
        journal.state("running")
    with Recorder(folder / "events.jsonl", 0) as recorder:
        recorder.start(updates=10)
        recorder.metrics(3, 0.5, loss=1.5)
        recorder.end("stopped")
    for file in folder.glob("*.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        then = (json.dumps(line | {"t": time.time() - 3600}) for line in lines)
        file.write_text("\n".join(then) + "\n")
    copies = Copies(Storage(f"file://{tmp_path}/there"), folder)
    copies.record()
    shutil.rmtree(folder.parent)
    return copies.address


def test_it_is_back_as_it_was(copied: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "fetch", copied]) == 0
    assert "Run 7 is back" in capsys.readouterr().out
    found = api.run("7")
    assert (found["name"], found["status"], found["step"]) == ("codes", "stopped", 3)
    assert not list(Path(found["folder"]).parent.glob(".fetching-*"))


def test_a_number_that_is_taken_stays(copied: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "fetch", copied]) == 0
    journal = Path(api.run("7")["folder"]) / "job.jsonl"
    before = journal.read_bytes()
    assert run(["runs", "fetch", copied]) == 2
    assert "7-codes is there already" in capsys.readouterr().err
    assert journal.read_bytes() == before


def test_a_journal_of_another_run_is_refused(
    copied: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (journal,) = (tmp_path / "there").glob("*/job.jsonl")
    journal.write_text(journal.read_text().replace('"codes"', '"other"'))
    assert run(["runs", "fetch", copied]) == 2
    assert "job.jsonl is missing or not as it was written" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("*7-codes*"))


def test_a_journal_of_another_number_is_refused(
    copied: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would go by the number that it says, whatever its folder is called."""
    there = Path(copied.removeprefix("file://"))
    other = there.with_name(there.name.replace("7-codes", "8-codes"))
    there.rename(other)
    assert run(["runs", "fetch", f"file://{other}"]) == 2
    assert "job.jsonl is missing or not as it was written" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("*-codes"))


@pytest.mark.parametrize("t", ["NaN", "1e300", "99999999999"])
def test_a_run_is_not_alive_by_a_clock_that_cannot_be(copied: str, t: str) -> None:
    events = Path(copied.removeprefix("file://")) / "events.jsonl"
    with events.open("a") as out:
        out.write(f'{{"t": {t}, "seg": 0, "kind": "log", "text": "x"}}\n')
    assert run(["runs", "fetch", copied]) == 0
    folder = Path(api.run("7")["folder"])
    assert (folder / "heartbeat").stat().st_mtime <= time.time()


def test_a_fetched_run_and_one_in_the_trash_do_not_get_one_number(
    copied: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another run 7 was put away before: back, it would stand in the fetched one's place."""
    away = tmp_path / "runs" / "trash" / "7-other"
    away.mkdir(parents=True)
    with Journal(away / "job.jsonl", 0) as journal:
        journal.queued(7, "other", "sft", "tiny", epochs=2, updates=10)
        journal.state("stopped")
    assert run(["runs", "fetch", copied]) == 0
    assert run(["runs", "restore", "7"]) == 2
    assert "7-codes is there already" in capsys.readouterr().err
    assert (away.is_dir(), api.run("7")["name"]) == (True, "codes")


@pytest.mark.parametrize("wrong", ["file:///tmp", "memory://x/1-a-12345678", "1-a-12345678"])
def test_an_address_of_no_run_is_told(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "fetch", wrong]) == 2
    assert wrong in capsys.readouterr().err
