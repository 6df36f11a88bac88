"""The demo of a search from its first line to its last: both stages on the standard library."""

import json
from pathlib import Path

import pytest
from demos import shown


@pytest.mark.slow
def test_the_demo_of_a_search_finds_better_than_it_began(tmp_path: Path) -> None:
    told = shown(tmp_path, "search")
    (folder,) = (tmp_path / "runs").glob("2-*")
    card = json.loads((folder / "scorecard.json").read_text("utf-8"))
    gains = [
        metric["difference"]
        for metric in card["metrics"]
        if metric["name"] in ("stage1.ndcg@10", "stage2.ndcg@10")
    ]
    assert len(gains) == 2
    assert max(low for _, low, _ in gains) > 0, "the best is above the base by its interval"
    assert told.strip().splitlines()[-3].startswith("Learnt")
    for name in ("BM25", "the base encoder", "stage 1", "stage 2"):
        assert name in told
    assert (folder / "report.html").is_file()
