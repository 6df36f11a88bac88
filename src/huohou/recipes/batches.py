"""Which rows are computed together, and what they share.

An optimizer update takes a fixed number of rows in random order. Inside it, rows are regrouped
into micro-batches: rows that begin alike share the computation of that beginning, and where not
all fit at once, rows of similar length lie together. The sum of the gradients is the same, so only
the cost changes. Costs are counted in token positions run through the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from huohou.data.labels import LabelledRow

# No micro-batch has more rows: keeps the search below quadratic in large updates.
MOST_ROWS = 64


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Rows computed in one pass.

    rows: places in the update; prefix: number of first tokens that are computed once for all of
    them; positions: token positions run through the model.
    """

    rows: tuple[int, ...]
    prefix: int
    positions: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits and prices for grouping.

    max_tokens: positions in one pass; pass_cost: what starting one pass costs, in positions
    (small on a CPU, large on a GPU that is waiting for launches); share: whether to share.
    """

    max_tokens: int
    pass_cost: int = 48
    share: bool = True


def needed(row: LabelledRow) -> int:
    """Positions that must be run: the last trained token is predicted from the one before it."""
    return max((k for k, trained in enumerate(row.labels) if trained), default=0)


def shareable(row: LabelledRow) -> int:
    """Most first tokens that may be shared: what predicts the first trained token stays a row's
    own, so that every prediction is read off one place."""
    first = next((k for k, trained in enumerate(row.labels) if trained), 0)
    return max(first - 1, 0)


def common_prefix(rows: Sequence[LabelledRow]) -> int:
    """Number of first tokens that all rows have in common and may share.

    >>> a = LabelledRow((1, 2, 3, 4, 9), (False, False, False, False, True))
    >>> b = LabelledRow((1, 2, 3, 5, 9), (False, False, False, False, True))
    >>> common_prefix([a, b])
    3
    """
    low, high = min(r.ids for r in rows), max(r.ids for r in rows)
    most = min(shareable(r) for r in rows)
    return _agree(low[:most], high[:most])


def group(rows: Sequence[LabelledRow], budget: Budget) -> list[MicroBatch]:
    """Regroup the rows of one update at the least cost. Rows without a trained token are left out.

    Every beginning that some rows share is tried: either the rows below it are computed together
    sharing it, or each longer beginning below it on its own, whichever costs less.
    """
    used = [i for i, row in enumerate(rows) if any(row.labels)]
    if not used:
        return []
    order = sorted(used, key=lambda i: rows[i].ids)
    return _cheapest(rows, order, budget)[1]


def _cheapest(
    rows: Sequence[LabelledRow], order: list[int], budget: Budget
) -> tuple[int, list[MicroBatch]]:
    """Cost and micro-batches of rows given in lexicographic order of their tokens."""
    prefix = common_prefix([rows[i] for i in order]) if budget.share else 0
    together = _by_length(rows, order, prefix, budget)
    if not budget.share or len(order) < 4:
        return together
    branches = _branches(rows, order, prefix)
    # Rows that all differ at once have nothing below to share.
    if len(branches) < 2 or len(branches) > len(order) // 2:
        return together
    parts = [_cheapest(rows, branch, budget) for branch in branches]
    apart = (sum(cost for cost, _ in parts), [batch for _, found in parts for batch in found])
    return min(together, apart, key=lambda option: option[0])


def _branches(rows: Sequence[LabelledRow], order: list[int], prefix: int) -> list[list[int]]:
    """Split lexicographically ordered rows by the token that follows the prefix."""
    branches: dict[int | None, list[int]] = {}
    for i in order:
        ids = rows[i].ids
        branches.setdefault(ids[prefix] if len(ids) > prefix else None, []).append(i)
    return list(branches.values())


def _by_length(
    rows: Sequence[LabelledRow], order: list[int], prefix: int, budget: Budget
) -> tuple[int, list[MicroBatch]]:
    """Least-cost cuts of the rows in order of length: dynamic programming over the last cut."""
    ranked = sorted(order, key=lambda i: needed(rows[i]))
    upto = [0, *accumulate(needed(rows[i]) for i in ranked)]
    best: list[tuple[int, int, MicroBatch | None]] = [(0, 0, None)]
    for end in range(1, len(ranked) + 1):
        options = []
        for start in range(max(0, end - MOST_ROWS), end):
            batch = _batch(ranked[start:end], upto[end] - upto[start], prefix)
            if batch.positions <= budget.max_tokens or end - start == 1:
                cost = best[start][0] + batch.positions + budget.pass_cost
                options.append((cost, start, batch))
        best.append(min(options, key=lambda option: option[0]))
    batches: list[MicroBatch] = []
    end = len(ranked)
    while end:
        _, start, chosen = best[end]
        assert chosen is not None
        batches.append(chosen)
        end = start
    return best[-1][0], batches[::-1]


def _batch(members: list[int], positions: int, prefix: int) -> MicroBatch:
    """These rows in one pass; positions: of all of them, nothing shared."""
    repeats = len(members) - 1
    if prefix and repeats:
        return MicroBatch(tuple(members), prefix, positions - repeats * prefix)
    return MicroBatch(tuple(members), 0, positions)


def _agree(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning of two sequences."""
    return next(
        (k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


@dataclass(frozen=True, slots=True)
class Work:
    """Positions of one pass over all rows: computed, and what plain padding-free passes need."""

    computed: int
    plain: int

    @property
    def saved(self) -> float:
        """Part of the plain work that sharing and trimming leave out; 0 when nothing is left."""
        return max(0.0, 1 - self.computed / self.plain) if self.plain else 0.0


def work(
    rows: Sequence[LabelledRow],
    updates: Sequence[Sequence[int]],
    budget: Budget,
) -> Work:
    """Count the positions of an epoch, update by update as it will be trained."""
    computed = 0
    for update in updates:
        computed += sum(b.positions for b in group([rows[i] for i in update], budget))
    return Work(computed, sum(len(rows[i].ids) for update in updates for i in update))
