"""Trackio's SQLite databases: one that Trackio wrote, and older layouts."""

import gzip
import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torn import torn

from huohou.errors import DataError
from huohou.record.readers import candidates, read

SAMPLE = Path(__file__).parent / "samples" / "trackio.db.gz"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "trackio" / "huggingface.db"
    path.parent.mkdir()
    path.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    return path


def old(path: Path, runs: Mapping[str, Sequence[Mapping[str, object]]]) -> Path:
    """A database of a version that knew runs by name only, and JSON as text."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT,"
            " run_name TEXT, step INTEGER, metrics TEXT)"
        )
        connection.execute(
            "CREATE TABLE configs (id INTEGER PRIMARY KEY, run_name TEXT, config TEXT)"
        )
        for name, rows in runs.items():
            for step, row in enumerate(rows):
                stamp = f"2026-01-01T00:00:{step % 60:02}"
                connection.execute(
                    "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)",
                    (stamp, name, step, json.dumps(row)),
                )
            setting = json.dumps({"learning_rate": 1e-4, "_Username": None})
            connection.execute(
                "INSERT INTO configs (run_name, config) VALUES (?, ?)", (name, setting)
            )
    return path


def test_what_trackio_wrote(store: Path) -> None:
    """The same run's log_history has these numbers."""
    for place in (store, store.parent):
        record = read(place)
        assert record.source["reader"] == "trackio" and record.source["run"] == "tiny-llama"
        assert [p.step for p in record.points("loss")] == list(range(2, 41, 2))
        assert record.values("loss")[:2] == [4.182071685791016, 4.144899845123291]
        assert record.points("loss")[0].epoch == 0.2
        assert record.points("loss")[0].t == pytest.approx(1795347568.901442)
        assert [p.step for p in record.points("eval_loss")] == [10, 20, 30, 40]
        wanted = {"learning_rate": 0.003, "batch_size": 8, "num_train_epochs": 4, "vocab_size": 64}
        assert {name: record.facts[name] for name in wanted} == wanted
        assert record.notes == ()


def test_an_older_layout(tmp_path: Path) -> None:
    values: list[object] = [2.0, "NaN", "Infinity", "-Infinity", 0.0, {"deep": 1.0}, None, "words"]
    rows = [
        {"train_loss": v, "nested": {"lr": 0.1}, "t": {"_type": "trackio.table"}} for v in values
    ]
    record = read(old(tmp_path / "mine.db", {"first": rows}))
    expected = [2.0, math.nan, math.inf, -math.inf, 0.0]
    assert record.values("loss") == pytest.approx(expected, nan_ok=True)
    assert [p.step for p in record.points("loss")] == [0, 1, 2, 3, 4]
    assert record.points("loss")[1].t == 1767225601.0, "UTC where no zone is said"
    assert record.values("nested_lr") == [0.1] * 8 and len(record.points("train_loss_deep")) == 1
    assert record.facts["learning_rate"] == 1e-4


def test_the_run_that_was_logged_to_last_and_the_others(tmp_path: Path) -> None:
    runs: dict[str, list[dict[str, object]]] = {
        name: [{"loss": 1.0 / (i + 1)} for i in range(n)] for name, n in (("a", 9), ("b", 4))
    }
    path = old(tmp_path / "mine.db", runs | {"no-numbers": [{"note": "x"}]})
    record = read(path)
    assert record.source["run"] == "b" and any(f"{path}#a" in note for note in record.notes)
    assert len(read(f"{path}#a").points("loss")) == 9
    with pytest.raises(DataError, match=r"no run c.*a"):
        read(f"{path}#c")


def test_the_newest_of_several_runs_of_one_name(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics)"
            " VALUES ('second', '2026-12-01T00:00:00+00:00', 'tiny-llama', 0, '{\"loss\": 9}')"
        )
    record = read(store)
    assert record.source["run"] == "second" and record.values("loss") == [9.0]
    assert len(read(f"{store}#acbd0ea3c72a43cb8306b8311577a5df").points("loss")) == 20


def test_rows_of_broken_json_are_left_out(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE metrics SET metrics = '{\"train/loss' WHERE id = 1")
        connection.execute("UPDATE metrics SET metrics = ? WHERE id = 2", (b"\xff\xfe",))
        connection.execute("UPDATE metrics SET metrics = 5, timestamp = 'soon' WHERE id = 3")
        connection.execute("UPDATE configs SET config = ?", ("[" * 100_000,))
    record = read(store)
    assert [p.step for p in record.points("loss")] == list(range(8, 41, 2))
    assert record.facts == {}


def test_no_values(tmp_path: Path) -> None:
    empty: list[dict[str, list[dict[str, object]]]] = [{}, {"a": [{"note": "x"}]}]
    for runs in empty:
        path = tmp_path / f"mine{len(runs)}.db"
        with pytest.raises(DataError, match="no value was logged"):
            read(old(path, runs))


def test_torn_at_many_places(store: Path) -> None:
    whole = store.read_bytes()
    for record in torn(store, whole, range(1, len(whole), 499)):
        assert len(record.points("loss")) <= 20


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 20_479), count=st.integers(1, 64), byte=st.integers(0, 255))
def test_any_damage_is_read_or_refused(store: Path, at: int, count: int, byte: int) -> None:
    data = bytearray(gzip.decompress(SAMPLE.read_bytes()))
    data[at : at + count] = bytes([byte]) * len(data[at : at + count])
    store.write_bytes(data)
    try:
        read(store)
        read(store, reader="trackio")
    except DataError:
        pass


def test_what_watch_looks_at(store: Path) -> None:
    """New rows of a running training are first in the file beside the database."""
    log = store.with_name(f"{store.name}-wal")
    assert candidates(f"{store}#tiny-llama") == candidates(store) == [store]
    log.write_bytes(b"")
    assert candidates(store) == [store, log] and candidates(store.parent) == [store, log]
