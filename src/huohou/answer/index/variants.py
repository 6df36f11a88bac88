"""Grams that a text would have without a slip: looked for when the text as it is finds nothing."""

from collections.abc import Callable, Iterator, Sequence

from huohou.answer.index.canonical import DENSE_ONE

Others = Callable[[str], Sequence[str]]
Known = Callable[[str], int]


def variants(pieces: Sequence[str], others: Others, known: Known) -> list[list[str]]:
    """Pairs of characters the table has, were two neighbours swapped; were one another.

    others: characters that one may be a slip of; known: how many rows hold a gram.

    >>> variants(list("月云大"), lambda one: "", {"云月": 1, "月大": 2}.get)
    [['云月', '月大'], []]
    """
    return [
        list(dict.fromkeys(pair for pairs in kind if all(map(known, pairs)) for pair in pairs))
        for kind in (_swapped(pieces), _replaced(pieces, others))
    ]


def _swapped(pieces: Sequence[str]) -> Iterator[list[str]]:
    for i in range(len(pieces) - 1):
        one, other = pieces[i : i + 2]
        if one == other or not (DENSE_ONE.match(one) and DENSE_ONE.match(other)):
            continue
        yield [other + one]
        if i + 2 < len(pieces):
            yield [one + pieces[i + 2]]
        if i:
            yield [pieces[i - 1] + other]


def _replaced(pieces: Sequence[str], others: Others) -> Iterator[list[str]]:
    for i, piece in enumerate(pieces):
        if not DENSE_ONE.match(piece):
            continue
        for other in others(piece):
            before = [pieces[i - 1] + other] if i else []
            after = [other + pieces[i + 1]] if i + 1 < len(pieces) else []
            yield [*before, *after]
            if before and after and i + 2 == len(pieces):
                yield before
