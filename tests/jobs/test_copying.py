"""A recorder that copies: what is told when the network fails, and what a kill leaves there."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import faulty_storage
from huohou.errors import UsageError
from huohou.jobs import again, copying, resume, stored
from huohou.jobs.copying import Copier, CopyingRecorder
from huohou.record import checkpoints
from huohou.record.copies import Copies
from huohou.record.events import Follower
from huohou.record.storage import Storage
from page_job import plan_of
from waiting import PATIENCE, wait_until

TRAIN = """
import sys
from pathlib import Path
from huohou.jobs.copying import Copier, CopyingRecorder
from huohou.record.copies import Copies
from huohou.record.storage import Storage

folder = Path(sys.argv[1])
with CopyingRecorder(folder / "events.jsonl") as recorder:
    recorder.copier = Copier(Copies(Storage(sys.argv[2]), folder), 9)
    for step in (10, 20):
        recorder.checkpoint(step, f"checkpoints/checkpoint-{step}")
        recorder.copier.idle(60)
    recorder.end("completed")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A job's folder with two checkpoints."""
    folder = tmp_path / "1-codes"
    for step in (10, 20, 30):
        staged = folder / "checkpoints" / ".writing" / checkpoints.name(step)
        staged.mkdir(parents=True)
        (staged / "adapter_model.safetensors").write_bytes(b"w" * 1000 * step)
        checkpoints.seal(staged, folder / "checkpoints" / checkpoints.name(step), {})
    (folder / "job.jsonl").write_text('{"kind": "queued"}\n')
    return folder


@pytest.fixture(autouse=True)
def _no_words_of_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come every so many seconds; a test that wants them asks for them."""
    monkeypatch.setattr(copying, "EVERY", PATIENCE)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "there"


def recorder_of(folder: Path, root: Path) -> CopyingRecorder:
    recorder = CopyingRecorder(folder / "events.jsonl")
    recorder.copier = Copier(Copies(Storage(f"faulty://{root}"), folder), 9)
    return recorder


def said(file: Path) -> list[tuple[str, Any]]:
    events = Follower(file).poll()
    return [(e["kind"], e.get("text", e.get("step", e.get("state")))) for e in events]


def steps(folder: Path, root: Path) -> list[int]:
    return [one.step for one in Copies(Storage(f"faulty://{root}"), folder).whole()]


def test_what_failed_is_told_and_tried_again_with_the_next(folder: Path, root: Path) -> None:
    faulty_storage.plant(root, "half")
    with recorder_of(folder, root) as recorder:
        assert recorder.copier is not None
        recorder.checkpoint(10, "checkpoints/checkpoint-10")
        assert recorder.copier.idle(60)
        recorder.metrics(11, 0.1, loss=1.0)
        faulty_storage.plant(root, "")
        recorder.checkpoint(20, "checkpoints/checkpoint-20")
        assert recorder.copier.idle(60)
        assert steps(folder, root) == [20, 10]
        recorder.end("completed")
    kinds = [kind for kind, _ in said(folder / "events.jsonl")]
    assert kinds == ["checkpoint", "alert", "metrics", "checkpoint", "log", "log", "end"]
    (alert,) = [text for kind, text in said(folder / "events.jsonl") if kind == "alert"]
    assert "checkpoint-10" in alert and "the network is gone" in alert and "next" in alert
    (there,) = root.glob("*/events.jsonl")
    assert there.read_bytes() == (folder / "events.jsonl").read_bytes(), "its end too"


def test_what_is_not_there_at_the_end_is_said_before_the_end(folder: Path, root: Path) -> None:
    faulty_storage.plant(root, "fail")
    with recorder_of(folder, root) as recorder:
        recorder.checkpoint(10, "checkpoints/checkpoint-10")
        recorder.end("completed")
    events = said(folder / "events.jsonl")
    assert [kind for kind, _ in events] == ["checkpoint", *["alert"] * 3, "end", "alert"]
    assert "is not at faulty://" in events[3][1] and "checkpoint-10" in events[3][1]
    assert "How the run ended could not be copied" in events[-1][1]


def test_a_checkpoint_that_made_room_for_a_later_one_is_no_fault(folder: Path, root: Path) -> None:
    with recorder_of(folder, root) as recorder:
        recorder.checkpoint(5, "checkpoints/checkpoint-5")
        recorder.checkpoint(30, "checkpoints/checkpoint-30")
        recorder.end("stopped")
    assert steps(folder, root) == [30]
    assert "alert" not in [kind for kind, _ in said(folder / "events.jsonl")]


def test_a_checkpoint_that_is_being_deleted_is_not_called_a_failure(
    folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files go one after the other: the folder outlives the one that was to be copied."""
    put = Storage.put

    def deleted(storage: Storage, file: Path, name: str) -> None:
        if "checkpoint-10" in name:
            file.unlink()
            threading.Timer(0.2, shutil.rmtree, (file.parent,)).start()
        put(storage, file, name)

    monkeypatch.setattr(Storage, "put", deleted)
    monkeypatch.setattr(copying, "_GOING", PATIENCE)
    with recorder_of(folder, root) as recorder:
        recorder.checkpoint(10, "checkpoints/checkpoint-10")
        assert recorder.copier is not None and recorder.copier.idle(60)
        recorder.end("stopped")
    alerts = [text for kind, text in said(folder / "events.jsonl") if kind == "alert"]
    assert len(alerts) == 1 and "checkpoint-10 made room" in alerts[0]


