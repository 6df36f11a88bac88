"""The points of a chart: each in one bucket, whatever the values and however they came."""

import math
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_runs import filler, write_run

import postgres
from huohou.record.events import dumps
from huohou.record.recorder import Recorder
from huohou.record.series import FACTOR, LEVELS, MOST, Series
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, JOURNAL

STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5000), st.floats()), min_size=1, max_size=200
)

ENDS = st.tuples(st.integers(0, 5000), st.integers(0, 5000))


Points = list[tuple[int, int, float]]


def take_in_points(
    workspace: Path, url: str, points: Points, wanted: int, ends: tuple[int, int], batch: int
) -> None:
    lo, hi = sorted(ends)
    store = Store(workspace, url=url)
    store.rebuild()
    folder = store.create("x", filler())
    with (folder / EVENTS).open("ab") as out:
        for i, (seg, step, value) in enumerate(points):
            event = {"t": 1.0, "seg": seg, "kind": "metrics", "step": step, "epoch": 0.0}
            out.write(dumps(event | {"loss": value}))
            if i % batch == 0:
                out.flush()
                store.take_in(folder)
    store.take_in(folder)
    found = store.series(1, "loss", points=wanted, lo=lo, hi=hi)
    for seg in range(4):
        mine = [(s, v) for g, s, v in points if g == seg and lo <= s <= hi]
        rows = [i for i, g in enumerate(found.seg) if g == seg]
        assert sum(found.n[i] for i in rows) == len(mine)
        assert len(rows) <= max(wanted, 1)
        numbers = [v for _, v in mine if not math.isnan(v)]
        assert sum(found.nans[i] for i in rows) == len(mine) - len(numbers)
        if numbers:
            assert min(found.min[i] for i in rows if found.nans[i] < found.n[i]) == min(numbers)
            assert max(found.max[i] for i in rows if found.nans[i] < found.n[i]) == max(numbers)
        check_means(found, rows, mine)
        if mine:
            last = max(mine, key=lambda pair: pair[0])[0]
            assert found.step[rows[-1]] == last
            # NaN equals NaN here, and SQLite knows no negative zero.
            expected = [v for s, v in mine if s == last][-1]
            assert repr(found.last[rows[-1]] + 0.0) == repr(expected + 0.0)
        steps = [found.step[i] for i in rows]
        assert steps == sorted(steps)


def check_means(found: Series, rows: list[int], mine: list[tuple[int, float]]) -> None:
    """The mean of each bucket is that of the finite values that are in it."""
    at = -1
    for step, same in groupby(rows, key=lambda i: found.step[i]):
        group = list(same)
        inside = [v for s, v in mine if at < s <= step]
        at = step
        assert len(inside) == sum(found.n[i] for i in group)
        if len(group) > 1:  # points of one step, as they are
            assert {found.n[i] for i in group} == {1}
            inside = [found.last[i] for i in group]
            assert [found.mean[i] for i in group if math.isfinite(found.last[i])] == [
                v for v in inside if math.isfinite(v)
            ] or max(map(abs, inside)) > MOST
            continue
        clipped = [min(max(v, -MOST), MOST) for v in inside if math.isfinite(v)]
        if not clipped:
            assert math.isnan(found.mean[group[0]])
            continue
        # A sum of so many floats is off by the last digits of the largest of them.
        off = 1e-12 * max(map(abs, clipped))
        assert abs(found.mean[group[0]] - math.fsum(clipped) / len(clipped)) <= off


@given(STEPS, st.integers(1, 30), ENDS, st.integers(1, 50))
def test_every_point_of_a_range_is_in_one_bucket(
    tmp_path_factory: pytest.TempPathFactory,
    points: Points,
    wanted: int,
    ends: tuple[int, int],
    batch: int,
) -> None:
    take_in_points(tmp_path_factory.mktemp("series"), "sqlite://", points, wanted, ends, batch)


def test_every_point_is_in_one_bucket_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql: postgres.Cluster
) -> None:
    url = postgresql.new_database()

    @settings(max_examples=12)
    @given(STEPS, st.integers(1, 30), ENDS, st.integers(1, 50))
    def check(points: Points, wanted: int, ends: tuple[int, int], batch: int) -> None:
        take_in_points(tmp_path_factory.mktemp("series"), url, points, wanted, ends, batch)

    check()


@pytest.mark.usefixtures("database")
def test_few_points_come_as_they_are(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    with Recorder(folder / EVENTS) as recorder:
        for step in range(0, 1_000_000, 10_000):
            recorder.eval(step, 0.0, eval_loss=step / 2)
    store.take_in(folder)
    found = store.series(1, "eval_loss", points=100)
    assert found.step == list(range(0, 1_000_000, 10_000))
    assert found.last == found.min == found.max == [step / 2 for step in found.step]
    assert store.names(1) == ["eval_loss"]
    assert FACTOR**LEVELS > 10_000_000


@pytest.mark.usefixtures("database")
def test_sums_that_no_float_holds(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    with Recorder(folder / EVENTS) as recorder:
        for step in range(100):
            recorder.metrics(step, 0.0, loss=1.7e308, low=-1.7e308, tiny=5e-324)
            store.take_in(folder)
    found = store.chart(1, points=3)
    assert max(found.series["loss"].mean) == pytest.approx(MOST)
    assert min(found.series["low"].mean) == pytest.approx(-MOST)
    assert all(0 <= mean <= 5e-322 for mean in found.series["tiny"].mean)
    assert found.series["loss"].max == [1.7e308] * len(found.series["loss"].max)


@pytest.mark.usefixtures("database")
def test_a_chart_is_of_one_moment(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.create("x", filler())
    write_run(folder)
    assert store.chart(1).totals == {}
    store.take_in(folder)
    found = store.chart(1, points=7, lo=20)
    assert found.totals == {"eval_loss": 1, "grad_norm": 90, "loss": 130}
    assert set(found.series) == set(store.names(1)) == set(found.totals)
    assert found.taken == {
        EVENTS: (folder / EVENTS).stat().st_size,
        JOURNAL: (folder / JOURNAL).stat().st_size,
    }
    for name, series in found.series.items():
        assert repr(series) == repr(store.series(1, name, points=7, lo=20))
    few = store.chart(1, ["loss", "none"])
    assert (list(few.series), few.series["none"].n) == (["loss", "none"], [])
