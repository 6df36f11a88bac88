"""A table of facts as an index on disk: built once, opened at once, updated in parts."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
import orjson

from huohou.answer.index.canonical import normal_form
from huohou.answer.index.disk import (
    About,
    Manifest,
    check_whole,
    read_manifest,
    remove_others,
    write_manifest,
    write_state,
    writing,
)
from huohou.answer.index.listing import listed
from huohou.answer.index.near import near_codes, spoken_digits
from huohou.answer.index.places import elsewhere, other_province
from huohou.answer.index.rows import row_hash
from huohou.answer.index.search import search, spotted
from huohou.answer.index.segment import NORMAL, VALUE, write_segment
from huohou.answer.index.state import State
from huohou.answer.several import Held
from huohou.answer.types import Entry, Hit
from huohou.data.facts import FactTable, plain_code
from huohou.errors import DataError
from huohou.text import say

Progress = Callable[[str], None]
MOST_SEGMENTS = 8  # more make look-ups slow: all is written anew
LIVING_SHARE = 0.75  # of the rows in the first segment; with fewer all is written anew
MOST_LETTERS = 64  # in an alphabet of values: tried one by one for a code with a slip
QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What an update found: rows new, gone, and of the same name with other cells."""

    added: int
    removed: int
    changed: int

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class FactIndex:
    """Look-ups by name and by value. Safe to use from many threads."""

    def __init__(self, folder: Path, state: State) -> None:
        self.folder = folder
        self._state = state

    @classmethod
    def build(
        cls,
        table: FactTable,
        folder: Path,
        progress: Progress | None = None,
        file: str | None = None,
    ) -> Self:
        """A new index of the table in that folder; one that is there stays until this is whole.

        file: sha256 of the table's file, kept beside. Raises StoreError for a folder that cannot be
        written.
        """
        began = time.monotonic()
        with writing(folder) as before:
            if progress and len(table) > 10_000:
                progress(say("answer.indexing", rows=len(table), source=table.source))
            manifest = _write_all(table, folder, before, file)
        seconds = time.monotonic() - began
        if progress and seconds > QUIET_SECONDS:
            progress(say("answer.indexed", rows=len(table), seconds=f"{seconds:.0f}"))
        return cls(folder, State(folder, manifest))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The index in a folder. Raises DataError where there is none or a broken one."""
        manifest = read_manifest(folder)
        try:
            return cls(folder, _opened(folder, manifest))
        except DataError:
            if read_manifest(folder) == manifest:
                raise
        return cls(folder, _opened(folder, read_manifest(folder)))  # updated in this moment

    def update(self, table: FactTable, file: str | None = None) -> Changes:
        """Bring the index to what the table is now; rows that stayed are not indexed again."""
        with writing(self.folder) as before:
            state = _opened(self.folder, before) if before else self._state
            manifest, changes = _write_changes(table, self.folder, state, file)
        self._state = State(self.folder, manifest)
        return changes

    def __len__(self) -> int:
        return self.about.rows

    @property
    def fingerprint(self) -> str:
        """sha256 of columns and rows, whatever the rows' order."""
        return self._state.manifest.fingerprint

    @property
    def about(self) -> About:
        """What it was made from."""
        return self._state.manifest.about

    def entry(self, id: int) -> Entry:
        """One row. Raises IndexError for a number that no row has."""
        return self._state.entry(id)

    def by_value(self, value: str) -> list[Entry]:
        """Rows of a code, however it is written: blanks, dashes, full width, digits read aloud."""
        state, plain = self._state, plain_code(value)
        said = spoken_digits(plain, state.manifest.about.digits)
        wanted = [one for one in dict.fromkeys((plain, said)) if one]
        found = map(state.entry, state.carrying(VALUE, wanted))
        return [entry for entry in found if plain_code(entry.value) in wanted]

    def values(self) -> Iterator[str]:
        """The values of all rows, as they stand in the table."""
        state = self._state
        return (state.entry(number).value for number in state.numbers())

    def values_near(self, value: str) -> list[Entry]:
        """Rows whose code is one slip away: wrong, missing, too many, or two swapped."""
        state = self._state
        wanted = near_codes(plain_code(value), state.manifest.about.alphabet)
        found = map(state.entry, state.carrying(VALUE, wanted))
        known = set(wanted)
        return [entry for entry in found if plain_code(entry.value) in known]

    def exact(self, text: str) -> list[Entry]:
        """Rows of that very name, else those of the same normal form."""
        state, normal = self._state, normal_form(text)
        found = map(state.entry, state.carrying(NORMAL, [normal]) if normal else ())
        same = [entry for entry in found if normal_form(entry.key) == normal]
        return [entry for entry in same if entry.key == text.strip()] or same

    def search(self, text: str, k: int = 20) -> list[Hit]:
        """At most k rows that a text may mean, best first: a name as people write it."""
        return search(self._state, text, k)

    def spotted(self, text: str) -> list[str]:
        """Names of the table, or their short forms, that stand in a longer text: longest first."""
        return spotted(self._state, text)

    def elsewhere(self, text: str, entry: Entry) -> bool:
        """Whether a text names another place or institution than that of a row."""
        return other_province(text, entry.columns) or elsewhere(self._state, text, entry.id)

    def listed(
        self, text: str, limit: int = 20, holds: Sequence[Held] = ()
    ) -> tuple[list[Entry], int]:
        """The first rows that hold every part of the text, and how many there are.

        holds: parts of the name, or the beginning of the value, that they must have besides.
        """
        state = self._state
        numbers = listed(state, text, holds)
        return [state.entry(number) for number in numbers[:limit]], len(numbers)


