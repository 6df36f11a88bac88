"""Lines that nobody would write, taken in by the store without a crash."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postgres
from huohou.record.events import dumps
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, JOURNAL

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "t",
        "seg",
        "step",
        "epoch",
        "epochs",
        "updates",
        "loss",
        "eval_loss",
        "state",
        "error",
        "id",
        "name",
        "plan",
        "code",
        "path",
        "a\x00b",
    ]
)
STRANGE = st.builds(
    lambda kind, fields: {**fields, "kind": kind},
    st.sampled_from(
        [
            "queued",
            "segment",
            "state",
            "finding",
            "alert",
            "start",
            "metrics",
            "eval",
            "checkpoint",
            "log",
            "end",
            "x",
        ]
    ),
    st.dictionaries(KEYS, JSON, max_size=6),
)


def take_in_strange(workspace: Path, url: str, journal: list[Any], events: list[Any]) -> None:
    folder = workspace / "1-x"
    folder.mkdir()
    first = {"kind": "queued", "id": 1, "name": "x", "t": 5.0}
    (folder / JOURNAL).write_bytes(b"".join(map(dumps, [first, *journal])))
    (folder / EVENTS).write_bytes(b"".join(map(dumps, events)))
    store = Store(workspace, url=url)
    store.rebuild()
    assert [job.id for job in store.jobs()] == [1]
    store.events(1)
    store.findings(1)
    for name in store.names(1):
        store.series(1, name)


LINES = st.lists(STRANGE, max_size=6)


@settings(max_examples=50)
@given(LINES, LINES)
def test_strange_lines_are_taken_in_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, journal: list[Any], events: list[Any]
) -> None:
    take_in_strange(tmp_path_factory.mktemp("strange"), "sqlite://", journal, events)


def test_strange_lines_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql: postgres.Cluster
) -> None:
    url = postgresql.new_database()

    @settings(max_examples=20)
    @given(LINES, LINES)
    def check(journal: list[Any], events: list[Any]) -> None:
        take_in_strange(tmp_path_factory.mktemp("strange"), url, journal, events)

    check()


def test_names_and_numbers_that_are_too_long(tmp_path: Path, postgresql: postgres.Cluster) -> None:
    long = "银" * 5000
    journal = [{"kind": "state", "state": long, "error": long, "seg": 2**40}]
    events = [{"kind": "metrics", "seg": 2**52, "step": 2**52, "t": 1e308, long: 1.0, "b": 5e-324}]
    take_in_strange(tmp_path, postgresql.new_database(), journal, events)
