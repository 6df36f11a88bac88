"""The demo from its first line to its last, cut short: one pass instead of its own many."""

import json
import sqlite3
from pathlib import Path

import pytest
from demos import shown

QUERY = (
    "SELECT status, current_epoch, epochs, progress_percentage, train_loss, val_loss"
    " FROM training_jobs WHERE id = 1"
)


@pytest.mark.slow
def test_the_demo_runs_through_and_flatters_nobody(tmp_path: Path) -> None:
    told = shown(tmp_path, "-s", "train.num_epochs=1")
    last = told.strip().splitlines()[-5:]
    beginnings = ["Learnt", "Not learnt", "Is the run sound?", "Next", "Look further"]
    for line, beginning in zip(last, beginnings, strict=True):
        assert line.startswith(f"{beginning}"), last
    with sqlite3.connect(tmp_path / "runs" / "huohou.db") as store:
        status, epoch, epochs, progress, train_loss, val_loss = store.execute(QUERY).fetchone()
    assert (status, epoch, epochs, progress) == ("completed", 1, 1, 100)
    assert train_loss > 0
    assert val_loss > 0
    (folder,) = (tmp_path / "runs").glob("1-*")
    card = json.loads((folder / "scorecard.json").read_text("utf-8"))
    accuracy = next(m for m in card["metrics"] if m["name"] == "facts.accuracy")
    assert accuracy["value"] < 0.5, "one pass teaches no codes, and the score says so"
