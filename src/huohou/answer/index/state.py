"""An opened index: its segments, which rows of them count, and how rare each gram is."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from huohou.answer.index.disk import Manifest, read_state
from huohou.answer.index.rows import Row
from huohou.answer.index.segment import Segment
from huohou.answer.index.sounds import read_slips
from huohou.answer.types import Entry

LOOKED_AT = 200  # rows of a table, to learn what its names are like
KEPT_WEIGHTS = 200_000
KEPT_OTHERS = 4_000  # characters of which those that resemble them are remembered
LEAST_WEIGHT = 0.02  # of a piece that nearly every row has


class State:
    """Never changes; an update makes another one."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.segments: list[Segment] = []
        first = 0
        for name in manifest.segments:
            self.segments.append(Segment(folder / name, first))
            first += len(self.segments[-1])
        self.alive, self.lines = read_state(folder / manifest.state)
        self.slips = read_slips(folder / manifest.segments[0])
        columns = manifest.about.columns
        self._key = columns.index(manifest.about.key)
        self._value = columns.index(manifest.about.value)
        self.weights = Weights(self)
        self.weigh: Callable[[str], float] = self.weights.__getitem__
        self._alike: Callable[[str], Sequence[str]] | None = None
        self._others: dict[str, frozenset[str]] = {}

    def row(self, number: int) -> Row:
        """The stored row of a global number."""
        for segment in reversed(self.segments):
            if segment.first <= number:
                return segment.rows[number - segment.first]
        raise IndexError(number)

    def entry(self, number: int, row: Row | None = None) -> Entry:
        """The row as others see it. Raises IndexError for a number that no row has."""
        if not 0 <= number < len(self.alive) or not self.alive[number]:
            raise IndexError(number)
        cells = (row or self.row(number)).cells
        columns = dict(zip(self.manifest.about.columns, cells, strict=True))
        line = int(self.lines[number])
        return Entry(number, cells[self._key], cells[self._value], columns, line)

    def carrying(self, kind: str, texts: Sequence[str]) -> list[int]:
        """Numbers of living rows that carry one of the texts as this kind of key."""
        return [
            segment.first + number
            for segment in self.segments
            for number in segment.keys.rows(kind, texts)
            if self.alive[segment.first + number]
        ]

    def carried(self, kind: str, texts: Sequence[str]) -> set[str]:
        """Those of the texts that some living row carries as this kind of key."""
        some = {one for part in self.segments for one in part.keys.carried(kind, texts)}
        return {one for one in some if self.carrying(kind, [one])}

    def numbers(self) -> Iterator[int]:
        """All living rows."""
        return (int(number) for number in np.flatnonzero(self.alive))

    def count(self, gram: str) -> int:
        """Rows that hold a gram, dead ones of changed tables included."""
        return sum(segment.postings.count(gram) for segment in self.segments)

    @cached_property
    def tails(self) -> bool:
        """Whether names of this table have an end that tells places of an institution apart."""
        numbers = range(0, len(self.alive), max(1, len(self.alive) // LOOKED_AT))
        return any(row.tail != row.form for row in map(self.row, numbers))

    def others(self, piece: str) -> Sequence[str]:
        """Characters of the table that a character may be a slip of."""
        if self._alike is None:
            letters = {one for part in self.segments for one in part.postings.letters()}
            self._alike = self.slips.alike(letters)
        return self._alike(piece)

    def resembling(self, piece: str) -> frozenset[str]:
        """The same as a remembered set: those of the table for which ``Slips.why`` has a reason."""
        found = self._others.get(piece)
        if found is None:
            found = frozenset(self.others(piece))
            if len(self._others) < KEPT_OTHERS:
                self._others[piece] = found
        return found

    def known(self, gram: str) -> float:
        """Its weight, 0 for what no row has."""
        return self.weigh(gram) if self.count(gram) else 0.0


class Weights(dict[str, float]):
    """Rarity of a piece: 1 for what no row has, near 0 for what all have (a scaled idf)."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def __missing__(self, piece: str) -> float:
        whole = len(self._state.alive) + 1
        share = math.log(self._state.count(piece) + 1) / math.log(whole + 1)
        found = max(LEAST_WEIGHT, 1 - share)
        if len(self) < KEPT_WEIGHTS:
            self[piece] = found
        return found
