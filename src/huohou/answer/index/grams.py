"""What names are found by: characters, pairs of characters, words, and pieces of words."""

from huohou.answer.index.canonical import DENSE_ONE

EDGE, PIECE = "\x02", 3  # words of other scripts are cut into pieces of this many letters


def grams(pieces: list[str]) -> list[str]:
    """Grams of a text's units, each once, in the order of their first place.

    >>> grams(["知", "春", "路"])
    ['知', '知春', '春', '春路', '路']
    >>> [one.replace(EDGE, "_") for one in grams(["york"])]
    ['york', '_yo', 'yor', 'ork', 'rk_']
    """
    found: dict[str, None] = {}
    last = ""
    for piece in pieces:
        if DENSE_ONE.match(piece):
            if last:
                found[last + piece] = None
            found[piece] = None
            last = piece
            continue
        last = ""
        found[piece] = None
        edged = f"{EDGE}{piece}{EDGE}"
        for i in range(len(edged) - PIECE + 1):
            found[edged[i : i + PIECE]] = None
    return list(found)
