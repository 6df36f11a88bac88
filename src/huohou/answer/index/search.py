"""Which rows a text may mean, best first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from huohou.answer.index.canonical import canonical, folded, joined, normal_form, units
from huohou.answer.index.cut import LONGEST, LONGEST_TEXT, densest
from huohou.answer.index.grams import grams
from huohou.answer.index.likeness import Asked, Compared, asked, compared, likeness, score
from huohou.answer.index.mending import mended
from huohou.answer.index.segment import FORM, NORMAL, SHORT, VALUE
from huohou.answer.index.state import State
from huohou.answer.index.variants import variants
from huohou.answer.types import Hit, How
from huohou.data.facts import plain_code

CANDIDATES = 60  # rows that BM25 hands on to be looked at
BESIDE = 24  # the same, beside rows that bear the very name: they are only alternatives
COMPARED = 24  # of them are compared piece by piece
HINTED = 4  # the same, of those found by another character: at first sight they lack a rare one
SURE: tuple[tuple[str, How, float], ...] = (  # kind of key, said as, score
    (VALUE, "code", 1.0),
    (NORMAL, "normal", 0.99),
    (FORM, "short", 0.98),
    (SHORT, "short", 0.97),
)
SHORTEST_NAME, LONGEST_NAME = 4, 24  # pieces of a name that is spotted in a text
MENDED = 0.95  # score of a row whose name is told, but for a slip in a common phrase
UNSURE = 0.9  # with a best score below, slips are looked for that hide the row from BM25
SPELLED = 0.75  # a row that holds so much of the question is a spelling of it, else a resemblance


@dataclass(frozen=True, slots=True)
class Sought:
    """A text in the forms that are looked up.

    exact: as it is; normal, form: its normal and canonical form, cut where it is long; mended:
    whether a slip in a common phrase was put right in them.
    """

    exact: str
    normal: str
    form: str
    mended: bool


def search(state: State, text: str, k: int) -> list[Hit]:
    """At most k rows, best first; of equal ones the earlier. An empty text finds none."""
    sought = forms(state, text)
    if not sought.form:
        return []
    question = asked(sought.form, state.weigh, state.slips, state.resembling)
    sure = _sure(state, sought)
    wanted = grams(list(question.pieces))
    looking = _Looking(state, question, sure, k)
    looking.add(candidates(state, wanted, BESIDE if sure else CANDIDATES))
    found = looking.best()
    if not found or found[0].score < UNSURE:
        for others in variants(question.pieces, state.others, state.count):
            looking.add(candidates(state, [*wanted, *others]) if others else (), HINTED)
        found = looking.best()
    exact = [_exactly(hit, sought.exact) for hit in found]
    return sorted(exact, key=lambda hit: (-hit.score, hit.entry.id))[:k]


def _sure(state: State, sought: Sought) -> dict[int, tuple[How, float]]:
    """Rows that carry the text as a name or a code, how, and what that is worth."""
    code, normal, form = plain_code(sought.exact), sought.normal, sought.form
    found: dict[int, tuple[How, float]] = {}
    for (kind, how, worth), wanted in zip(SURE, (code, normal, form, form), strict=True):
        for number in state.carrying(kind, [wanted]) if wanted else ():
            slipped = sought.mended and how != "code"
            found.setdefault(number, ("spelling", MENDED) if slipped else (how, worth))
    return found


class _Looking:
    """Rows that are looked at for a question: each is compared once, the nearest piece by piece.

    sure: those that carry the text as a name or a code.
    """

    def __init__(
        self, state: State, question: Asked, sure: Mapping[int, tuple[How, float]], k: int
    ) -> None:
        self._state, self._question, self._sure, self._k = state, question, sure, k
        self._rows: dict[int, Compared] = {}
        self._features: dict[int, dict[str, float]] = {}
        self._hinted: set[int] = set()
        self.add(sure)

    def add(self, numbers: Iterable[int], hinted: int = 0) -> None:
        """More rows to look at. hinted: the first of them are compared whatever they look like."""
        state = self._state
        for at, number in enumerate(numbers):
            if at < hinted:
                self._hinted.add(number)
            if number not in self._rows:
                row = state.row(number)
                self._rows[number] = compared(self._question, row, state.weigh)

    def best(self) -> list[Hit]:
        """Piece by piece, those rows that look best at first sight."""
        rows, sure = self._rows, self._sure
        guessed = sorted(rows, key=lambda number: (number not in sure, -rows[number].guess, number))
        first = guessed[: max(self._k, COMPARED)]
        found = [self._hit(number) for number in dict.fromkeys([*first, *sorted(self._hinted)])]
        return sorted(found, key=lambda hit: (-hit.score, hit.entry.id))

    def _hit(self, number: int) -> Hit:
        row, sure = self._rows[number], self._sure.get(number)
        if number not in self._features:
            self._features[number] = likeness(self._question, row)
        features = self._features[number]
        entry = self._state.entry(number, row.row)
        if sure:
            return Hit(entry, sure[1], sure[0], features)
        how: How = "spelling" if min(_covers(features)) >= SPELLED else "grams"
        return Hit(entry, score(features), how, features)


def _exactly(hit: Hit, text: str) -> Hit:
    same = hit.how == "normal" and hit.entry.key == text
    return replace(hit, how="exact", score=1.0) if same else hit


def forms(state: State, text: str) -> Sought:
    """The text in its forms."""
    stripped = told = text[:LONGEST_TEXT].strip()
    if len(stripped) > 2 * LONGEST:
        pieces = units(folded(stripped))
        told = " ".join(pieces[densest(pieces, state.known, 2 * LONGEST)])
    plain = folded(told)
    right = mended(plain, state.slips.why)
    normal = normal_form(right)
    pieces = units(canonical(normal))
    form = joined(" ".join(pieces[densest(pieces, state.known)]))
    return Sought(stripped, normal, form, right != plain)


def spotted(state: State, text: str) -> list[str]:
    """Stretches of a text that are, in canonical form, a row's name or a short form of it.

    Longest first; one inside another is left out. Where names have tails, the name of an
    institution alone is none: it stands at the beginning of each of its branches, known or not.
    """
    pieces = units(forms(state, text).form)
    stretches = {
        (start, start + size): joined(" ".join(pieces[start : start + size]))
        for size in range(min(len(pieces), LONGEST_NAME), SHORTEST_NAME - 1, -1)
        for start in range(len(pieces) - size + 1)
    }
    texts = list(dict.fromkeys(stretches.values()))
    carried = state.carried(FORM, texts) | state.carried(SHORT, texts) if texts else set()
    found: list[tuple[int, int]] = []
    for (start, end), one in stretches.items():
        if one in carried and not any(a <= start and end <= b for a, b in found):
            found.append((start, end))
    names = [joined(" ".join(pieces[start:end])) for start, end in found]
    return [name for name in names if not state.tails or _has_tail(state, name)]


def _has_tail(state: State, name: str) -> bool:
    numbers = [one for kind in (FORM, SHORT) for one in state.carrying(kind, [name])]
    return any(row.tail != row.form for row in map(state.row, numbers))


def candidates(state: State, wanted: Sequence[str], most: int = CANDIDATES) -> dict[int, float]:
    """Rows that share rare grams with the wanted ones, with their BM25 scores."""
    found: dict[int, float] = {}
    for segment in state.segments:
        alive = state.alive[segment.first : segment.first + len(segment)]
        for number, worth in segment.postings.best(wanted, most, alive):
            found[segment.first + number] = worth
    return found


def _covers(features: dict[str, float]) -> Sequence[float]:
    return features["cover.asked"], features["cover.tail"]
