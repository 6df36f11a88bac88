"""A Series is the points it was made from, whatever is done with it."""

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.record.columns import EMPTY, Point, Series
from huohou.record.readers._rows import Collector
from huohou.record.record import Record

STEPS = st.none() | st.integers(0, 2**53)
PASSES = st.none() | st.floats(-1e9, 1e9)
TIMES = st.none() | st.floats(-1e15, 1e15)
POINTS = st.lists(
    st.builds(Point, st.floats(), STEPS, PASSES, TIMES, st.integers(0, 5), STEPS), max_size=12
)


def same(a: Any, b: Any) -> bool:
    """Equal, NaN as NaN; 0 as -0."""
    return repr(a) == repr(b)


@given(POINTS)
def test_it_is_the_points_it_was_made_from(points: list[Point]) -> None:
    series = Series.of(points)
    assert same(list(series), points)
    assert same([series[i] for i in range(len(series))], points)
    assert same(list(reversed(series)), points[::-1])
    assert len(series) == len(points) and bool(series) == bool(points)
    assert series == points and series == tuple(points) and series == Series.of(series)
    assert same(pickle.loads(pickle.dumps(series)), series)


@pytest.mark.parametrize("none", [math.inf, -math.inf, math.nan, 1e16, -1e308])
def test_a_place_that_none_can_be_is_not_known(none: float) -> None:
    points = [Point(none, 1, none, none), Point(1.0, 2, 0.5, 8.0)]
    first, second = Series.of(points)
    assert (first.step, first.epoch, first.t) == (1, None, None)
    assert same(first.value, none)
    assert second == points[1]
    far = Series.of([Point(1.0, 10**20), Point(1.0, 3)])
    assert [point.step for point in far] == [None, 3]


@pytest.mark.parametrize("none", [math.inf, math.nan, -1e31, 10**400])
def test_a_fact_that_counts_nothing_is_none(none: float) -> None:
    told = {"rows": 5, "finished": True, "model": "small", "best": -math.pi}
    assert Record({}, {}, told | {"updates": none}).facts == told


@given(POINTS, st.slices(12))
def test_slices_are_series(points: list[Point], part: slice) -> None:
    found = Series.of(points)[part]
    assert isinstance(found, Series)
    assert same(list(found), points[part])
    assert same(list(found[::-1]), points[part][::-1]), "a slice of a slice"


@given(POINTS, st.data())
def test_one_changed_number_is_seen(points: list[Point], data: st.DataObject) -> None:
    if not points:
        assert len(EMPTY) == 0 and list(EMPTY) == []
        return
    at = data.draw(st.integers(0, len(points) - 1))
    changed = [*points[:at], Point(2.5, 7, 0.1, 3.0, 9, 4), *points[at + 1 :]]
    assert Series.of(points) != changed
    assert Series.of(points) != points[1:]
    assert Series.of(points) != [1.0] * len(points)


@given(POINTS)
def test_columns_are_those_of_the_points(points: list[Point]) -> None:
    series = Series.of(points)
    assert same(series.values.tolist(), [p.value for p in points])
    gap = math.nan
    assert same(series.steps.tolist(), [gap if p.step is None else float(p.step) for p in points])
    assert same(series.epochs.tolist(), [gap if p.epoch is None else p.epoch for p in points])
    kept = series.take(~np.isnan(series.values))
    assert same(list(kept), [p for p in points if not math.isnan(p.value)])


def test_places_are_steps_else_epochs_else_before_everything() -> None:
    points = [Point(1.0, 5, 0.5), Point(1.0, None, 0.25), Point(1.0)]
    assert Series.of(points).places.tolist() == [5.0, 0.25, -math.inf]


def test_nothing_of_it_can_be_changed() -> None:
    series = Series.of([Point(1.0, 1)])
    with pytest.raises(ValueError, match="read-only"):
        series.values[0] = 2.0
    with pytest.raises(TypeError):
        series[0] = Point(2.0)  # type: ignore[index]
    with pytest.raises(TypeError):
        hash(series)
    with pytest.raises(IndexError):
        series[1]


@given(st.lists(st.tuples(STEPS, st.floats(), st.none() | st.floats()), max_size=12))
def test_a_record_of_a_collector_has_what_was_put_in(
    rows: list[tuple[int | None, float, float | None]],
) -> None:
    collector = Collector()
    for line, (step, loss, rate) in enumerate(rows, start=1):
        values = {"loss": loss} | ({} if rate is None else {"learning_rate": rate})
        collector.add(values, step=step, line=line)
    record = Record({"path": "x"}, collector.series())
    assert same(record.values("loss"), [loss for _, loss, _ in rows])
    assert [p.step for p in record.points("loss")] == [step for step, _, _ in rows]
    kept = [(line, rate) for line, (*_, rate) in enumerate(rows, start=1) if rate is not None]
    assert same([(p.line, p.value) for p in record.points("learning_rate")], kept)


def test_a_record_keeps_tuples_as_series() -> None:
    record = Record({"path": "x"}, {"loss": (Point(2.0, 1), Point(math.nan, 2, seg=1))})
    assert isinstance(record.points("loss"), Series)
    assert record.points("grad_norm") == ()
    assert record.segments() == [0, 1]
