"""Columns are what rows one by one give, in long logs and in short ones, and long logs are quick."""

import json
import math
import random
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.diagnose.engine import diagnose
from huohou.record.columns import Rows
from huohou.record.readers import _frame as frames
from huohou.record.readers import read
from huohou.record.readers._frame import Frame, lives, series_of, unknown
from huohou.record.readers._rows import Collector, number, whole
from waiting import no_longer

NAMES = st.sampled_from(["loss", "step", "epoch", "eval_loss", "note", ""])
CELLS = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(10**400), 10**400)
    | st.integers(0, 9)
    | st.sampled_from(
        ["", " ", "1", " 2.5 ", "1_0", "5/20", "nan", "-inf", "x", "1e5", "٣", "1\n2"]
    )
)
ROWS = st.lists(st.dictionaries(NAMES, CELLS, max_size=4), max_size=12)
PLACES = st.none() | st.floats(-3, 30)


def same(a: object, b: object) -> bool:
    return repr(a) == repr(b)


def naive(rows: list[dict[str, Any]], name: str) -> list[tuple[int, float]]:
    convert = whole if name == "step" else number
    found = ((at, convert(row[name])) for at, row in enumerate(rows) if name in row)
    return [(at, float(value)) for at, value in found if value is not None]


@given(ROWS, st.integers(1, 40), st.integers(1, 40))
def test_columns_are_those_of_the_rows(rows: list[dict[str, Any]], times: int, block: int) -> None:
    """Whatever is put together in blocks, and however large these are."""
    rows = rows * times
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_BLOCK", block)
        frame = Frame("step".__eq__)
        frame.extend(enumerate(rows, start=1))
        columns = {name: frame.column(name) for name in frame.names}
    for name, (values, at) in columns.items():
        assert same(list(zip(at.tolist(), values.tolist(), strict=True)), naive(rows, name))
    assert frame.names == list(dict.fromkeys(name for row in rows for name in row if name))
    assert frame.lines.tolist() == list(range(1, len(rows) + 1))


@given(st.lists(st.tuples(PLACES, PLACES), max_size=20))
def test_lives_are_those_of_the_collector(places: list[tuple[float | None, float | None]]) -> None:
    steps = [None if step is None else max(0, int(step)) for step, _ in places]
    epochs = [epoch for _, epoch in places]
    collector = Collector()
    for step, epoch in zip(steps, epochs, strict=True):
        collector.add({"loss": 1.0}, step=step, epoch=epoch)
    segs = [point.seg for point in collector.series().get("loss", ())]
    columns = (np.array([math.nan if x is None else x for x in c], float) for c in (steps, epochs))
    assert lives(*columns).tolist() == segs


def test_two_columns_of_one_name_make_one_point_a_row() -> None:
    frame = Frame()
    frame.extend([(1, {"a": 1.0, "b": 2.0}), (2, {"a": 3.0}), (3, {"b": 4.0})])
    nothing = unknown(3)
    rows = Rows(nothing, nothing, nothing, np.zeros(3), frame.lines)
    loss = series_of(frame, {"a": "loss", "b": "loss"}, rows)["loss"]
    assert [(p.line, p.value) for p in loss] == [(1, 2.0), (2, 3.0), (3, 4.0)]


def test_a_long_log_is_no_burden(tmp_path: Path) -> None:
    """Ten times the file in memory. How quickly it is read is measured by ``bench/read_speed.py``;
    here it must not hang."""
    draw = random.Random(0)
    path = tmp_path / "log.jsonl"
    with path.open("w") as log:
        for step in range(50_000):
            loss = (4 - step / 20_000) * (1 + draw.gauss(0, 0.02))
            row = {"step": step, "epoch": step / 1e5, "loss": loss, "learning_rate": 1e-4}
            log.write(json.dumps(row) + "\n")
    with no_longer(120):
        assert diagnose(read(path)).verdict
    tracemalloc.start()
    try:
        read(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10 * path.stat().st_size
