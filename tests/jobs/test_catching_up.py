"""Folders that grow without telling the database."""

import shutil
from pathlib import Path

import pytest

import page_job
from huohou.jobs.catching_up import CatchingUp
from huohou.record.store import Store


@pytest.mark.usefixtures("database")
def test_what_nobody_told_is_told(tmp_path: Path) -> None:
    store = Store()
    catching = CatchingUp(store)
    catching.look()
    assert store.jobs() == []
    workspace = tmp_path / "runs"
    folder = page_job.written(workspace, 1, steps=3)
    catching.look()
    assert [(job.id, job.step) for job in store.jobs()] == [(1, 3)]
    with page_job.living(workspace, 2) as job:
        catching.look()
        job.points(2)
        catching.look(everything=False)  # its supervisor may be about to tell it
        assert [one.step for one in store.jobs()] == [None, 3]
        catching.look(everything=False)
        assert [one.step for one in store.jobs()] == [2, 3]
        job.point()
        store.take_in(job.folder)
        catching.look()
        catching.look()
    shutil.copytree(folder, workspace / "3-copy")
    (workspace / "4-none").mkdir()
    (workspace / "4-none" / "job.jsonl").write_text("torn")
    for _ in range(3):
        catching.look()
    assert [(one.id, one.step) for one in store.jobs()] == [(2, 3), (1, 3)]
    shutil.rmtree(folder)
    catching.look()


def test_a_line_that_is_being_written_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    folder = page_job.written(tmp_path / "runs", steps=3)
    with (folder / "events.jsonl").open("a") as out:
        out.write('{"t": 1, ')
    catching = CatchingUp(store)
    taken: list[Path] = []
    real = Store.take_in
    monkeypatch.setattr(
        Store, "take_in", lambda self, path: [taken.append(path), real(self, path)][1]
    )
    for _ in range(5):
        catching.look()
    assert len(taken) == 1
    with (folder / "events.jsonl").open("a") as out:
        out.write('"seg": 0, "kind": "metrics", "step": 4, "loss": 1.0}\n')
    for _ in range(3):
        catching.look()
    assert store.job(1) is not None and [one.step for one in store.jobs()] == [4]
