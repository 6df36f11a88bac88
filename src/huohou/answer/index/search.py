"""Which rows a text may mean, best first."""

from collections.abc import Sequence
from dataclasses import replace

from huohou.answer.index.canonical import canonical, folded, joined, normal_form, units
from huohou.answer.index.cut import LONGEST, LONGEST_TEXT, densest
from huohou.answer.index.grams import grams
from huohou.answer.index.likeness import Asked, Compared, asked, compared, likeness, score
from huohou.answer.index.segment import FORM, NORMAL, SHORT, VALUE
from huohou.answer.index.state import State
from huohou.answer.types import Hit, How
from huohou.data.facts import plain_code

CANDIDATES = 120  # rows that BM25 hands on to be looked at
COMPARED = 32  # of them are compared piece by piece
SURE: tuple[tuple[str, How, float], ...] = (  # kind of key, said as, score
    (VALUE, "code", 1.0),
    (NORMAL, "normal", 0.99),
    (FORM, "short", 0.98),
    (SHORT, "short", 0.97),
)
SPELLED = 0.75  # a row that holds so much of the question is a spelling of it, else a resemblance


def search(state: State, text: str, k: int) -> list[Hit]:
    """At most k rows, best first; of equal ones the earlier. An empty text finds none."""
    exact, normal, form = forms(state, text)
    if not form:
        return []
    kept = {VALUE: plain_code(exact), NORMAL: normal, FORM: form, SHORT: form}
    sure: dict[int, tuple[How, float]] = {}
    for kind, how, worth in SURE:
        for number in state.carrying(kind, [kept[kind]]) if kept[kind] else ():
            sure.setdefault(number, (how, worth))
    question = asked(form, state.weigh, state.slips)
    numbers = {**candidates(state, form), **sure}
    rows = {number: compared(question, state.row(number), state.weigh) for number in numbers}
    guessed = sorted(rows, key=lambda number: (number not in sure, -rows[number].guess, number))
    found = [
        _hit(state, question, number, rows[number], sure.get(number))
        for number in guessed[: max(k, COMPARED)]
    ]
    found = [_exactly(hit, exact) for hit in found]
    found.sort(key=lambda hit: (-hit.score, hit.entry.id))
    return found[:k]


def _exactly(hit: Hit, text: str) -> Hit:
    same = hit.how == "normal" and hit.entry.key == text
    return replace(hit, how="exact", score=1.0) if same else hit


def forms(state: State, text: str) -> tuple[str, str, str]:
    """The text as it is, its normal and its canonical form; these are cut where it is long."""
    stripped = told = text[:LONGEST_TEXT].strip()
    if len(stripped) > 2 * LONGEST:
        pieces = units(folded(stripped))
        told = " ".join(pieces[densest(pieces, state.known, 2 * LONGEST)])
    normal = normal_form(told)
    pieces = units(canonical(normal))
    return stripped, normal, joined(" ".join(pieces[densest(pieces, state.known)]))


def candidates(state: State, form: str) -> dict[int, float]:
    """Rows that share rare grams with a canonical form, with their BM25 scores."""
    wanted = grams(units(form))
    found: dict[int, float] = {}
    for segment in state.segments:
        alive = state.alive[segment.first : segment.first + len(segment)]
        for number, worth in segment.postings.best(wanted, CANDIDATES, alive):
            found[segment.first + number] = worth
    return found


def _hit(
    state: State, question: Asked, number: int, row: Compared, sure: tuple[How, float] | None
) -> Hit:
    features = likeness(question, row)
    entry = state.entry(number, row.row)
    if sure:
        return Hit(entry, sure[1], sure[0], features)
    how: How = "spelling" if min(_covers(features)) >= SPELLED else "grams"
    return Hit(entry, score(features), how, features)


def _covers(features: dict[str, float]) -> Sequence[float]:
    return features["cover.asked"], features["cover.tail"]
