"""How alike a question and a row's name are, piece by piece, each piece weighed by its rarity.

A piece (a character of Chinese, a word of other scripts) of the question is held by the row when
the row has it beside the same neighbour, wherever that stands: the order of parts is free. What is
left over on both sides is paired: the same piece elsewhere, one that sounds or looks alike, a word
spelled nearly so. What then is left over is lost: of the question, the row lacks it; of the row's
tail, the question does not tell that row from its neighbours.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA, Levenshtein

from huohou.answer.index.canonical import DENSE_ONE, units
from huohou.answer.index.rows import Row
from huohou.answer.index.sounds import Slips

# What a pair costs, as a part of the piece's weight.
COST = {"moved": 0.1, "sound": 0.15, "shape": 0.2, "accent": 0.25}
NEARLY = 0.6  # two words are one misspelled from this similarity on
PREFIX = 3  # letters that may stand for a word that begins with them
PREFIX_COST = 0.15
TAIL_COUNTS, HEAD_COUNTS, EDIT_COUNTS = 0.6, 0.15, 0.03  # see `score`
LITTLE = 0.25  # part of a head that may be said by chance: its commonest pieces
KIND, KIND_COST = 3, 0.5  # pieces at the end of a name, and what they count when left out
NEVER_EXACT = 0.96  # best score of what is not the same name

Weigh = Callable[[str], float]
Resembling = Callable[[str], AbstractSet[str]]
Pairs = AbstractSet[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about, prepared once a question."""

    text: str
    pieces: tuple[str, ...]
    pairs: Pairs
    singles: frozenset[str]
    weights: tuple[float, ...]
    rare: float
    slips: Slips
    resembling: Resembling


def asked(text: str, weigh: Weigh, slips: Slips, resembling: Resembling) -> Asked:
    """text: in canonical form; resembling: characters that one may stand for."""
    pieces = tuple(units(text))
    weights = tuple(map(weigh, pieces))
    pairs, rare = set(pairwise(pieces)), sum(weights)
    return Asked(text, pieces, pairs, frozenset(pieces), weights, rare, slips, resembling)


@dataclass(frozen=True, slots=True)
class Compared:
    """A question beside a row's name, before what is left over is paired.

    theirs: pieces of the name; weights: of them; start: where its tail begins; left, open: places
    in the question and in the name that the other side does not hold; guess: the score if of
    these only the same can be paired.
    """

    row: Row
    theirs: list[str]
    weights: list[float]
    start: int
    left: list[int]
    open: list[int]
    guess: float


def compared(question: Asked, row: Row, weigh: Weigh) -> Compared:
    """The quick part of a comparison, by which rows are chosen for ``likeness``."""
    theirs = units(row.form)
    around, pairs = _around(row.context)
    left = _left(question.pieces, pairs.union(pairwise(theirs)), around.union(theirs))
    open_ones = _left(theirs, question.pairs, question.singles)
    weights = list(map(weigh, theirs))
    start = len(theirs) - len(units(row.tail))
    mine, others = {question.pieces[i] for i in left}, {theirs[j] for j in open_ones}
    lost = [question.weights[i] for i in left if question.pieces[i] not in others]
    unsaid = _unsaid(open_ones, len(theirs), start).items()
    open_tail = [weights[j] * cost for j, cost in unsaid if j >= start and theirs[j] not in mine]
    said = _share(sum(lost), question.rare)
    tail = _share(sum(open_tail), sum(weights[start:]))
    guess = said * (1 - TAIL_COUNTS * (1 - tail))
    return Compared(row, theirs, weights, start, left, open_ones, guess)


def likeness(question: Asked, found: Compared) -> dict[str, float]:
    """Features of a row for a question, all 0..1 but ``lost.*`` and ``rare``.

    cover.asked: part of the question that the row holds; cover.tail, cover.head: part of the end
    of its name, and of what stands before it, that the question says; lost.asked, lost.tail: the
    same in weights, 1 being a piece that no other row has; unpaired, pieces: pieces that
    the row has in no way, of so many; crossed: whether pairs stand in another order there; rare:
    weight of the whole question;
    sound, shape, accent, moved, spelled: pieces paired for that reason, of all the question's;
    edit: similarity of the question to the name, or to its tail, letter by letter (Levenshtein).
    """
    open_ones, weights, start = list(found.open), found.weights, found.start
    costs, reasons = _paired(question, found.left, found.theirs, open_ones)
    lost = sum(question.weights[i] * cost for i, (cost, _) in costs.items())
    missing = _unsaid(open_ones, len(found.theirs), start)
    missing |= {j: cost for cost, j in costs.values() if j >= 0}
    tail = sum(weights[j] * cost for j, cost in missing.items() if j >= start)
    head = sum(weights[j] * cost for j, cost in missing.items() if j < start)
    count = max(len(question.pieces), 1)
    partners = [costs[i][1] for i in sorted(costs) if costs[i][1] >= 0]
    return {
        "cover.asked": _share(lost, question.rare),
        "cover.tail": _share(tail, sum(weights[start:])),
        "cover.head": _said(_share(head, sum(weights[:start]))),
        "lost.asked": lost,
        "lost.tail": tail,
        "rare": question.rare,
        "pieces": float(count),
        "crossed": float(partners != sorted(partners)),
        "unpaired": float(sum(partner < 0 for _, partner in costs.values())),
        "edit": _edit(question.text, found.row),
        **{name: reasons.count(name) / count for name in (*COST, "spelled")},
    }


