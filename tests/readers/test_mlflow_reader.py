"""MLflow's SQLite and file store: what MLflow wrote, and stores that are torn or crafted."""

import gzip
import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torn import torn

from huohou.errors import DataError
from huohou.record.readers import read

SAMPLES = Path(__file__).parent / "samples"
ODD = [2.0, 1.5, math.nan, math.inf, -math.inf, 0.0, 1.0]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress((SAMPLES / "mlflow.db.gz").read_bytes()))
    return path


def run(path: Path, name: str, values: list[float], *, start: int, status: str = "RUNNING") -> None:
    """One run more in a store."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO runs (run_uuid, name, status, start_time, lifecycle_stage, user_id)"
            " VALUES (?, ?, ?, ?, 'active', 'user')",
            (f"id-{start}", name, status, start),
        )
        for i, value in enumerate(values):
            stored = (
                0.0
                if math.isnan(value)
                else max(min(value, 1.79769313486232e308), -1.79769313486232e308)
            )
            row = ("train_loss", stored, start + i, f"id-{start}", i, math.isnan(value))
            connection.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", row)
            connection.execute(
                "INSERT OR REPLACE INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )


def test_what_mlflow_wrote(store: Path) -> None:
    """The same run's log_history has these numbers."""
    record = read(store)
    assert record.source["reader"] == "mlflow" and record.source["run"] == "tiny-llama"
    assert [p.step for p in record.points("loss")] == list(range(2, 41, 2))
    assert record.values("loss")[:2] == [4.182071685791016, 4.144899845123291]
    assert record.points("loss")[0].epoch == 0.2
    assert record.points("loss")[0].t == 1795347595.268
    assert [p.step for p in record.points("eval_loss")] == [10, 20, 30, 40]
    wanted = {"learning_rate": 0.003, "batch_size": 8, "num_train_epochs": 4, "vocab_size": 64}
    assert {name: record.facts[name] for name in wanted} == wanted
    assert record.facts["finished"] is True and record.facts["global_step"] == 40
    assert record.facts["summary"]["train_loss"] == pytest.approx(3.537658)
    assert "train_loss" not in record.series and record.notes == ()


def test_nan_and_infinities_are_what_was_logged(store: Path) -> None:
    run(store, "odd", ODD, start=1_900_000_000_000)
    record = read(store)
    assert record.source["run"] == "odd", "the newest run"
    assert record.values("loss") == pytest.approx(ODD, nan_ok=True)
    assert [p.step for p in record.points("loss")] == list(range(7))


def test_the_other_runs_are_named_and_can_be_chosen(store: Path) -> None:
    run(store, "second", [1.0, 0.5], start=1_900_000_000_000, status="FAILED")
    run(store, "empty", [], start=1_910_000_000_000)
    record = read(store)
    assert record.source["run"] == "second" and record.facts["finished"] is False
    assert "FAILED" in record.facts["crash"]
    assert any(f"{store}#tiny-llama" in note for note in record.notes), "how to read the other"
    for name in ("tiny-llama", "b189d6ed69dd465595e93299ab3710c5"):
        assert len(read(f"{store}#{name}").points("loss")) == 20
    with pytest.raises(DataError, match="tiny-llama"):
        read(f"{store}#third")


def test_runs_of_one_name_are_told_apart_by_their_ids(store: Path) -> None:
    run(store, "tiny-llama", [1.0], start=1_900_000_000_000)
    record = read(store)
    assert record.source["run"] == "id-1900000000000"
    assert any("#b189d6ed69dd465595e93299ab3710c5" in note for note in record.notes)
    assert len(read(f"{store}#tiny-llama").points("loss")) == 1, "the newest of that name"


def test_a_restart_in_one_run(store: Path) -> None:
    run(store, "again", [1.0, 0.9, 0.8], start=1_900_000_000_000)
    with closing(sqlite3.connect(store)) as connection, connection:
        rows = [
            ("train_loss", 1.0 - i, 1_900_000_000_500 + i, "id-1900000000000", i) for i in (0, 1)
        ]
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, 0)", rows)
    assert [p.seg for p in read(store).points("loss")] == [0, 0, 0, 1, 1]


def test_rows_that_are_not_yet_in_the_database_itself(store: Path, tmp_path: Path) -> None:
    """A writer that runs, or was killed, leaves its newest rows in a file beside."""
    writer = sqlite3.connect(store)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("UPDATE metrics SET value = 7.0 WHERE key = 'loss'")
    writer.commit()
    try:
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert set(read(store).values("loss")) == {7.0}
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    finally:
        writer.close()


def test_nothing_is_written_beside_a_database(store: Path, tmp_path: Path) -> None:
    store.chmod(0o444)
    read(store)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_the_file_store(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "mlruns", tmp_path / "mlruns")
    home = next((tmp_path / "mlruns").glob("*/*/meta.yaml")).parent
    for place in (home, home / "metrics" / "train" / "loss"):
        record = read(place)
        assert record.values("loss") == pytest.approx(ODD, nan_ok=True)
        assert [p.step for p in record.points("loss")] == [0, 10, 20, 30, 40, 50, 60]
        assert [p.line for p in record.points("loss")] == [1, 2, 3, 4, 5, 6, 7]
        assert record.points("eval_loss")[0].t == 1700000001.5
        assert set(record.series) == {"loss", "eval_loss"}, "the machine's use is no curve"
        assert record.facts["learning_rate"] == 1e-4 and record.facts["batch_size"] == 8
        assert record.facts["finished"] is False and "FAILED" in record.facts["crash"]
        assert record.source["run"] == "odd-values"
    assert read(tmp_path).values("eval_loss") == pytest.approx([2.0, 1.7, 1.4])
    assert read(tmp_path / "mlruns").source["reader"] == "mlflow"


def test_lines_of_the_file_store_that_are_torn(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "mlruns", tmp_path / "mlruns")
    path = next((tmp_path / "mlruns").glob("*/*/metrics/train/loss"))
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        record = read(path.parents[2])
        values = record.values("loss")
        assert values == pytest.approx(ODD[: len(values)], nan_ok=True), "only whole lines"
    path.write_bytes(b"\xff\xfe nonsense\n1700000001000 abc 1\n1700000001000 2.0\n")
    record = read(path.parents[2])
    assert [(p.value, p.step, p.line) for p in record.points("loss")] == [(2.0, None, 3)]


def test_no_values(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM metrics")
    with pytest.raises(DataError, match="no value was logged"):
        read(store)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM runs")
    with pytest.raises(DataError, match="no value was logged"):
        read(store)


def test_a_crafted_view_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS key FROM n"
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT)")
        connection.execute(f"CREATE VIEW metrics AS {endless}")
    with pytest.raises(DataError):
        read(path)


def test_torn_at_many_places(store: Path) -> None:
    whole = store.read_bytes()
    for record in torn(store, whole, range(1, len(whole), 1511)):
        assert len(record.points("loss")) <= 20


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 51_199), count=st.integers(1, 64), byte=st.integers(0, 255))
def test_any_damage_is_read_or_refused(store: Path, at: int, count: int, byte: int) -> None:
    data = bytearray(gzip.decompress((SAMPLES / "mlflow.db.gz").read_bytes()))
    data[at : at + count] = bytes([byte]) * len(data[at : at + count])
    store.write_bytes(data)
    try:
        read(store)
        read(store, reader="mlflow")
    except DataError:
        pass


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(DataError, match="no known log format"):
        read(path)
