"""Schedules are recognised from any part of them; losses are compared where they belong."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.diagnose.case import Case
from huohou.diagnose.lag import train_at
from huohou.diagnose.schedule import schedule
from huohou.diagnose.seams import seams
from huohou.record.record import Point, Record


def rates(shape: str, n: int, end: int, peak: float, warm: int) -> list[Point]:
    """n points of a schedule that is 0 at step end, printed with four digits."""

    def part(step: int) -> float:
        if step < warm:
            return step / warm
        u = (step - warm) / (end - warm)
        return 1 - u if shape == "linear" else (1 + math.cos(math.pi * u)) / 2

    return [Point(float(f"{peak * part(10 * i):.4g}"), 10 * i) for i in range(1, n + 1)]


@given(
    shape=st.sampled_from(["linear", "cosine"]),
    n=st.integers(20, 80),
    longer=st.floats(1.0, 2.5),
    peak=st.sampled_from([2e-5, 1e-4, 5e-3]),
    warm=st.sampled_from([1, 20, 60]),
)
def test_the_end_of_a_schedule_is_known_before_it_comes(
    shape: str, n: int, longer: float, peak: float, warm: int
) -> None:
    end = int(10 * n * longer)
    found = schedule(rates(shape, n, end, peak, warm))
    assert found is not None
    assert found.shape == shape and found.end is not None
    assert abs(found.end - end) < 0.05 * end
    assert found.warm_up <= warm + 10


@pytest.mark.parametrize("values", [[1e-4] * 20, [1e-4 / (1 + i) for i in range(20)]])
def test_other_shapes_have_no_end(values: list[float]) -> None:
    found = schedule([Point(v, 10 * i) for i, v in enumerate(values)])
    assert found is not None and found.end is None
    assert found.shape in ("constant", "other")


def test_no_schedule_without_rates() -> None:
    assert schedule([]) is None
    assert schedule([Point(0.0, i) for i in range(10)]) is None
    assert schedule([Point(1e-4, None) for _ in range(10)]) is None


def test_a_logged_loss_belongs_to_the_middle_of_its_window() -> None:
    """A loss that falls by 1 a step, logged as means over ten steps."""
    means = [Point(float(np.mean([100 - s for s in range(e - 10, e)])), e) for e in (10, 20, 30)]
    found = train_at(means, [Point(0.0, 20), Point(0.0, 30)])
    assert found == pytest.approx([80.5, 70.5])
    assert math.isnan(train_at(means, [Point(0.0)])[0]), "it does not say where it stands"


def test_seams_are_known_from_segments_and_from_counters() -> None:
    losses = tuple(Point(1.0, s, seg=int(s > 30)) for s in range(10, 70, 10))
    assert seams(Case(Record({}, {"loss": losses}))) == [3]
    same = tuple(Point(1.0, s) for s in range(10, 70, 10))
    tokens = tuple(Point(float(s % 40), s) for s in range(10, 70, 10))
    assert seams(Case(Record({}, {"loss": same, "num_tokens": tokens}))) == [3]
    assert seams(Case(Record({}, {"loss": same}))) == []


def test_the_beginning_of_a_cosine_is_no_line() -> None:
    course = [2e-5 * 2.5 * (1 + math.cos(math.pi * i / 84)) / 2 for i in range(14)]
    found = schedule([Point(rate, 10 + i) for i, rate in enumerate(course)])
    assert found is not None and (found.shape, round(found.end or 0)) == ("cosine", 94)
