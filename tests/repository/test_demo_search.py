"""The demo of a search from its first line to its last: both stages on the standard library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_of_a_search_finds_better_than_it_began(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-m", "huohou", "demo", "search"],
        env=env | {"HUOHOU_HOME": str(tmp_path / "runs")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    (folder,) = (tmp_path / "runs").glob("2-*")
    card = json.loads((folder / "scorecard.json").read_text("utf-8"))
    gains = [
        metric["difference"]
        for metric in card["metrics"]
        if metric["name"] in ("stage1.ndcg@10", "stage2.ndcg@10")
    ]
    assert len(gains) == 2
    assert max(low for _, low, _ in gains) > 0, "the best is above the base by its interval"
    assert done.stdout.strip().splitlines()[-3].startswith("Learnt")
    for name in ("BM25", "the base encoder", "stage 1", "stage 2"):
        assert name in done.stdout
    assert (folder / "report.html").is_file()
