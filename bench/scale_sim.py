"""What queue, store and page bear: the traffic of 10,000 jobs and 1,000 workers, simulated.

Run as: python bench/scale_sim.py [--quick]

No training runs. The journals of all jobs and the events of some are real files; workers are names
that claim, renew and finish jobs through the same code as `huohou work`, many to a process. Both
databases in turn: the SQLite file of a workspace, and a PostgreSQL of its own on this machine as
it is installed (it waits until what was written is safe).

1. ``reindex``: the database built from the folders of all jobs (--quick: of 1,000; the others are
   then rows of the database alone).
2. ``list``: milliseconds of the page's list of jobs (the newest 50; those of a state; with a text),
   the slowest of the three by its median.
3. ``claims``: jobs taken off the queue a second, by workers of several processes at once. Each job
   has to be claimed once and none left over.
4. ``events``: events with four values each a second, from their files into the tables, the charts'
   pyramid included: a thousand of each job at a time, as a store that catches up has them. Every
   value has to be there.
5. ``live``: jobs a second that bring ten events each, as running jobs do: several processes at
   once, as supervisors are, each with jobs of its own. Again every value has to be there.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import func, insert, select, update

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import postgres
from _common import arguments, report
from huohou import api
from huohou.record.events import dumps
from huohou.record.leases import Holder, Leases
from huohou.record.recorder import Journal
from huohou.record.schema import metric_levels, metrics, training_jobs
from huohou.record.series import LEVELS
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, JOURNAL

JOBS, WORKERS, PROCESSES = 10_000, 1_000, 4
FOLDERS = {True: 1_000, False: JOBS}  # jobs that have a folder, quick or not
CLAIMS = {True: 400, False: 2_000}
CATCHING_UP, EACH = 30, 1_000  # jobs, and events of each
LIVE, FEW = {True: 50, False: 200}, 10  # jobs, and events of each
NAMES = ("loss", "learning_rate", "grad_norm", "tokens_per_second")
TARGETS = {
    "sqlite_events_per_second": {"min": 20_000.0},
    "postgresql_events_per_second": {"min": 10_000.0},
    "sqlite_list_ms": {"max": 50.0},
    "postgresql_list_ms": {"max": 50.0},
    "sqlite_lost_values": {"max": 0.0},
    "postgresql_lost_values": {"max": 0.0},
    "sqlite_live_lost_values": {"max": 0.0},
    "postgresql_live_lost_values": {"max": 0.0},
    "sqlite_claimed_twice_or_never": {"max": 0.0},
    "postgresql_claimed_twice_or_never": {"max": 0.0},
}


def main() -> None:
    """Measure and report."""
    quick = arguments(__doc__ or "").quick
    figures: dict[str, float] = {"jobs": JOBS, "workers": WORKERS}
    for name, opened in (("sqlite", _sqlite), ("postgresql", _postgresql)):
        with tempfile.TemporaryDirectory() as place, opened():
            found = _measured(Path(place), quick)
        figures |= {f"{name}_{key}": value for key, value in found.items()}
    for key, value in figures.items():
        print(f"{key:<40} {value:,.1f}")
    report("scale_sim", figures, TARGETS)


@contextmanager
def _sqlite() -> Iterator[None]:
    os.environ.pop("HUOHOU_DB", None)
    yield


@contextmanager
def _postgresql() -> Iterator[None]:
    with postgres.cluster("") as cluster:
        os.environ["HUOHOU_DB"] = cluster.new_database()
        yield


def _measured(place: Path, quick: bool) -> dict[str, float]:
    os.environ["HUOHOU_HOME"] = str(place)
    found: dict[str, float] = {}
    folders = [_folder(place, number) for number in range(1, FOLDERS[quick] + 1)]
    store = Store(place)
    begin = time.perf_counter()
    store.rebuild()
    found["reindex_jobs_per_second"] = len(folders) / (time.perf_counter() - begin)
    _add_rows(store, len(folders))
    found["list_ms"] = max(_milliseconds(look) for look in _looks())
    found |= _claims(store, CLAIMS[quick])
    found |= _events(store, folders[:CATCHING_UP])
    return found | _live(store, folders[CATCHING_UP : CATCHING_UP + LIVE[quick]])


def _folder(place: Path, number: int) -> Path:
    """A job that has completed, as its folder tells it; one of a hundred has a finding."""
    folder = place / f"{number}-run-{number % 97}"
    folder.mkdir()
    with Journal(folder / JOURNAL, 0) as journal:
        journal.queued(number, f"run-{number % 97}", "sft", "smollm2-135m", epochs=3.0, updates=300)
        journal.state("starting")
        journal.state("completed" if number % 10 else "failed")
    return folder


def _add_rows(store: Store, there: int) -> None:
    """The jobs that have no folder: rows like that of the last one that has."""
    with store._write() as connection:
        query = select(training_jobs).where(training_jobs.c.id == there)
        like = dict(connection.execute(query).one()._mapping)
        rows = [like | {"id": n, "folder": f"{n}-run"} for n in range(there + 1, JOBS + 1)]
        if rows:
            connection.execute(insert(training_jobs), rows)


def _looks() -> list[Callable[[], Any]]:
    return [
        api.job_list,
        lambda: api.job_list(("failed", "lost")),
        lambda: api.job_list(text="run-13"),
    ]


def _milliseconds(look: Callable[[], Any]) -> float:
    taken = []
    with api.keep():  # as the page's server does
        look()
        for _ in range(15):
            begin = time.perf_counter()
            look()
            taken.append((time.perf_counter() - begin) * 1000)
    return median(taken)


def _claims(store: Store, count: int) -> dict[str, float]:
    """Jobs that wait are claimed by processes with many workers each, and done at once."""
    with store._write() as connection:
        waits = {"status": "queued", "detached": True, "device": "cpu"}
        chosen = training_jobs.c.id > JOBS - count
        connection.execute(update(training_jobs).where(chosen).values(waits))
    begin = time.perf_counter()
    words = [sys.executable, __file__, "worker"]
    working = [
        subprocess.Popen([*words, str(i)], stdout=subprocess.PIPE, text=True)
        for i in range(PROCESSES)
    ]
    claimed = [n for one in working for n in json.loads(one.communicate()[0])]
    took = time.perf_counter() - begin
    wrong = len(claimed) - len(set(claimed)) + abs(count - len(set(claimed)))
    return {"claims_per_second": count / took, "claimed_twice_or_never": wrong}


def _work(process: int) -> None:
    """What a process does for its share of the workers: until the queue is empty."""
    store = Store(Path(os.environ["HUOHOU_HOME"]))
    leases, claimed = Leases(store), []
    mine = range(process, WORKERS, PROCESSES)
    holders = [Holder(f"machine-{i}:1", f"machine-{i}") for i in mine]
    while True:
        for holder in holders:
            job = leases.claim(holder)
            if job is None:
                print(json.dumps(claimed))
                return
            claimed.append(job)
            leases.renew(job, holder)
            with store.claiming() as connection:  # what its supervisor tells, in one row
                done = update(training_jobs).where(training_jobs.c.id == job)
                connection.execute(done.values(status="completed"))
            leases.release(job, holder)


def _events(store: Store, folders: list[Path]) -> dict[str, float]:
    for folder in folders:
        _write(folder, EACH)
    begin = time.perf_counter()
    with store.kept_open():
        for folder in folders:
            store.take_in(folder)
    took = time.perf_counter() - begin
    lost = _lost(store, len(folders) * EACH)
    return {"events_per_second": len(folders) * EACH / took, "lost_values": lost}


def _lost(store: Store, events: int) -> int:
    """Values of so many events that are not in the tables, or not in the charts' pyramid."""
    wanted = events * len(NAMES)
    with store._read() as connection:
        rows = connection.execute(select(func.count()).select_from(metrics)).scalar_one()
        top = select(func.sum(metric_levels.c.n)).where(metric_levels.c.level == LEVELS)
        drawn = connection.execute(top).scalar_one()
    return abs(wanted - rows) + abs(wanted - int(drawn))


