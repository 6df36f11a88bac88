"""Long questions cut to the part that names something."""

from collections.abc import Sequence

from huohou.answer.index.likeness import Weigh

LONGEST_TEXT = 20_000  # characters looked at at all
LONGEST = 80  # pieces compared


def densest(pieces: Sequence[str], known: Weigh, width: int = LONGEST) -> slice:
    """The stretch of ``width`` pieces with the most rare pieces that the table knows.

    known: weight of a piece or pair, 0 for one that no row holds. Each counts at its first place.
    """
    if len(pieces) <= width:
        return slice(0, len(pieces))
    seen: set[str] = set()
    worth: list[float] = []
    for i, piece in enumerate(pieces):
        pair = piece + (pieces[i + 1] if i + 1 < len(pieces) else "")
        worth.append(0.0 if pair in seen else known(pair) or 0.5 * known(piece))
        seen.add(pair)
    total = best = sum(worth[:width])
    start = 0
    for i in range(width, len(worth)):
        total += worth[i] - worth[i - width]
        if total > best + 1e-9:
            start, best = i - width + 1, total
    return slice(start, start + width)
