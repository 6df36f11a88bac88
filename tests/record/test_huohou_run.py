"""Our own job folder as a Record."""

import json
import math
from pathlib import Path

import pytest

from huohou.errors import DataError
from huohou.record import readers
from huohou.record.readers.huohou_run import read_run
from huohou.record.recorder import Journal, Recorder


def a_run(folder: Path) -> None:
    with Journal(folder / "job.jsonl", 0) as journal:
        journal.queued(1, "x", "sft", "m")
        journal.state("failed", error="boom")
    (folder / "plan.json").write_text(
        json.dumps({"settings": {"train.batch_size": {"value": 16, "source": "default"}}})
    )
    with Recorder(folder / "events.jsonl", 0) as recorder:
        recorder.start(updates=10, epochs=2.0)
        recorder.metrics(1, 0.2, loss=0.0)
        recorder.metrics(2, 0.4, loss=math.nan)
        recorder.checkpoint(2, "checkpoints/checkpoint-2")
    with (folder / "events.jsonl").open("ab") as torn:
        torn.write(b'{"t": 1')
    with Recorder(folder / "events.jsonl", 1) as recorder:
        recorder.metrics(2, 0.4, loss=1.5)
        recorder.eval(2, 0.4, eval_loss=2.5)
        recorder.end("completed")


def test_a_run_is_read_with_its_segments_and_facts(tmp_path: Path) -> None:
    a_run(tmp_path)
    record = read_run(tmp_path)
    loss = record.points("loss")
    assert [(p.step, p.seg, p.line) for p in loss] == [(1, 0, 2), (2, 0, 3), (2, 1, 6)]
    assert loss[0].value == 0.0 and math.isnan(loss[1].value)
    assert record.values("eval_loss") == [2.5]
    assert record.facts["max_steps"] == 10
    assert record.facts["batch_size"] == 16
    assert record.facts["checkpoints"] == [2]
    assert record.facts["finished"] is True
    assert (record.facts["state"], record.facts["error"]) == ("failed", "boom")
    assert "1" in record.notes[0]


def test_the_registry_knows_our_runs(tmp_path: Path) -> None:
    a_run(tmp_path)
    assert readers.read(tmp_path).source["reader"] == "huohou-run"
    assert readers.read(tmp_path / "events.jsonl").source["reader"] == "huohou-run"


def test_a_folder_without_events(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"events\.jsonl"):
        read_run(tmp_path)


def test_a_run_without_points_yet(tmp_path: Path) -> None:
    with Recorder(tmp_path / "events.jsonl") as recorder:
        recorder.start(updates=3)
    assert read_run(tmp_path).series == {}
