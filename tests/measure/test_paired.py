"""Comparisons of two searches: exact tests against brute force, and what n queries can show."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from huohou.measure.paired import (
    compare,
    least_gain,
    mcnemar,
    power,
    power_sentence,
    queries_needed,
    sign_flip,
)
from huohou.text import use

values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(values, st.data())
def test_sign_flips_of_few_groups_are_counted_one_by_one(
    first: list[float], data: st.DataObject
) -> None:
    second = data.draw(
        st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(first), max_size=len(first))
    )
    groups = data.draw(st.lists(st.integers(0, 3), min_size=len(first), max_size=len(first)))
    change = np.array(first) - np.array(second)
    sums = [change[[g == one for g in groups]].sum() for one in sorted(set(groups))]
    all_signs = [
        sum(s * x for s, x in zip(signs, sums, strict=True))
        for signs in product((-1, 1), repeat=len(sums))
    ]
    expected = np.mean([abs(total) >= abs(sum(sums)) - 1e-9 for total in all_signs])
    assert sign_flip(change, groups) == pytest.approx(expected)


def test_many_groups_are_drawn_with_a_seed_and_agree_with_the_normal_law() -> None:
    change = np.random.default_rng(3).normal(0.1, 1.0, size=400)
    found = sign_flip(change)
    z = change.sum() / np.sqrt((change**2).sum())
    from scipy.stats import norm

    assert found == sign_flip(change)
    assert found == pytest.approx(2 * norm.sf(abs(z)), abs=0.015)
    assert sign_flip(np.ones(60)) == pytest.approx(1 / 10_001)


def test_queries_of_one_document_prove_less_than_as_many_documents() -> None:
    first = [1.0] * 30 + [0.0] * 10
    second = [0.0] * 30 + [1.0] * 10
    apart = compare(first, second)
    together = compare(first, second, [i // 10 for i in range(40)])
    assert apart.better and apart.p < 0.01
    assert not together.better and together.p > 0.1
    assert together.difference.value == apart.difference.value == 0.5


def test_a_search_compared_with_itself_has_not_changed() -> None:
    found = compare([0.5, 1.0, 0.0], [0.5, 1.0, 0.0])
    assert (found.difference.value, found.p, found.same) == (0.0, 1.0, 3)
    assert not found.better and not found.worse


@pytest.mark.parametrize("bad", [[], [0.5, float("nan")], [1.5, 0.0]])
def test_what_did_not_run_is_not_compared(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no queries|query \d has the value"):
        compare(bad, [0.0] * len(bad))
    with pytest.raises(ValueError, match="pairs of"):
        mcnemar([1.0], [1.0, 0.0])


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40))
def test_mcnemar_is_the_binomial_test_of_the_queries_that_differ(
    pairs: list[tuple[int, int]],
) -> None:
    found = mcnemar([a for a, _ in pairs], [b for _, b in pairs])
    up, down = pairs.count((1, 0)), pairs.count((0, 1))
    assert (found.only_first, found.only_second) == (up, down)
    assert found.both + found.neither == len(pairs) - up - down
    expected = binomtest(up, up + down).pvalue if up + down else 1.0
    assert found.p == pytest.approx(expected)


@pytest.mark.parametrize(("n", "up", "down"), [(12, 0.3, 0.1), (30, 0.15, 0.05), (25, 0.0, 0.0)])
def test_power_counts_every_outcome(n: int, up: float, down: float) -> None:
    total = 0.0
    for m in range(n + 1):
        for fewer in range(m + 1):  # queries that only the old search answers
            shown = m and fewer * 2 < m and binomtest(fewer, m).pvalue <= 0.05
            chance = down / (up + down) if up + down else 0.5
            total += bool(shown) * binom.pmf(m, n, up + down) * binom.pmf(fewer, m, chance)
    assert power(n, up, down) == pytest.approx(total, abs=1e-9)


def test_fifty_questions_show_only_large_gains() -> None:
    assert power(50, 0.15) < 0.3
    assert power(50, 0.30) > 0.8
    assert power_sentence(50) == "With n=50 only gains of about 25 points can be shown."
    assert power_sentence(3) == "With n=3 no gain at all can be shown."
    use("zh")
    try:
        assert "25" in power_sentence(50)
    finally:
        use(None)


def test_queries_needed_and_least_gain_are_each_others_inverse() -> None:
    n = queries_needed(0.05)
    assert power(n, 0.10, 0.05) >= 0.8 > power(int(n * 0.95), 0.10, 0.05)
    gain = least_gain(n)
    assert gain is not None and abs(gain - 0.05) < 0.002
    with pytest.raises(ValueError, match="a gain of 0"):
        queries_needed(0.0)