def score(features: Mapping[str, float]) -> float:
    """One number of the features, 0..1: what is lost of the question counts most, then the tail."""
    said = features["cover.asked"]
    said *= 1 - TAIL_COUNTS * (1 - features["cover.tail"])
    said *= 1 - HEAD_COUNTS * (1 - features["cover.head"])
    return NEVER_EXACT * ((1 - EDIT_COUNTS) * said + EDIT_COUNTS * features["edit"])


def _said(share: float) -> float:
    """A head of which next to nothing is said is one of which nothing is said: rows that differ in
    no more than that are equally meant."""
    return share if share >= LITTLE else 0.0


def _edit(text: str, row: Row) -> float:
    whole = Levenshtein.normalized_similarity(text, row.form)
    return max(whole, Levenshtein.normalized_similarity(text, row.tail))


def _share(lost: float, whole: float) -> float:
    return max(0.0, 1 - lost / whole) if whole > 0 else 1.0


def _stands_alone(pieces: Sequence[str], i: int) -> bool:
    return len(pieces) == 1 or not DENSE_ONE.match(pieces[i])


@lru_cache(maxsize=8192)
def _around(context: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Pieces and pairs of a row's other cells, which many rows share."""
    lines = [units(line) for line in context.split("\n")]
    pairs = (pair for line in lines for pair in pairwise(line))
    return frozenset(piece for line in lines for piece in line), frozenset(pairs)


def _unsaid(open_ones: Sequence[int], length: int, start: int) -> dict[int, float]:
    """What it costs that the question leaves out these pieces of a name.

    The last ones say what kind of thing it is rather than which: that is left out most.
    """
    costs = dict.fromkeys(open_ones, 1.0)
    last = length - 1
    while last in costs and length - last <= KIND and last > start:
        costs[last] = KIND_COST
        last -= 1
    return costs


def _left(pieces: Sequence[str], held: Pairs, singles: AbstractSet[str]) -> list[int]:
    """Places of the pieces that the other side does not hold beside the same neighbour."""
    beside = [False, *map(held.__contains__, pairwise(pieces)), False]
    alone = [i for i in range(len(pieces)) if not (beside[i] or beside[i + 1])]
    # A word, or a text of one character, has no neighbour to be known by.
    return [i for i in alone if pieces[i] not in singles or not _stands_alone(pieces, i)]


def _paired(
    question: Asked, left: Sequence[int], theirs: Sequence[str], open_ones: list[int]
) -> tuple[dict[int, tuple[float, int]], list[str]]:
    """Cost and partner (-1: none) of each piece left over, and the reasons of the pairs.

    The partners are taken out of open_ones. The same piece is taken before one that resembles.
    """
    costs: dict[int, tuple[float, int]] = {}
    reasons: list[str] = []
    mine = question.pieces
    for i in left:
        same = next((j for j in open_ones if theirs[j] == mine[i]), -1)
        if same >= 0:
            costs[i] = (COST["moved"], same)
            reasons.append("moved")
            open_ones.remove(same)
    for i in [one for one in left if one not in costs] if open_ones else ():
        cost, why, partner = _partner(question, mine[i], theirs, open_ones)
        if partner >= 0:
            costs[i] = (cost, partner)
            reasons.append(why)
            open_ones.remove(partner)
    return costs | {i: (1.0, -1) for i in left if i not in costs}, reasons


def _partner(
    question: Asked, one: str, theirs: Sequence[str], open_ones: Sequence[int]
) -> tuple[float, str, int]:
    """Of the pieces that are left over the one that a piece resembles most: cost, reason, place."""
    best = (1.0, "", -1)
    if len(one) == 1:
        alike = question.resembling(one)
        whys = [(question.slips.why(one, theirs[j]), j) for j in open_ones if theirs[j] in alike]
        found = [(COST[why], why, j) for why, j in whys if why]
    else:
        found = [(*_spelled(one, theirs[j]), j) for j in open_ones]
    for pair in found:
        best = pair if pair[0] < best[0] else best
    return best


def _spelled(one: str, other: str) -> tuple[float, str]:
    """Of two words that are not the same."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= PREFIX and longer.startswith(shorter):
        return PREFIX_COST, "spelled"
    if len(shorter) < 2:
        return 1.0, ""
    alike = OSA.normalized_similarity(one, other, score_cutoff=NEARLY)
    return (1 - alike, "spelled") if alike else (1.0, "")
