"""Many jobs at once, and a database that is gone in the middle of them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from living import ended, is_running

import postgres
from databases import lose
from huohou import api
from huohou.plan import Plan
from huohou.record.store import Store
from waiting import PATIENCE, wait_until

pytestmark = pytest.mark.usefixtures("plugin")

Ask = Callable[..., None]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


MANY = """
import pathlib, sys
from huohou import api
from huohou.plan import Plan
plan = Plan.load(pathlib.Path(sys.argv[1]))
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    print(api.train(plan, slots=4, detach=True)["id"])
"""


def start_many(plan: Plan, place: Path, processes: int, each: int) -> list[int]:
    plan.save(place / "many.json")
    words = [sys.executable, "-c", MANY, str(place / "many.json"), str(each)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    made = [subprocess.Popen(words, **pipes) for _ in range(processes)]  # type: ignore[call-overload]
    for one in made:
        one.stdin.write("go\n")
        one.stdin.flush()
    numbers = [int(n) for one in made for n in one.communicate(timeout=PATIENCE)[0].split()]
    assert [one.returncode for one in made] == [0] * processes
    return numbers


def check_many(workspace: Path, count: int) -> None:
    wait_until(lambda: ended(workspace, *range(1, count + 1)))
    found = api.runs()
    assert [run["id"] for run in found["runs"]] == list(range(count, 0, -1))
    assert {run["status"] for run in found["runs"]} == {"completed"}
    assert len(list(workspace.glob("*-bank-codes"))) == count
    with Store(workspace)._read() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    api.reindex()
    assert api.runs() == found


@pytest.mark.usefixtures("either_database")
def test_jobs_started_at_once(plan: Plan, runs: Path, tmp_path: Path, fake: Ask) -> None:
    fake(steps=3)
    assert sorted(start_many(plan, tmp_path, processes=3, each=2)) == list(range(1, 7))
    check_many(runs, 6)


@pytest.mark.slow
def test_fifty_jobs_started_at_once_by_ten_processes(
    plan: Plan, runs: Path, tmp_path: Path, fake: Ask
) -> None:
    fake(steps=3)
    assert sorted(start_many(plan, tmp_path, processes=10, each=5)) == list(range(1, 51))
    check_many(runs, 50)


def test_a_queue_whose_database_is_postgresql(
    plan: Plan,
    runs: Path,
    tmp_path: Path,
    fake: Ask,
    monkeypatch: pytest.MonkeyPatch,
    postgresql: postgres.Cluster,
) -> None:
    fake(steps=3)
    address = postgresql.new_database()
    monkeypatch.setenv("HUOHOU_DB", address)
    assert sorted(start_many(plan, tmp_path, processes=2, each=2)) == [1, 2, 3, 4]
    check_many(runs, 4)
    assert not (runs / "huohou.db").exists()
    api.put_away(["2"])
    api.restore(["2"])
    assert [run["id"] for run in api.runs()["runs"]] == [4, 3, 2, 1]


@pytest.mark.usefixtures("either_database")
def test_the_database_deleted_in_the_middle_of_a_running_queue(
    plan: Plan, runs: Path, fake: Ask
) -> None:
    fake(steps=20, seconds=0.03)
    for _ in range(3):
        api.train(plan, detach=True)
    wait_until(lambda: is_running(runs, 2))
    lose(Store(runs))
    for suffix in ("-wal", "-shm"):
        (runs / f"huohou.db{suffix}").unlink(missing_ok=True)
    wait_until(lambda: ended(runs, 1, 2, 3))
    wait_until(lambda: {run["status"] for run in api.runs()["runs"]} == {"completed"})
    before = api.runs()
    assert [run["step"] for run in before["runs"]] == [20] * 3
    api.reindex()
    assert api.runs() == before
