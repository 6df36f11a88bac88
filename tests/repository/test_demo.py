"""The demo from its first line to its last, cut short: one pass instead of its own many."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

QUERY = (
    "SELECT status, current_epoch, epochs, progress_percentage, train_loss, val_loss"
    " FROM training_jobs WHERE id = 1"
)


@pytest.mark.slow
def test_the_demo_runs_through_and_flatters_nobody(tmp_path: Path) -> None:
    workspace = tmp_path / "runs"
    # All cores: the demo's model is no tiny one.
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-m", "huohou", "demo", "-s", "train.num_epochs=1"],
        env=env | {"HUOHOU_HOME": str(workspace)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    last = done.stdout.strip().splitlines()[-5:]
    beginnings = ["Learnt", "Not learnt", "Is the run sound?", "Next", "Look further"]
    for line, beginning in zip(last, beginnings, strict=True):
        assert line.startswith(f"{beginning}"), last
    with sqlite3.connect(workspace / "huohou.db") as store:
        status, epoch, epochs, progress, train_loss, val_loss = store.execute(QUERY).fetchone()
    assert (status, epoch, epochs, progress) == ("completed", 1, 1, 100)
    assert train_loss > 0
    assert val_loss > 0
    (folder,) = workspace.glob("1-*")
    card = json.loads((folder / "scorecard.json").read_text("utf-8"))
    accuracy = next(m for m in card["metrics"] if m["name"] == "facts.accuracy")
    assert accuracy["value"] < 0.5, "one pass teaches no codes, and the score says so"
