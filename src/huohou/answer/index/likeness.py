"""How alike a question and a row's name are, piece by piece, each piece weighed by its rarity.

A piece (a character of Chinese, a word of other scripts) of the question is held by the row when
the row has it beside the same neighbour, wherever that stands: the order of parts is free. What is
left over on both sides is paired: the same piece elsewhere, one that sounds or looks alike, a word
spelled nearly so. What then is left over is lost: of the question, the row lacks it; of the row's
tail, the question does not tell that row from its neighbours.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import Levenshtein

from huohou.answer.index.canonical import DENSE_ONE, units
from huohou.answer.index.rows import Row
from huohou.answer.index.sounds import slip

# What a pair costs, as a part of the piece's weight.
COST = {"moved": 0.1, "sound": 0.15, "shape": 0.2, "accent": 0.25}
NEARLY = 0.6  # two words are one misspelled from this similarity on
PREFIX = 3  # letters that may stand for a word that begins with them
PREFIX_COST = 0.15
TAIL_COUNTS, HEAD_COUNTS, EDIT_COUNTS = 0.6, 0.15, 0.03  # see `score`
NEVER_EXACT = 0.96  # best score of what is not the same name

Weigh = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about, prepared once a question."""

    text: str
    pieces: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    weights: tuple[float, ...]


def asked(text: str, weigh: Weigh) -> Asked:
    """text: in canonical form."""
    pieces = tuple(units(text))
    return Asked(text, pieces, _pairs(pieces), tuple(weigh(one) for one in pieces))


def likeness(question: Asked, row: Row, weigh: Weigh) -> dict[str, float]:
    """Features of a row for a question, all 0..1 but ``lost.*`` and ``rare``.

    cover.asked: part of the question that the row holds; cover.tail, cover.head: part of the end
    of its name, and of what stands before it, that the question says; lost.asked, lost.tail: the
    same in weights, 1 being a piece that no other row has; rare: weight of the whole question;
    sound, shape, accent, moved, spelled: pieces paired for that reason, of all the question's;
    edit: similarity of the two texts letter by letter (Levenshtein).
    """
    theirs = units(row.form)
    around = [piece for line in row.context.split("\n") for piece in units(line)]
    held = _pairs(theirs) | _pairs(around)
    left = _left(question.pieces, held, {*theirs, *around})
    open_ones = _left(theirs, question.pairs, set(question.pieces))
    weights = [weigh(one) for one in theirs]
    costs, reasons = _paired(question.pieces, left, theirs, open_ones)
    lost = sum(question.weights[i] * cost for i, (cost, _) in costs.items())
    missing = {j: 1.0 for j in open_ones} | {j: cost for cost, j in costs.values() if j >= 0}
    start = len(theirs) - len(units(row.tail))
    tail, head = (
        sum(weights[j] * cost for j, cost in missing.items() if (j >= start) == inside)
        for inside in (True, False)
    )
    whole, count = sum(question.weights), max(len(question.pieces), 1)
    return {
        "cover.asked": _share(lost, whole),
        "cover.tail": _share(tail, sum(weights[start:])),
        "cover.head": _share(head, sum(weights[:start])),
        "lost.asked": lost,
        "lost.tail": tail,
        "rare": whole,
        "edit": Levenshtein.normalized_similarity(question.text, row.form),
        **{name: reasons.count(name) / count for name in (*COST, "spelled")},
    }


def score(features: Mapping[str, float]) -> float:
    """One number of the features, 0..1: what is lost of the question counts most, then the tail."""
    said = features["cover.asked"]
    said *= 1 - TAIL_COUNTS * (1 - features["cover.tail"])
    said *= 1 - HEAD_COUNTS * (1 - features["cover.head"])
    return NEVER_EXACT * ((1 - EDIT_COUNTS) * said + EDIT_COUNTS * features["edit"])


def _share(lost: float, whole: float) -> float:
    return max(0.0, 1 - lost / whole) if whole > 0 else 1.0


def _pairs(pieces: Sequence[str]) -> frozenset[tuple[str, str]]:
    return frozenset(pairwise(pieces))


def _left(pieces: Sequence[str], held: frozenset[tuple[str, str]], singles: set[str]) -> list[int]:
    """Places of the pieces that the other side does not hold beside the same neighbour."""
    left: list[int] = []
    last = len(pieces) - 1
    for i, piece in enumerate(pieces):
        before = i > 0 and (pieces[i - 1], piece) in held
        if before or (i < last and (piece, pieces[i + 1]) in held):
            continue
        # A word, or a character between words, has no neighbour to be known by.
        if piece in singles and (not DENSE_ONE.match(piece) or len(pieces) == 1):
            continue
        left.append(i)
    return left


def _paired(
    mine: Sequence[str], left: Sequence[int], theirs: Sequence[str], open_ones: list[int]
) -> tuple[dict[int, tuple[float, int]], list[str]]:
    """Cost and partner (-1: none) of each piece left over, and the reasons of the pairs.

    The partners are taken out of open_ones.
    """
    costs: dict[int, tuple[float, int]] = {}
    reasons: list[str] = []
    for found in (_same, _slipped, _spelled):
        for i in [one for one in left if one not in costs]:
            best = min(
                ((*found(mine[i], theirs[j]), j) for j in open_ones),
                key=lambda one: (one[0], abs(one[2] - i)),
                default=(1.0, "", -1),
            )
            if best[0] < 1:
                costs[i] = (best[0], best[2])
                reasons.append(best[1])
                open_ones.remove(best[2])
    return costs | {i: (1.0, -1) for i in left if i not in costs}, reasons


def _same(one: str, other: str) -> tuple[float, str]:
    return (COST["moved"], "moved") if one == other else (1.0, "")


def _slipped(one: str, other: str) -> tuple[float, str]:
    why = slip(one, other) if len(one) == len(other) == 1 else ""
    return (COST[why], why) if why else (1.0, "")


def _spelled(one: str, other: str) -> tuple[float, str]:
    if len(one) < 2 or len(other) < 2:
        return 1.0, ""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= PREFIX and longer.startswith(shorter):
        return PREFIX_COST, "spelled"
    alike = Levenshtein.normalized_similarity(one, other, score_cutoff=NEARLY)
    return (1 - alike, "spelled") if alike else (1.0, "")
