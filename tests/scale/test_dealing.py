"""Rows dealt to workers: all of them, each once, shared beginnings together, work nearly equal."""

from hypothesis import given
from hypothesis import strategies as st

from huohou.data.labels import LabelledRow
from huohou.recipes.batches import Budget, group
from huohou.recipes.dealing import deal
from huohou.recipes.team import share


def row(beginning: int, length: int, own: int) -> LabelledRow:
    """A row of a beginning that others have too, and tokens of its own, the last one trained."""
    ids = (*range(100 * beginning, 100 * beginning + length), *([own] * 4))
    return LabelledRow(ids, (*([False] * (len(ids) - 1)), True))


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(3, 60), st.integers(0, 99)), max_size=24),
    st.integers(1, 5),
    st.sampled_from([40, 300, 4096]),
)
def test_every_row_is_dealt_once(
    drawn: list[tuple[int, int, int]], workers: int, most: int
) -> None:
    rows = [row(*one) for one in drawn]
    found = deal(rows, Budget(most), workers)
    assert len(found) == workers
    assert sorted(place for own in found for place in own) == list(range(len(rows)))


def test_rows_that_share_a_beginning_stay_together() -> None:
    rows = [row(k % 2 + 1, 60, k) for k in range(8)]
    first, second = deal(rows, Budget(4096), 2)
    assert {place % 2 for place in first} != {place % 2 for place in second}
    assert all(len({place % 2 for place in own}) == 1 for own in (first, second))


def test_one_beginning_is_cut_where_a_worker_had_nothing() -> None:
    rows = [row(1, 30, k) for k in range(12)]
    budget = Budget(4096)
    assert len(group(rows, budget)) == 1
    assert [len(own) for own in deal(rows, budget, 2)] == [6, 6]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 6))
def test_shares_are_nearly_equal(costs: list[int], workers: int) -> None:
    found = share(costs, workers)
    assert sorted(i for own in found for i in own) == list(range(len(costs)))
    sums = [sum(costs[i] for i in own) for own in found]
    largest = max(costs)
    assert max(sums) <= sum(costs) / workers + largest
