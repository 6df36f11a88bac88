"""The store: an index that can always be built again, and the same however its lines came."""

import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from stored_runs import filler, write_run

import postgres
from databases import lose, sql, tables, waits_for_a_lock
from huohou.errors import HuohouError, MissingExtraError, StoreError
from huohou.record.events import dumps
from huohou.record.recorder import Journal, Recorder
from huohou.record.schema import training_jobs
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL, slug
from waiting import PATIENCE, wait_until


@pytest.mark.usefixtures("database")
def test_live_and_rebuilt_are_equal(tmp_path: Path) -> None:
    store = Store(tmp_path)
    findings = [{"code": "data-duplicates", "severity": "warning"}]
    folder = store.create("bank codes", filler(epochs=3.0, plan={"findings": findings}))
    (folder / HEARTBEAT).touch()
    write_run(folder, lambda: store.take_in(folder))
    live = tables(store)
    assert len(live["metrics"]) == 90 * 2 + 1 + 40
    assert store.rebuild().jobs == 1
    assert tables(store) == live
    lose(store)  # also when it is gone
    assert tables(Store(tmp_path)) == live


@pytest.mark.usefixtures("database")
def test_columns_of_the_contract(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("bank codes", filler(epochs=3.0))
    write_run(folder)
    store.take_in(folder)
    query = (
        "SELECT status, current_epoch, epochs, progress_percentage, train_loss, val_loss "
        "FROM training_jobs WHERE id = 1"
    )
    assert sql(store, query) == [("failed", 119 / 50, 4.0, 100 * 119 / 200, 1 / 119, 0.7)]
    job = store.job(1)
    assert job is not None
    assert (job.name, job.folder, job.error) == ("bank codes", "1-bank-codes", "ValueError: boom")
    assert [f["code"] for f in store.findings(1)] == []
    assert [e["kind"] for e in store.events(1, ["checkpoint", "log"])] == ["checkpoint", "log"]


def test_nan_is_a_value_everywhere(tmp_path: Path, database: str) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    with Recorder(folder / EVENTS) as recorder:
        recorder.metrics(1, 0.1, loss=0.0)
        recorder.metrics(2, 0.2, loss=math.nan)
    store.take_in(folder)
    job = store.job(1)
    assert job is not None and job.train_loss is not None and math.isnan(job.train_loss)
    seen = str(sql(store, "SELECT train_loss FROM training_jobs")[0][0])
    assert seen == ("NaN" if database == "sqlite" else "nan")
    values = sql(store, "SELECT step, value, flag FROM metrics ORDER BY step")
    assert values == [(1, 0.0, None), (2, None, "NaN")]
    loss = store.series(1, "loss")
    assert loss.last[0] == 0.0 and math.isnan(loss.last[1]) and loss.nans == [0, 1]


@pytest.mark.usefixtures("database")
def test_a_second_job_of_a_name_gets_its_own_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folders = [store.create("银行 行号", filler()).name for _ in range(3)]
    assert folders == ["1-银行-行号", "2-银行-行号", "3-银行-行号"]


@pytest.mark.usefixtures("database")
def test_a_number_is_not_used_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "trash" / "7-old").mkdir(parents=True)
    assert store.create("x", filler()).name == "8-x"
    lose(store)
    assert store.create("x", filler()).name == "9-x"


@pytest.mark.usefixtures("database")
def test_what_cannot_be_filled_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(number: int, folder: Path) -> None:
        (folder / JOURNAL).write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.create("x", fail)
    assert store.jobs() == []
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []


CREATE = """
import sys, pathlib
from huohou.record.recorder import Journal
from huohou.record.store import Store
def fill(number, folder):
    with Journal(folder / "job.jsonl", 0) as journal:
        journal.queued(number, "same", "sft", "m")
store = Store(pathlib.Path(sys.argv[1]))
sys.stdin.readline()
for _ in range(5):
    print(store.create("same", fill).name)
"""


def test_processes_at_the_same_moment_get_different_numbers(tmp_path: Path, database: str) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, tmp_path / "runs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for run in runs:
        assert run.stdin
        run.stdin.write("go\n")
        run.stdin.flush()
    names = [name for run in runs for name in run.communicate(timeout=PATIENCE)[0].split()]
    assert [run.returncode for run in runs] == [0] * 4
    assert sorted(names, key=lambda n: int(n.split("-")[0])) == [f"{n}-same" for n in range(1, 21)]
    store = Store(tmp_path / "runs")
    assert [job.id for job in store.jobs()] == list(range(20, 0, -1))
    if database == "sqlite":
        assert sql(store, "PRAGMA integrity_check") == [("ok",)]
        assert sql(store, "PRAGMA journal_mode") == [("wal",)]


TAKE_IN = """
import pathlib, sys, time
from huohou.record.store import Store
folder = pathlib.Path(sys.argv[1])
store = Store(folder.parent)
print("ready", flush=True)
while not (folder / "over").exists():
    store.take_in(folder)
    time.sleep(0.02)
store.take_in(folder)
"""


