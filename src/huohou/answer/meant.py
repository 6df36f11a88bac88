"""Which row a name means: what the look-up found, what is believed of it, what a model adds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from huohou.answer.cells import with_cells
from huohou.answer.choose import CHOICES, Chooser
from huohou.answer.confidence import MOST_CHOICES, NEAR, Belief, Confidence, Decision
from huohou.answer.slips import with_slips
from huohou.answer.types import KEYED, Entry, Hit
from huohou.errors import MissingExtraError, ModelError
from huohou.text import say

HITS = 20  # rows looked at for a name
SURE = 0.98  # of "not in the table": from here on no model is asked
UNLIKELY = 0.2  # probability of "none", up to which many rows that fit are rows to choose from
SLIGHT = 0.01  # a row less likely than this is no alternative
PARTLY = 0.9  # confidence in the one row that fits a name of which a part is forgotten
SPOKEN = 0.9  # confidence in the one row whose name sounds as what was written
LONG = 10  # pieces of a text that is as sure with one such character as a short one with two
SAID_TAIL = 0.7  # of the end of its name, which sounds so
WHOLE = 0.999  # of what is said is in the row
ABOUT = 0.1  # of a name, which one row may have said less of than another that is as likely
RANK = {"found": 3, "ambiguous": 2, "unsure": 1, "unknown": 0}


class Search(Protocol):
    """What this needs of an index."""

    def exact(self, text: str) -> list[Entry]: ...

    def search(self, text: str, k: int = 20) -> list[Hit]: ...


@dataclass(frozen=True, slots=True)
class Meant:
    """What a name means.

    rows: those named by the decision, the likeliest first; shares: the probability of each;
    others: further rows that were thought possible, with theirs; decision: answer, ask back,
    unknown or unsure; total: rows that are about as likely, those named included; none: what is
    believed of no row; model: the one that was asked, None when none was; note: why none could be;
    exact: whether the first row bears the very name that was said; away: whether all there
    is near is of another place or institution than was said.
    """

    rows: tuple[Entry, ...]
    shares: tuple[float, ...]
    others: tuple[tuple[Entry, float], ...]
    decision: Decision
    total: int
    none: float
    model: str | None = None
    note: str = ""
    exact: bool = False
    away: bool = False


def hits_of(index: Search, text: str) -> list[Hit]:
    """Rows for a name, best first; rows that say the same twice count once."""
    seen: set[tuple[str, str]] = set()
    found: list[Hit] = []
    for hit in with_cells(text, with_slips(text, index.search(text, HITS))):
        mark = (hit.entry.key, hit.entry.value)
        if mark not in seen:
            seen.add(mark)
            found.append(hit)
    return found


def decide(
    index: Search, names: Iterable[str], confidence: Confidence, chooser: Chooser | None = None
) -> tuple[str, list[Hit], Meant]:
    """The best reading of a name given as several texts, with its text and hits.

    The first text decides when it is found; of the others the one that says most.
    """
    best: tuple[str, list[Hit], Meant] | None = None
    for name in names:
        hits = hits_of(index, name)
        meant = _meant(hits, confidence)
        if best is None or _rank(meant) > _rank(best[2]):
            best = (name, hits, meant)
        if meant.decision.status == "found":
            break
    name, hits, meant = best or ("", [], _meant([], confidence))
    if chooser is None or not worth_asking(hits, meant):
        return name, hits, meant
    return name, hits, _asked(name, hits, meant, confidence, chooser)


def worth_asking(hits: Sequence[Hit], meant: Meant) -> bool:
    """Whether there is a choice that a model could make: not where one row is sure, nothing is
    found, or all that is left are rows of one name."""
    status = meant.decision.status
    if not hits or status == "found" or (status == "unknown" and meant.none >= SURE):
        return False
    return status != "ambiguous" or len({row.key for row in meant.rows}) > 1


def _asked(
    name: str, hits: list[Hit], meant: Meant, confidence: Confidence, chooser: Chooser
) -> Meant:
    """Put the first rows before the model and weigh its choice by its trust."""
    candidates = [hit.entry.key for hit in hits[:CHOICES]]
    try:
        chosen = chooser.probabilities(name, candidates)
    except (ModelError, MissingExtraError) as error:
        return replace(meant, note=say("answer.note.no_model", problem=error))
    if len(chosen) != len(candidates) + 1:
        return replace(meant, model=chooser.name)
    return replace(_meant(hits, confidence, chosen, chooser.name), model=chooser.name)


def _meant(
    hits: Sequence[Hit],
    confidence: Confidence,
    chosen: Sequence[float] | None = None,
    model: str = "",
) -> Meant:
    belief = confidence.believe(hits, chosen, model)
    decision, total = _several(hits, belief, confidence.decide(belief))
    if decision.status == "ambiguous":  # that the one meant is among the rows that are named
        whole = min(1.0, math.fsum(belief.hits[row] for row in decision.rows))
        decision = replace(decision, confidence=confidence.settled("ambiguous", whole))
    spoken = _spoken(hits) if decision.status in ("unknown", "unsure") else None
    if spoken is not None:
        decision, total = Decision("found", (spoken,), SPOKEN), 1
    named = decision.rows
    others = [(hits[i].entry, belief.hits[i]) for i in belief.order() if i not in named]
    return Meant(
        tuple(hits[i].entry for i in named),
        tuple(belief.hits[i] for i in named),
        tuple(other for other in others[:MOST_CHOICES] if other[1] >= SLIGHT),
        decision,
        total,
        belief.none,
        exact=bool(named) and hits[named[0]].how in KEYED,
    )


def _several(hits: Sequence[Hit], belief: Belief, decision: Decision) -> tuple[Decision, int]:
    """The decision, and how many rows are about as likely as the first of it.

    Rows that bear one name and have different values are never told apart by chance; and where
    more rows fit than can be offered, that is said, with the first of them.
    """
    if not decision.rows:
        return decision, 0
    first = decision.rows[0]
    like = [i for i in belief.order() if belief.hits[i] >= belief.hits[first] / 2]
    if decision.status == "found":
        best = hits[first]
        same = [
            i
            for i, hit in enumerate(hits)
            if i == first
            or (hit.entry.key == best.entry.key and hit.score == best.score)
            or _as_well(hit, best)
        ]
        like = [i for i in belief.order() if i in same]
        if len(like) < 2:
            return decision, 1
        return Decision("ambiguous", tuple(like[:MOST_CHOICES]), decision.confidence), len(like)
    if decision.status == "unsure" and len(like) > MOST_CHOICES and belief.none < UNLIKELY:
        return Decision("ambiguous", decision.rows, decision.confidence), len(like)
    return decision, max(len(like), len(decision.rows))


def _spoken(hits: Sequence[Hit]) -> int | None:
    """The one row whose name sounds as what was written, in several characters or a long
    text: nobody writes so of another thing. One character alone is for the fitted weights."""
    alike = [i for i, hit in enumerate(hits) if _sounds(hit)]
    return alike[0] if len(alike) == 1 else None


def _sounds(hit: Hit) -> bool:
    found = hit.features
    if hit.how in KEYED or found.get("unpaired", 1) or found.get("other.bank"):
        return False
    if found.get("crossed", 1) or found.get("shape") or found.get("spelled"):
        return False
    pieces = found.get("pieces", 0.0)
    by_sound = round((found.get("sound", 0.0) + found.get("accent", 0.0)) * pieces)
    if found.get("slips", 0.0) > by_sound:
        return False  # something else is written otherwise, too
    return by_sound >= (1 if pieces >= LONG else 2) and found.get("cover.tail", 0.0) >= SAID_TAIL


def _as_well(hit: Hit, best: Hit) -> bool:
    """Whether a text says as much of a row as of the best one: the branch alone, which several
    have; or as much of the place and the branch of both, in hardly more slips."""
    if best.how in KEYED or not best.features.get("slips"):
        return False
    mine, theirs = best.features, hit.features
    if mine.get("alone"):
        return bool(theirs.get("alone"))
    said = min(one.get("cover.asked", 0.0) for one in (mine, theirs))
    if "slips" not in theirs or said < WHOLE:
        return False
    less = max(mine.get(part, 0.0) - theirs.get(part, 0.0) for part in ("cover.tail", "cover.head"))
    return less <= ABOUT and theirs["slips"] <= mine["slips"] + 1 <= 1 + NEAR


def _rank(meant: Meant) -> tuple[int, float]:
    status, sure = meant.decision.status, meant.decision.confidence
    return RANK[status], -sure if status == "unknown" else sure
