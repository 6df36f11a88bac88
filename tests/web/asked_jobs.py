"""Finished jobs that a page's questions go to: a tiny model that knows five answers, an encoder."""

import shutil
from pathlib import Path

from huohou.record.recorder import Journal
from scored_job import TABLE, TAUGHT
from search_job import pairs_folder, search_job, search_plan
from tiny import tiny_job
from tiny_encoder import tiny_encoder_folder


def make_jobs(place: Path) -> Path:
    """Folders ``1-tiny`` (sft, with a table of three branches) and ``2-finder`` (embed)."""
    (place / "facts.csv").write_text(TABLE, encoding="utf-8")
    runs = place / "made"
    tiny_job(runs / "1-tiny", TAUGHT, [f"data.facts={place / 'facts.csv'}"])
    encoder = tiny_encoder_folder(place / "encoder")
    data = pairs_folder(place / "pairs")
    search_job(runs / "2-finder", search_plan(data, encoder), encoder)
    for number, name, recipe in ((1, "tiny", "sft"), (2, "finder", "embed")):
        with Journal(runs / f"{number}-{name}" / "job.jsonl", seg=0) as journal:
            journal.queued(number, name, recipe, "base", epochs=2, steps=4, plan={})
            journal.state("completed")
    return runs


def put_into(runs: Path, workspace: Path) -> None:
    """A copy of the jobs in a workspace, so that each test has its own."""
    workspace.mkdir(parents=True, exist_ok=True)
    for folder in runs.iterdir():
        if (folder / "job.jsonl").is_file():
            shutil.copytree(folder, workspace / folder.name)
