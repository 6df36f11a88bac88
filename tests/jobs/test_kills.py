"""Processes that are really killed, at any moment, many times: nothing is lost, and the run that
comes out of it is the run that nobody touched."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from databases import sql
from huohou import api
from huohou.jobs import lifecycle, resume
from huohou.plan import Plan
from huohou.record import checkpoints
from huohou.record.events import Follower
from huohou.record.store import Store
from tiny import tiny_llama_folder
from waiting import PATIENCE, wait_until

DRIVER = """
import sys
from pathlib import Path
from huohou.jobs import resume
from huohou.jobs.supervisor import Supervisor
from huohou.recipes import Start
from huohou.record.store import Store
folder = Path(sys.argv[1])
point = resume.point(folder)
resume.put_aside(point.damaged)
journal = resume.reopen(folder)
at = point.checkpoint.path.resolve() if point.checkpoint else None
Supervisor(Store(folder.parent), folder, journal).run(Start(at))
"""
KILLS = {"sqlite": 30, "postgresql": 9}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A run of 150 updates of some milliseconds, saved every third."""
    lines = [
        {"prompt": f"What is the code of branch {i}?", "completion": f"{i * 7919 % 10**6:06d}"}
        for i in range(30)
    ]
    for name, some in (("train", lines), ("eval", lines[:4])):
        text = "".join(json.dumps(line) + "\n" for line in some)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    model = tiny_llama_folder(tmp_path / "model", spread=0.1)
    return api.make_plan(
        None,
        [
            f"model={model}",
            f"data.train={tmp_path / 'train.jsonl'}",
            f"data.eval={tmp_path / 'eval.jsonl'}",
            "train.num_epochs=10",
            "train.batch_size=2",
            "train.evals_per_epoch=5",
            "train.learning_rate=1e-2",
            "train.keep_checkpoints=3",
            "train.device=cpu",
            "train.dtype=float32",
            "lora.rank=4",
            "lora.dropout=0.05",
        ],
    )


def new_job(store: Store, plan: Plan) -> Path:
    folder, journal = lifecycle.create(store, plan)
    journal.close()
    return folder


def drive(folder: Path) -> "subprocess.Popen[bytes]":
    """A supervisor in a process of its own, which starts the training."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def pid_of_training(folder: Path, supervisor: int) -> int | None:
    """Process id the journal says of the life that this supervisor began."""
    for event in reversed(Follower(folder / "job.jsonl").poll()):
        if event["kind"] == "segment":
            return int(event["pid"]) if event["supervisor"] == supervisor else None
    return None


def metrics(folder: Path) -> list[dict[str, float]]:
    return [e for e in _all(folder / "events.jsonl") if e["kind"] == "metrics"]


def _all(path: Path) -> Iterator[dict[str, float]]:
    follower = Follower(path)
    while news := follower.poll():
        yield from news


def a_moment(folder: Path, chance: random.Random, process: "subprocess.Popen[bytes]") -> None:
    """Wait for a random moment of this life: while loading, after some updates, inside a save."""
    before = len(metrics(folder))
    kind = chance.choice(["updates", "updates", "updates", "saving", "loading"])
    after = chance.randint(1, 12)
    staging = folder / checkpoints.FOLDER / checkpoints.STAGING
    wait_until(lambda: pid_of_training(folder, process.pid) is not None, every=0.003)
    if kind == "loading":
        time.sleep(chance.uniform(0, 3))
    elif kind == "updates":
        wait_until(
            lambda: len(metrics(folder)) >= before + after or process.poll() is not None,
            every=0.003,
        )
        time.sleep(chance.uniform(0, 0.05))
    else:
        wait_until(
            lambda: len(metrics(folder)) >= before + after or process.poll() is not None,
            every=0.003,
        )
        wait_until(lambda: staging.exists() or process.poll() is not None, every=0.003)
        time.sleep(chance.uniform(0, 0.01))


def kill(folder: Path, process: "subprocess.Popen[bytes]", victims: str) -> None:
    training = pid_of_training(folder, process.pid)
    if victims in ("training", "both") and training is not None:
        _send(training)
    if victims in ("supervisor", "both"):
        _send(process.pid)
    process.wait(PATIENCE)


def _send(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11])
def test_killed_again_and_again_it_is_the_same_run(
    plan: Plan, tmp_path: Path, seed: int, database: str
) -> None:
    chance = random.Random(seed)
    store = Store(tmp_path / "runs")
    untouched = new_job(store, plan)
    assert drive(untouched).wait(PATIENCE) == 0
    folder = new_job(store, plan)
    written: list[bytes] = []
    for n in range(KILLS[database]):
        process = drive(folder)
        a_moment(folder, chance, process)
        kill(folder, process, ("training", "supervisor", "both")[n % 3])
        # A training whose supervisor died saves and ends by itself; then the job can go on.
        wait_until(lambda: bool(lifecycle.bury(store)) or settled(store, folder), every=0.003)
        _nothing_lost(folder, written)
    assert drive(folder).wait(PATIENCE) == 0
    job = next(job for job in store.jobs() if job.folder == folder.name)
    assert job.status == "completed"
    _same_weights(untouched, folder)
    assert {e["step"]: e["loss"] for e in metrics(folder)} == {
        e["step"]: e["loss"] for e in metrics(untouched)
    }
    _index_is_complete(store, folder)


def settled(store: Store, folder: Path) -> bool:
    """No process of the job lives any more, and its state says so."""
    found = next((job for job in store.jobs() if job.folder == folder.name), None)
    return found is not None and found.status in ("lost", "stopped", "failed", "completed")


def _nothing_lost(folder: Path, written: list[bytes]) -> None:
    """Lines that had been written are there still, as they were and where they were."""
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    assert lines[: len(written)] == written or lines[: len(written) - 1] == written[:-1]
    written[:] = lines


def _same_weights(expected: Path, found: Path) -> None:
    one, other = (
        load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (expected, found)
    )
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def _index_is_complete(store: Store, folder: Path) -> None:
    """Every loss of the file is in the database, once."""
    number = int(folder.name.partition("-")[0])
    query = f"SELECT seg, step, value FROM metrics WHERE job_id = {number} AND name = 'loss'"
    rows = sql(store, query)
    assert sorted(rows) == sorted((e["seg"], e["step"], e["loss"]) for e in metrics(folder))
    assert resume.point(folder).checkpoint is not None