def test_a_network_slower_than_checkpoints_come_is_told_once(
    folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each checkpoint makes room for the next one while it is copied: nothing is ever whole."""

    put = Storage.put

    def slow(storage: Storage, file: Path, name: str) -> None:
        if "checkpoints" in name:
            shutil.rmtree(folder / "checkpoints" / file.parent.name)
        put(storage, file, name)

    monkeypatch.setattr(Storage, "put", slow)
    with recorder_of(folder, root) as recorder:
        for step in (10, 20):
            recorder.checkpoint(step, f"checkpoints/checkpoint-{step}")
            assert recorder.copier is not None and recorder.copier.idle(60)
        recorder.end("stopped")
    alerts = [text for kind, text in said(folder / "events.jsonl") if kind == "alert"]
    assert "checkpoint-10 made room" in alerts[0] and "train.keep_checkpoints" in alerts[0]
    assert not any("checkpoint-20 made room" in text for text in alerts), "said once"


def test_who_waits_at_the_end_hears_what_for_before_a_first_file_is_there(
    folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    put = Storage.put

    def held(storage: Storage, file: Path, name: str) -> None:
        assert go.wait(PATIENCE)
        put(storage, file, name)

    monkeypatch.setattr(Storage, "put", held)
    monkeypatch.setattr(copying, "EVERY", 0.01)
    with recorder_of(folder, root) as recorder:
        recorder.checkpoint(10, "checkpoints/checkpoint-10")
        ending = threading.Thread(target=recorder.end, args=("completed",))
        ending.start()
        wait_until(lambda: any("on its way" in str(t) for _, t in said(folder / "events.jsonl")))
        go.set()
        ending.join(PATIENCE)
    assert steps(folder, root) == [10]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_copier_that_dies_is_not_silent(
    folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours in its thread: what it had in hand and what came after is not there."""
    monkeypatch.setattr(Copies, "save", lambda *_: {}["no such thing"])
    with recorder_of(folder, root) as recorder:
        for step in (10, 20):
            recorder.checkpoint(step, f"checkpoints/checkpoint-{step}")
        recorder.end("completed")
    alerts = [text for kind, text in said(folder / "events.jsonl") if kind == "alert"]
    assert len([text for text in alerts if "is not at faulty://" in text]) == 2
    # What it dies of is told at its very end, which is to be in this test.
    wait_until(lambda: "copier" not in [thread.name for thread in threading.enumerate()])


def test_only_the_first_life_of_a_run_ends_where_its_storage_cannot_be_used(folder: Path) -> None:
    """A later one begins in the middle of the training, which a network does not end."""
    plan = plan_of("codes", 10, 1)
    setting = replace(plan.settings["compute.storage"], value="file:///proc/huohou")
    plan = replace(plan, settings={**plan.settings, "compute.storage": setting})
    with pytest.raises(UsageError, match="Nothing was started"):
        stored.copier_of(folder, plan, 0)
    copier = stored.copier_of(folder, plan, 1)
    assert copier is not None
    copier.close()


def test_copies_of_a_life_with_lost_weights_are_withdrawn(folder: Path, root: Path) -> None:
    """Those alone; and nothing that somebody else put beside them."""
    plan = plan_of("codes", 10, 1)
    setting = replace(plan.settings["compute.storage"], value=f"file://{root}")
    replace(plan, settings={**plan.settings, "compute.storage": setting}).save(folder / "plan.json")
    copies = stored.copies_of(folder)
    assert copies is not None
    for step in (10, 20, 30):
        copies.save(folder / "checkpoints" / f"checkpoint-{step}", 9)
    strange = "checkpoints/checkpoint-5.json"
    copies.storage.write(strange, "mine")
    again.disown(folder, ["checkpoint-30", "checkpoint-5"])
    stored.disown(folder, ["checkpoint-30", "checkpoint-5"])
    assert [one.step for one in copies.whole()] == [20, 10]
    assert copies.storage.read(strange) == "mine"
    shutil.rmtree(folder / "checkpoints")
    point = resume.point(folder, None, lambda _: None)
    assert point.checkpoint is not None and point.checkpoint.step == 20
    copies.prune(9, None)
    assert len(copies.storage.names("checkpoints")) == 5, "and what they had is cleared away"


@pytest.mark.parametrize("where", ["adapter_model.safetensors", "huohou.json"])
def test_a_kill_in_the_middle_leaves_the_one_before(
    folder: Path, root: Path, tmp_path: Path, where: str
) -> None:
    """SIGKILL while half of a file of checkpoint 20 is there."""
    known = [faulty_storage.install(tmp_path / "plugin"), os.environ.get("PYTHONPATH", "")]
    faulty_storage.plant(root, f"hang checkpoint-20- {where}")
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(folder), f"faulty://{root}"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(known)},
    )
    try:
        wait_until(lambda: any(root.rglob(f"checkpoint-20-*/{where}")))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert steps(folder, root) == [10]
    faulty_storage.plant(root, "")
    copies = Copies(Storage(f"faulty://{root}"), folder)
    copies.save(folder / "checkpoints" / "checkpoint-20", 9)
    assert steps(folder, root) == [20, 10]
    assert len(copies.storage.names("checkpoints")) == 4, "the half one is gone"