def _live(store: Store, folders: list[Path]) -> dict[str, float]:
    for folder in folders:
        _write(folder, FEW)
    words = [sys.executable, __file__, "take-in"]
    taking = [
        subprocess.Popen(
            [*words, *map(str, folders[i::PROCESSES])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(PROCESSES)
    ]
    for one in taking:  # what their start takes is not counted
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    begin = time.perf_counter()
    for one in taking:
        assert one.stdin is not None
        one.stdin.close()
    codes = [one.wait() for one in taking]
    took = time.perf_counter() - begin
    assert not any(codes), codes
    lost = _lost(store, CATCHING_UP * EACH + len(folders) * FEW)
    return {"live_jobs_per_second": len(folders) / took, "live_lost_values": lost}


def _take_in(folders: list[Path]) -> None:
    """What a process does for the running jobs that are its own."""
    store = Store(Path(os.environ["HUOHOU_HOME"]))
    with store.kept_open():
        store.job(1)
        print("ready", flush=True)
        sys.stdin.read()
        for folder in folders:
            store.take_in(folder)


def _write(folder: Path, count: int) -> None:
    draw = random.Random(folder.name)
    with (folder / EVENTS).open("wb") as out:
        for step in range(1, count + 1):
            head = {"t": step * 0.5, "seg": 0, "kind": "metrics", "step": step, "epoch": step / 100}
            out.write(dumps({**head, **{name: draw.random() for name in NAMES}}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        _work(int(sys.argv[2]))
    elif sys.argv[1:2] == ["take-in"]:
        _take_in([Path(one) for one in sys.argv[2:]])
    else:
        main()
