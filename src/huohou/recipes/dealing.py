"""The rows of an update dealt to workers: what shares a beginning stays together on one."""

from collections.abc import Sequence

from huohou.data.labels import LabelledRow
from huohou.recipes.batches import Budget, group, needed
from huohou.recipes.team import share

CUTS = 4  # tried for each worker

Piece = tuple[tuple[int, ...], int]  # rows that are computed together, and the beginning they share


def deal(rows: Sequence[LabelledRow], budget: Budget, workers: int) -> list[list[int]]:
    """Places of an update's rows by worker; the same on every worker.

    Rows are grouped as one process would. Where that leaves one worker more to compute than the
    others, its largest group is cut in two, each half with the shared beginning, as long as that
    makes the busiest one's work less. A worker has nothing where there are fewer rows than workers.
    """
    pieces: list[Piece] = [(batch.rows, batch.prefix) for batch in group(rows, budget)]
    best: tuple[float, list[list[int]]] = (float("inf"), [])
    for _ in range(1 if workers == 1 else 1 + CUTS * workers):
        costs = [_cost(rows, piece, budget) for piece in pieces]
        shares = share(costs, workers)
        busiest = max(shares, key=lambda own: sum(costs[k] for k in own))
        longest = sum(costs[k] for k in busiest)
        if longest < best[0]:
            dealt = [sorted(place for k in own for place in pieces[k][0]) for own in shares]
            best = (longest, dealt)
        several = [k for k in busiest if len(pieces[k][0]) > 1]
        if not several:
            break
        pieces = _cut(pieces, max(several, key=lambda k: costs[k]))
    return best[1]


def _cost(rows: Sequence[LabelledRow], piece: Piece, budget: Budget) -> int:
    """What computing a piece takes, in token positions."""
    places, shared = piece
    return shared + sum(needed(rows[i]) - shared for i in places) + budget.pass_cost


def _cut(pieces: Sequence[Piece], k: int) -> list[Piece]:
    """The pieces with one of them in two halves of like lengths."""
    places, shared = pieces[k]
    return [*pieces[:k], (places[::2], shared), (places[1::2], shared), *pieces[k + 1 :]]
