"""Grouping never loses a row, never shares what differs, and never costs more than not grouping."""

from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.data.labels import LabelledRow
from huohou.recipes.batches import Budget, common_prefix, group, needed, shareable
from huohou.recipes.order import epoch_order, updates_of


@st.composite
def rows(draw: st.DrawFn) -> list[LabelledRow]:
    """Ragged rows with several beginnings, some of them beginnings of one another."""
    beginnings = draw(st.lists(st.lists(st.integers(0, 3), max_size=30), min_size=1, max_size=3))
    found = []
    for _ in range(draw(st.integers(1, 12))):
        start = draw(st.sampled_from(beginnings))
        own = draw(st.lists(st.integers(0, 3), min_size=2, max_size=12))
        ids = (*start, *own)
        trained = draw(st.integers(0, len(own) - 1))
        labels = [k >= len(ids) - trained for k in range(len(ids))]
        found.append(LabelledRow(ids, tuple(labels)))
    return found


budgets = st.builds(Budget, st.integers(1, 200), pass_cost=st.integers(0, 100), share=st.booleans())


@given(rows(), budgets)
@settings(max_examples=100, deadline=None)
def test_every_trainable_row_is_in_one_micro_batch(
    found: list[LabelledRow], budget: Budget
) -> None:
    batches = group(found, budget)
    placed = sorted(i for batch in batches for i in batch.rows)
    assert placed == [i for i, row in enumerate(found) if any(row.labels)]


@given(rows(), budgets)
@settings(max_examples=100, deadline=None)
def test_a_shared_prefix_is_shared_and_leaves_each_prediction_its_own_place(
    found: list[LabelledRow], budget: Budget
) -> None:
    for batch in group(found, budget):
        members = [found[i] for i in batch.rows]
        assert len({row.ids[: batch.prefix] for row in members}) == 1
        assert all(batch.prefix <= shareable(row) for row in members)
        assert all(batch.prefix < needed(row) for row in members if batch.prefix)
        if not budget.share:
            assert batch.prefix == 0
        assert batch.positions <= budget.max_tokens or len(batch.rows) == 1


@given(rows(), budgets)
@settings(max_examples=100, deadline=None)
def test_grouping_costs_at_most_one_padded_pass_each(
    found: list[LabelledRow], budget: Budget
) -> None:
    batches = group(found, budget)
    cost = sum(b.positions + budget.pass_cost for b in batches)
    singles = sum(needed(r) + budget.pass_cost for r in found if any(r.labels))
    assert cost <= singles


def test_two_prefixes_in_one_update_are_each_shared() -> None:
    one, two = tuple(range(100, 160)), tuple(range(200, 260))
    found = [
        LabelledRow((*start, 900 + i, 7, 8), (False,) * 61 + (True, True))
        for i in range(8)
        for start in (one, two)
    ]
    batches = group(found, Budget(8192))
    assert sorted(batch.prefix for batch in batches) == [60, 60]
    assert [len(batch.rows) for batch in batches] == [8, 8]


def test_rows_without_anything_in_common_are_not_shared() -> None:
    found = [LabelledRow((i, i + 1, i + 2), (False, False, True)) for i in range(0, 40, 4)]
    assert {batch.prefix for batch in group(found, Budget(8192))} == {0}


def test_common_prefix_stops_before_what_predicts_the_first_answer_token() -> None:
    same = LabelledRow((1, 2, 3, 4), (False, False, True, True))
    assert common_prefix([same, same]) == 1


@given(st.integers(0, 50), st.integers(0, 5), st.integers(0, 5))
def test_order_is_a_permutation_fixed_by_seed_and_epoch(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed, epoch)
    assert sorted(order) == list(range(n))
    assert order == epoch_order(n, seed, epoch)
    assert [i for update in updates_of(order, 7) for i in update] == order