def fingerprint_of(columns: Sequence[str], hashes: Sequence[bytes]) -> str:
    """Of a table: its columns in order, its rows in any."""
    whole = sha256(orjson.dumps(list(columns)))
    for one in sorted(hashes):
        whole.update(one)
    return whole.hexdigest()


def _cells(table: FactTable) -> list[tuple[str, ...]]:
    """Every row whole, in the order of the columns."""
    columns = table.columns
    return [
        tuple(
            fact.key
            if name == table.key_column
            else fact.value
            if name == table.value_column
            else fact.columns[name]
            for name in columns
        )
        for fact in table.facts
    ]


def _about(table: FactTable, file: str | None) -> About:
    letters = Counter(letter for fact in table.facts for letter in plain_code(fact.value))
    return About(
        table.source,
        table.key_column,
        table.value_column,
        table.columns,
        len(table),
        table.digits,
        table.check_digits,
        table.notes,
        file,
        "".join(sorted(letters)) if len(letters) <= MOST_LETTERS else "",
    )


def _opened(folder: Path, manifest: Manifest) -> State:
    """Raises DataError where a file is missing, cut or of other content."""
    try:
        check_whole(folder, manifest)
        return State(folder, manifest)
    except (OSError, ValueError, LookupError) as error:
        raise DataError("answer.index_broken", folder=folder, problem=error) from error


def _write_all(
    table: FactTable, folder: Path, before: Manifest | None, file: str | None
) -> Manifest:
    """One new segment with every row."""
    generation = before.generation + 1 if before else 1
    cells = _cells(table)
    segment, state = f"segment-{generation}", f"state-{generation}"
    write_segment(folder / segment, table.facts, cells)
    lines = np.array([fact.line for fact in table.facts], dtype=np.int64)
    write_state(folder / state, np.ones(len(lines), dtype=np.bool_), lines)
    print_of = fingerprint_of(table.columns, [row_hash(row) for row in cells])
    manifest = Manifest(generation, (segment,), state, print_of, _about(table, file))
    write_manifest(folder, manifest)
    remove_others(folder, manifest)
    return manifest


def _write_changes(
    table: FactTable, folder: Path, state: State, file: str | None
) -> tuple[Manifest, Changes]:
    """A segment with the new rows, and which of the others are still there."""
    about, now = state.manifest.about, _about(table, file)
    if (about.columns, about.key, about.value) != (now.columns, now.key, now.value):
        changes = Changes(len(table), about.rows, 0)
        return _write_all(table, folder, state.manifest, file), changes
    cells = _cells(table)
    hashes = [row_hash(row) for row in cells]
    kept, new, gone = _compared(state, hashes)
    changes = _changes(state, table, new, gone)
    living = len(kept) / max(len(state.segments[0]), 1)
    if new and (len(state.segments) >= MOST_SEGMENTS or living < LIVING_SHARE):
        return _write_all(table, folder, state.manifest, file), changes
    manifest = replace(
        state.manifest,
        generation=state.manifest.generation + 1,
        fingerprint=fingerprint_of(table.columns, hashes),
        about=now,
    )
    if new:
        segment = f"segment-{manifest.generation}"
        write_segment(folder / segment, [table.facts[i] for i in new], [cells[i] for i in new])
        manifest = replace(manifest, segments=(*manifest.segments, segment))
    manifest = replace(manifest, state=f"state-{manifest.generation}")
    size = len(state.alive)
    alive = np.zeros(size + len(new), dtype=np.bool_)
    lines = np.zeros(size + len(new), dtype=np.int64)
    places = {**kept, **{size + i: at for i, at in enumerate(new)}}
    for number, at in places.items():
        alive[number], lines[number] = True, table.facts[at].line
    write_state(folder / manifest.state, alive, lines)
    write_manifest(folder, manifest)
    remove_others(folder, manifest)
    return manifest, changes


def _compared(state: State, hashes: Sequence[bytes]) -> tuple[dict[int, int], list[int], list[int]]:
    """Rows that stayed (number in the index to place in the table), new places, gone numbers."""
    there: dict[bytes, list[int]] = defaultdict(list)
    for segment in reversed(state.segments):
        held = segment.rows.hashes
        for number in range(len(segment) - 1, -1, -1):
            if state.alive[segment.first + number]:
                there[held[number].tobytes()].append(segment.first + number)
    kept: dict[int, int] = {}
    new: list[int] = []
    for at, one in enumerate(hashes):
        numbers = there.get(one)
        if numbers:
            kept[numbers.pop()] = at
        else:
            new.append(at)
    return kept, new, sorted(number for numbers in there.values() for number in numbers)


def _changes(state: State, table: FactTable, new: Sequence[int], gone: Sequence[int]) -> Changes:
    came = Counter(table.facts[at].key for at in new)
    went = Counter(state.entry(number).key for number in gone)
    same = (came & went).total()
    return Changes(came.total() - same, went.total() - same, same)