@pytest.mark.usefixtures("database")
def test_many_may_take_in_the_same_job(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    runs = [
        subprocess.Popen([sys.executable, "-c", TAKE_IN, folder], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [run.stdout and run.stdout.readline() for run in runs] == [b"ready\n"] * 2
    write_run(folder, lambda: store.take_in(folder))
    (folder / "over").touch()
    assert [run.wait(PATIENCE) for run in runs] == [0] * 2
    for run in runs:
        assert run.stdout
        run.stdout.close()
    together = tables(store)
    store.rebuild()
    assert tables(store) == together


@pytest.mark.usefixtures("database")
def test_a_job_that_is_dropped_comes_back_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(2):
        folder = store.create("x", filler(epochs=3.0, plan={"findings": [{"code": "a"}]}))
        write_run(folder)
        store.take_in(folder)
    before = tables(store)

    def fail() -> None:
        raise OSError(13, "not allowed")

    with pytest.raises(OSError, match="not allowed"):
        store.drop(2, fail)
    assert tables(store) == before
    away = tmp_path / "away"
    store.drop(2, lambda: folder.rename(away))
    left = tables(store)
    assert [job.id for job in store.jobs()] == [1]
    assert all(
        row[0] == "1" for name, rows in left.items() for row in rows if name != "huohou_meta"
    )
    away.rename(folder)
    store.take_in(folder)
    assert tables(store) == before


@pytest.mark.parametrize("schema", [0, 999])
@pytest.mark.usefixtures("database")
def test_an_older_or_newer_store_is_rebuilt(tmp_path: Path, schema: int) -> None:
    store = Store(tmp_path)
    write_run(store.create("x", filler()))
    sql(store, f"UPDATE huohou_meta SET schema = {schema}")
    sql(store, "ALTER TABLE training_jobs RENAME COLUMN status TO stage")
    sql(store, "CREATE TABLE mine (note TEXT)")
    sql(store, "INSERT INTO mine VALUES ('kept')")
    assert [job.status for job in store.jobs()] == ["failed"]
    assert sql(store, "SELECT note FROM mine") == [("kept",)]


def test_a_rebuild_and_who_claims_do_not_wait_for_each_other(
    tmp_path: Path, postgresql: postgres.Cluster
) -> None:
    """One that began before it is waited for before anything is dropped."""
    store = Store(tmp_path, url=postgresql.new_database())
    store.create("x", filler())
    rebuilding = threading.Thread(target=store.rebuild)
    with store.claiming() as connection:
        rebuilding.start()
        wait_until(lambda: waits_for_a_lock(store))
        assert connection.execute(select(training_jobs.c.id)).scalars().all() == [1]
    rebuilding.join(PATIENCE)
    assert [job.id for job in store.jobs()] == [1]


def test_a_rebuild_without_a_workspace_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="HUOHOU_HOME"):
        Store(tmp_path / "nowhere").rebuild()
    assert not (tmp_path / "nowhere").exists()


def test_an_unreadable_database_is_moved_aside_by_a_rebuild(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("x", filler())
    (tmp_path / "huohou.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError, match="runs reindex"):
        store.jobs()
    assert store.rebuild().jobs == 1
    assert (tmp_path / "huohou.db.unreadable-1").read_bytes().startswith(b"this is no database")
    assert [job.id for job in store.jobs()] == [1]


@pytest.mark.usefixtures("database")
def test_tables_of_others_are_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    sql(store, "CREATE TABLE metrics (mine TEXT)")
    with pytest.raises(StoreError, match="metrics"):
        store.create("x", filler())
    assert sql(store, "SELECT * FROM metrics") == []


@pytest.mark.parametrize(
    "address", ["nonsense", "mysql+none://x", "oracle://x/y", "postgresql://127.0.0.1:9/x"]
)
def test_a_database_that_cannot_be_used(tmp_path: Path, address: str) -> None:
    with pytest.raises(HuohouError) as caught:
        Store(tmp_path, url=address).jobs()
    assert isinstance(caught.value, StoreError | MissingExtraError)


def test_a_database_that_is_away_is_said_without_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    at = "postgresql://lin:secret@127.0.0.1:9/x?password=secret&connect_timeout=3"
    with pytest.raises(StoreError, match="Is its server running") as caught:
        Store(tmp_path, url=at).jobs()
    assert "postgresql://lin:***@127.0.0.1:9/x " in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_look_leaves_nothing_behind(tmp_path: Path) -> None:
    assert Store(tmp_path / "none").jobs() == []
    assert Store(tmp_path).jobs() == []
    assert Store(tmp_path).job(1) is None
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        Store(tmp_path / "runs").create("x", filler())


@pytest.mark.usefixtures("database")
def test_a_copied_folder_is_not_mixed_in(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    write_run(folder)
    store.take_in(folder)
    before = tables(store)
    copy = tmp_path / "1-x-copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert store.take_in(copy) is None
    (tmp_path / "2-strange").mkdir()
    (tmp_path / "2-strange" / JOURNAL).write_text("no journal\n")
    rebuilt = store.rebuild()
    assert rebuilt.jobs == 1
    assert set(rebuilt.skipped) == {"1-x-copy", "2-strange"}
    assert tables(store) == before


@pytest.mark.usefixtures("database")
def test_a_page_of_the_list(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.listed() == (0, [])
    for n in range(1, 8):
        folder = store.create("x", filler(["Bank Codes", "50%_off"][n % 2]))
        if n > 5:
            with Journal(folder / JOURNAL, 0) as journal:
                journal.state("completed")
            store.take_in(folder)

    def ids(*how: Any, **more: Any) -> tuple[int, list[int]]:
        total, found = store.listed(*how, **more)
        return total, [job.id for job in found]

    assert ids() == (7, [7, 6, 5, 4, 3, 2, 1])
    assert ids(limit=2) == (7, [7, 6])
    assert ids(limit=2, before=6) == (7, [5, 4])
    assert ids(["completed"]) == (2, [7, 6])
    assert ids(["queued", "completed"], "bank") == (3, [6, 4, 2])
    assert ids((), "%_O") == (4, [7, 5, 3, 1])
    assert ids((), "%") == ids((), "%_O")
    assert ids((), "%x") == (0, [])
    assert ids((), "smollm2") == ids()
    assert ids((), "7") == (1, [7])
    assert store.counts() == {"queued": 5, "completed": 2}
    assert [job.id for job in store.jobs([2, 5, 99])] == [5, 2]


def test_the_stamp_changes_with_the_database(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    before = store.stamp()
    assert store.stamp() == before
    with Recorder(folder / EVENTS) as recorder:
        recorder.metrics(1, 0.1, loss=0.0)
    assert store.stamp() == before
    store.take_in(folder)
    assert store.stamp() != before
    assert Store(tmp_path, url="sqlite://").stamp() is None


KNOTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.floats(0, 5)), max_size=120)


@settings(max_examples=40)
@given(KNOTS, st.integers(1, 40))
def test_knots_of_the_clock(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[int, int, float]], wanted: int
) -> None:
    """Between two knots every point lies on the line, where time goes on evenly."""
    workspace = tmp_path_factory.mktemp("clock")
    store = Store(workspace, url="sqlite://")
    store.rebuild()
    folder = store.create("x", filler())
    lines, at = [], {0: 0, 1: 0, 2: 0}
    for seg, more, value in points:
        at[seg] += more
        place = {"t": 10.0 * at[seg] + 1000 * seg, "seg": seg, "step": at[seg]}
        name = "eval_loss" if more == 3 else "loss"
        lines.append({**place, "kind": "metrics", "epoch": at[seg] / 7, name: value})
    (folder / EVENTS).write_bytes(b"".join(map(dumps, lines)))
    store.take_in(folder)
    knots = store.clock(1, wanted)
    assert [(k.seg, k.line) for k in knots] == sorted((k.seg, k.line) for k in knots)
    assert all(k.t == 10.0 * k.step + 1000 * k.seg and k.epoch == k.step / 7 for k in knots)
    for seg in {seg for seg, _, _ in points}:
        mine = [line["step"] for line in lines if line["seg"] == seg]
        steps = {k.step for k in knots if k.seg == seg}
        assert {min(mine), max(mine)} <= steps <= set(mine)


@pytest.mark.usefixtures("database")
def test_the_clock_of_a_long_run_has_few_knots(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    event = {"kind": "metrics", "seg": 0}
    with (folder / EVENTS).open("wb") as out:
        for step in range(20_000):
            now = {"t": step * 0.5, "step": step, "epoch": step / 1000, "loss": 1.0, "lr": 0.1}
            now |= {"eval_loss": 2.0} if step % 1000 == 999 else {}
            out.write(dumps(event | now))
    store.take_in(folder)
    knots = store.clock(1, 200)
    assert 100 <= len(knots) <= 500
    assert all(knot.t == knot.step * 0.5 and knot.epoch == knot.step / 1000 for knot in knots)
    steps = {knot.step for knot in knots}
    assert {0, 19_999, *range(999, 20_000, 1000)} <= steps
    assert max(b - a for a, b in zip(sorted(steps), sorted(steps)[1:], strict=False)) <= 1000


@pytest.mark.parametrize("name", ["a" * 300, "😀" * 100, "..", "/etc/passwd", "a\0b", "CON", "é"])
def test_a_name_makes_a_folder_name(name: str, tmp_path: Path) -> None:
    made = tmp_path / f"1-{slug(name)}"
    made.mkdir()
    assert made.parent == tmp_path
    assert slug(slug(name)) == slug(name)


def test_json_form_of_a_job(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("x", filler(epochs=2, updates=5))
    job = store.job(1)
    assert job is not None
    known = json.loads(json.dumps(job.as_dict()))
    assert known["status"] == "queued"
    assert known["epochs"] == 2.0
    assert known["train_loss"] is None
