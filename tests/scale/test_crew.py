"""Which life a worker begins, whether another one is gone, and what one leaves for the first."""

import json
from pathlib import Path

import pytest

from huohou.errors import DataError
from huohou.jobs import crew
from huohou.recipes import Start
from huohou.record.recorder import Recorder, Silent


def test_a_first_life_is_the_segment_it_was_started_as(tmp_path: Path) -> None:
    with Recorder(tmp_path / "events.jsonl", 2) as recorder:
        recorder.log("the driver looks for room")
    life = crew.life_of(tmp_path, 2, Start())
    assert (life.seg, life.end) == (2, None)


def test_after_a_death_the_next_segment_begins(tmp_path: Path) -> None:
    with Recorder(tmp_path / "events.jsonl", 2) as recorder:
        recorder.start(updates=4)
    life = crew.life_of(tmp_path, 2, Start(max_tokens=64))
    assert (life.seg, life.end, life.start.max_tokens) == (3, None, 64)
    assert crew.last_seg(tmp_path, 2) == 2


def test_what_has_ended_is_not_begun_again(tmp_path: Path) -> None:
    with Recorder(tmp_path / "events.jsonl", 0) as recorder:
        recorder.start(updates=4)
        recorder.end("failed", reason="error", error="no such file")
    life = crew.life_of(tmp_path, 0, Start())
    assert life.end is not None
    assert life.end["error"] == "no such file"


def test_an_end_of_an_earlier_segment_is_history(tmp_path: Path) -> None:
    with Recorder(tmp_path / "events.jsonl", 0) as recorder:
        recorder.start(updates=4)
        recorder.end("stopped")
    assert crew.life_of(tmp_path, 1, Start()).end is None


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("[..gloo/transport/tcp/pair.cc:538] Connection closed by peer"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("gloo"), False),
        (DataError("sft.data_changed", path="gloo"), False),
    ],
)
def test_a_lost_worker_is_told_from_a_mistake(error: Exception, lost: bool) -> None:
    assert crew.is_lost(error) is lost


def test_a_worker_leaves_word_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "PATIENCE", 0.0)
    assert crew.note_of(tmp_path, 3) is None
    crew.leave_note(tmp_path, 2, DataError("sft.data_changed", path="/data/train.jsonl"))
    found = crew.note_of(tmp_path, 3)
    assert found is not None
    assert "/data/train.jsonl" in found["error"]
    assert found["error"].startswith("Worker 2 on ")
    crew.forget_notes(tmp_path)
    assert crew.note_of(tmp_path, 3) is None


def test_a_silent_recorder_writes_nothing(tmp_path: Path) -> None:
    with Silent(1) as recorder:
        recorder.start(updates=3)
        recorder.metrics(1, 0.5, loss=1.0)
        recorder.end("completed")
    assert recorder.ended
    assert json.dumps([path.name for path in tmp_path.iterdir()]) == "[]"
