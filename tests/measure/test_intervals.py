"""Intervals hold the truth as often as they say, and say how they were made."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from huohou.measure.intervals import mean_interval, paired_interval, wilson

outcomes = st.lists(st.sampled_from([0, 1]), min_size=1, max_size=40)


@given(st.integers(1, 200), st.data())
def test_wilson_is_scipys(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    theirs = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_what_is_no_proportion(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="hits of"):
        wilson(hits, n)


@settings(deadline=None, max_examples=40)
@given(outcomes, st.integers(1, 5))
def test_the_interval_of_outcomes_holds_its_mean_and_stays_in_0_1(
    values: list[int], size: int
) -> None:
    found = mean_interval(values, [i // size for i in range(len(values))], resamples=200)
    assert found.value == pytest.approx(sum(values) / len(values))
    assert found.low is not None and found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.n, found.groups) == (len(values), math.ceil(len(values) / size))


def test_same_input_same_interval() -> None:
    values = [0.1 * i for i in range(30)]
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_questions_of_one_fact_count_as_one_draw() -> None:
    facts = [i // 5 for i in range(100)]
    together = mean_interval([fact % 2 for fact in facts], facts)
    apart = mean_interval([fact % 2 for fact in facts])
    assert together.groups == 20
    assert _width(together) > 1.8 * _width(apart)  # sqrt(5) in the long run


def test_all_right_is_no_proof_of_perfection() -> None:
    few, many = mean_interval([1] * 5), mean_interval([1] * 500)
    assert few.method == many.method == "wilson"
    assert few.low == pytest.approx(0.566, abs=1e-3)
    assert many.low is not None and many.low > 0.99
    assert few.high == 1


def test_all_right_counts_facts_not_questions() -> None:
    assert mean_interval([1] * 50, [i % 5 for i in range(50)]).low == mean_interval([1] * 5).low


def test_nothing_measured_is_nan_not_zero() -> None:
    empty = mean_interval([])
    assert math.isnan(empty.value)
    assert (empty.low, empty.high, empty.n) == (None, None, 0)


def test_seconds_that_are_all_equal_have_no_interval() -> None:
    assert mean_interval([2.5, 2.5]).low is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="groups"):
        mean_interval([1, 0], ["a"])
    with pytest.raises(ValueError, match="pairs"):
        paired_interval([1], [1, 0])


def test_a_pair_that_differs_on_the_same_questions_is_told_apart_sooner() -> None:
    easy = [1] * 20 + [0] * 20  # half of the questions are easy for both
    better = [1] * 20 + [1] * 8 + [0] * 12
    one, other = mean_interval(easy), mean_interval(better)
    assert one.high is not None and other.low is not None and one.high > other.low  # they overlap
    difference = paired_interval(better, easy)
    assert difference.low is not None and difference.low > 0


def test_a_constant_difference_is_not_certain() -> None:
    found = paired_interval([1] * 10, [0] * 10)
    assert found.value == 1 and found.low is not None and 0 < found.low < 1 and found.high == 1
    same = paired_interval([1, 0, 1], [1, 0, 1])
    assert same.value == 0 and same.low is not None and same.low < 0 < (same.high or 0)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "size"), [(0.33, 3), (0.9, 3), (0.95, 1)])
def test_95_of_100_intervals_hold_the_truth(share: float, size: int) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        facts = rng.beta(share, 1 - share, 30)  # correlation 0.5 within a fact
        values = rng.binomial(1, np.repeat(facts, size)).tolist()
        found = mean_interval(values, [i // size for i in range(30 * size)], resamples=500)
        held += (found.low or 0) <= share <= (found.high or 1)
    assert 0.91 <= held / 300 <= 0.995


def _width(interval: object) -> float:
    return float(interval.high - interval.low)  # type: ignore[attr-defined]
