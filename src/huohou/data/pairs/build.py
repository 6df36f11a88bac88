"""Puts a PairSet together from what a reader finds; equal passage texts become one passage."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from huohou.data.dataset import place
from huohou.data.pairs.cells import check_id
from huohou.data.pairs.pairset import PairSet, Passage, Query, Span
from huohou.errors import DataError
from huohou.text import say


@dataclass(slots=True)
class Builder:
    """Collects passages and queries of one source.

    first: passage text to the id it was first seen under; same: id to that id; places: id to
    where it was found, for messages.
    """

    source: Path
    format: str
    passages: dict[str, Passage] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    repeated: int = 0
    own_negatives: int = 0
    notes: list[str] = field(default_factory=list)

    def passage(self, found: Passage, where: str) -> str:
        """Take a passage in; returns the id it is known by. DataError when it is empty."""
        if not found.text.strip():
            raise DataError("data.pairs.empty_passage", where=where, id=found.id)
        known = self.first.setdefault(found.text, found.id)
        self.same[found.id] = known
        before = self.passages.setdefault(known, found)
        unknown = before.document == before.id and found.document != found.id
        self.passages[known] = replace(  # seen as a negative, say, less may have been known of it
            before,
            document=found.document if unknown else before.document,
            entities=before.entities or found.entities,
        )
        return known

    def text(self, text: str, document: str, entities: tuple[Span, ...], where: str) -> str:
        """As ``passage`` for a text without an id: the id is made from the text."""
        id = "p" + sha256(text.encode()).hexdigest()[:16]
        return self.passage(Passage(id, text, document or id, "", entities), where)

    def claim(self, kind: str, id: str, where: str) -> None:
        """DataError when that id (of a passage, a query) was used before."""
        check_id(id, where)
        before = self.places.get((kind, id))
        if before is not None:
            raise DataError(f"data.pairs.same_{kind}_id", where=where, id=id, before=before)
        self.places[kind, id] = where

    def query(self, found: Query, where: str) -> None:
        """Take a query in; one whose id is known gets further positives and negatives."""
        if not found.text.strip():
            raise DataError("data.pairs.empty_query", where=where)
        before = self.queries.get(found.id)
        if before is not None and before.text != found.text:
            known = place(self.source, before.line)
            raise DataError("data.pairs.same_query_id", where=where, id=found.id, before=known)
        merged = _clean(_joined(before, found) if before else found)
        if before is not None and (merged.positives, merged.negatives) == (
            before.positives,
            before.negatives,
        ):
            self.repeated += 1
        self.queries[found.id] = merged

    def done(self) -> PairSet:
        """The PairSet. Raises DataError where there is no query."""
        if not self.queries:
            raise DataError("data.pairs.no_queries", path=self.source)
        queries = []
        for query in self.queries.values():
            kept = tuple(id for id in query.negatives if id not in query.positives)
            self.own_negatives += len(query.negatives) - len(kept)
            queries.append(replace(query, negatives=kept))
        return PairSet(
            str(self.source),
            self.format,
            tuple(self.passages.values()),
            tuple(queries),
            tuple(self._notes()),
            self.repeated,
        )

    def _notes(self) -> Sequence[str]:
        counts = {
            "data.pairs.note_equal": len(self.same) - len(self.passages),
            "data.pairs.note_repeated": self.repeated,
            "data.pairs.note_own_negatives": self.own_negatives,
        }
        return [say(key, count=count) for key, count in counts.items() if count] + self.notes


def _joined(before: Query, found: Query) -> Query:
    gains: tuple[float, ...] = ()
    if before.gains or found.gains:
        gains = (before.gains or (1.0,) * len(before.positives)) + (
            found.gains or (1.0,) * len(found.positives)
        )
    return replace(
        before,
        positives=before.positives + found.positives,
        negatives=before.negatives + found.negatives,
        gains=gains,
        entities=before.entities or found.entities,
        answers=tuple(dict.fromkeys(before.answers + found.answers)),
    )


def _clean(query: Query) -> Query:
    """Each passage once; of several gains the greatest; gains only where they differ from 1."""
    gains = query.gains or (1.0,) * len(query.positives)
    best: dict[str, float] = {}
    for id, gain in zip(query.positives, gains, strict=True):
        best[id] = max(gain, best.get(id, gain))
    return replace(
        query,
        positives=tuple(best),
        negatives=tuple(dict.fromkeys(query.negatives)),
        gains=tuple(best.values()) if any(gain != 1 for gain in best.values()) else (),
    )
