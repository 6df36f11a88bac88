"""The day's log: a line for each thing that happens, found by its job's number."""

import multiprocessing
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from huohou import api, text
from huohou.jobs.daylog import DayLog, append_line
from huohou.jobs.progress import Progress
from huohou.plan import Plan
from huohou.record.store import Store
from huohou.record.workspace import highest_number, job_folders

NOW = datetime(2026, 3, 5, 14, 2, 11).astimezone().timestamp()


def told(folder: Path, *events: dict[str, Any], seg: int = 0) -> list[str]:
    """Lines of the day's log after these events."""
    log, progress = DayLog(folder, seg), Progress()
    for event in events:
        progress.see(event)
        log.see({"t": NOW, "seg": seg} | event, progress)
    path = folder.parent / "logs" / "huohou-2026-03-05.log"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "runs" / "23-bank-codes"
    place.mkdir(parents=True)
    return place


def test_what_happens_is_told(folder: Path) -> None:
    queued = {"kind": "queued", "id": 23, "name": "bank codes", "recipe": "sft"}
    lines = told(
        folder,
        queued | {"base_model": "smollm2-135m", "updates": 40},
        {"kind": "state", "state": "running"},
        {"kind": "segment", "pid": 7, "host": "here", "supervisor": 6},
        {"kind": "metrics", "step": 1, "epoch": 0.1, "loss": 2.5},
        {"kind": "metrics", "step": 2, "epoch": 0.2, "loss": 2.25, "t": NOW + 59},
        {"kind": "metrics", "step": 3, "epoch": 0.3, "loss": 0.0, "t": NOW + 60},
        {"kind": "eval", "step": 3, "epoch": 0.3, "eval_loss": float("nan")},
        {"kind": "checkpoint", "step": 3, "path": "checkpoints/checkpoint-3"},
        {"kind": "alert", "level": "warning", "text": "no event\nfor 60 s \x1b[31m"},
        {"kind": "finding", "code": "nan-loss", "severity": "error", "title": "no number"},
        {"kind": "log", "text": "not here"},
        {"kind": "heartbeat"},
        {"kind": "end", "state": "failed"},
        {"kind": "state", "state": "failed", "error": "ValueError: boom 好\n  File x"},
    )
    assert lines == [
        "14:02:11 Job 23 (bank codes) queued: sft, model smollm2-135m, updates 40",
        "14:02:11 Job 23 (bank codes) running",
        "14:02:11 Job 23 (bank codes) segment 0: process 7 on here",
        "14:02:11 Job 23 (bank codes) update 1/40  loss 2.5",
        "14:03:11 Job 23 (bank codes) update 3/40  loss 0",
        "14:02:11 Job 23 (bank codes) evaluation at update 3: eval_loss nan",
        "14:02:11 Job 23 (bank codes) checkpoint at update 3: checkpoints/checkpoint-3",
        "14:02:11 Job 23 (bank codes) warning: no event for 60 s  [31m",
        "14:02:11 Job 23 (bank codes) error: nan-loss: no number",
        "14:02:11 Job 23 (bank codes) the training process says: failed",
        "14:02:11 Job 23 (bank codes) failed: ValueError: boom 好",
    ]


def test_in_chinese_a_job_is_found_the_same_way(folder: Path) -> None:
    text.use("zh")
    assert told(folder, {"kind": "state", "state": "running"}) == [
        "14:02:11 Job 23 (bank-codes) 训练中"
    ]


def test_an_earlier_life_is_not_told_again(folder: Path) -> None:
    old = {"kind": "state", "state": "stopped", "seg": 0}
    assert told(folder, old, {"kind": "state", "state": "running"}, seg=1) == [
        "14:02:11 Job 23 (bank-codes) running"
    ]


def test_a_new_day_has_a_new_file(folder: Path) -> None:
    log, progress = DayLog(folder), Progress()
    for t in (NOW, NOW + 86_400):
        log.see({"t": t, "seg": 0, "kind": "state", "state": "running"}, progress)
    names = sorted(path.name for path in (folder.parent / "logs").iterdir())
    assert names == ["huohou-2026-03-05.log", "huohou-2026-03-06.log"]


def test_many_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "day.log"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(path, n)) for n in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 6 * 200
    assert all(re.fullmatch(r"Job (\d) \1{200}", line) for line in lines)


def _write(path: Path, n: int) -> None:
    for _ in range(200):
        append_line(path, f"Job {n} {str(n) * 200}\n".encode())


def test_a_torn_line_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "day.log"
    path.write_bytes(b"whole\ntor")
    append_line(path, b"next\n")
    assert path.read_bytes() == b"whole\ntor\nnext\n"


def test_a_disk_that_takes_nothing_hurts_nobody(folder: Path) -> None:
    code = (
        "import resource, signal, sys, time; from pathlib import Path\n"
        "from huohou.jobs.daylog import DayLog; from huohou.jobs.progress import Progress\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "log = DayLog(Path(sys.argv[1]))\n"
        "for _ in range(20):\n"
        "    log.see({'t': time.time(), 'seg': 0, 'kind': 'state', 'state': 'running'}, Progress())\n"
        "print('alive')"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "alive\n", done.stderr
    (folder.parent / "logs").rename(folder.parent / "elsewhere")
    (folder.parent / "logs").write_text("a file where the folder should be")
    DayLog(folder).see({"t": time.time(), "seg": 0, "kind": "state", "state": "lost"}, Progress())


def test_the_folder_of_logs_is_no_job(folder: Path) -> None:
    told(folder, {"kind": "state", "state": "running"})
    (folder.parent / "logs" / "job.jsonl").write_text("{}\n")
    assert list(job_folders(folder.parent)) == []
    assert highest_number(folder.parent) == 23
    assert Store(folder.parent).rebuild().skipped == ()


@pytest.mark.usefixtures("plugin")
def test_a_supervisor_writes_it(plan: Plan, tmp_path: Path) -> None:
    api.train(plan)
    days = sorted((tmp_path / "runs" / "logs").iterdir())  # two of them around midnight
    log = "".join(day.read_text(encoding="utf-8") for day in days)
    lines = [line[9:] for line in log.splitlines()]
    assert all(line.startswith("Job 1 (bank codes) ") for line in lines)
    told = [line.removeprefix("Job 1 (bank codes) ") for line in lines]
    assert told[0] == "queued: fake, model tiny, updates 10"
    assert [line for line in told if line in ("starting", "running", "completed")] == [
        "starting",
        "running",
        "completed",
    ]
    assert [line.partition(":")[0] for line in told if line.startswith("evaluation")] == [
        "evaluation at update 5",
        "evaluation at update 10",
    ]
    assert sum(line.startswith("update ") for line in told) == 1
