"""One finished job for all tests here: a tiny model that learnt right and wrong things by heart."""

import json
import shutil
from pathlib import Path

import pytest

from huohou.record.recorder import Recorder
from scored_job import ASKED, TABLE, TAUGHT
from tiny import tiny_job


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with facts.csv, test.jsonl and the job 1-tiny, its losses on record."""
    place = tmp_path_factory.mktemp("evaluate")
    (place / "facts.csv").write_text(TABLE, encoding="utf-8")
    lines = (json.dumps(one.as_dict()) for one in ASKED)
    (place / "test.jsonl").write_text("\n".join(lines), encoding="utf-8")
    settings = [f"data.test={place / 'test.jsonl'}", f"data.facts={place / 'facts.csv'}"]
    folder = tiny_job(place / "1-tiny", TAUGHT, settings)
    with Recorder(folder / "events.jsonl") as recorder:
        for step, loss in enumerate((4.0, 2.0, 1.0, 0.5), 1):
            recorder.metrics(step=step, epoch=step / 2, loss=loss)
        recorder.eval(step=4, epoch=2.0, eval_loss=0.9)
    return place


@pytest.fixture
def job(place: Path, tmp_path: Path) -> Path:
    """The job's folder, a copy that a test may write into."""
    return Path(shutil.copytree(place / "1-tiny", tmp_path / "1-tiny"))
