"""What a curve of a report is, and which of those a report tells belong to one run.

A value is kept as 38 bytes of a numpy array, not as an object: a report may be one long table.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from huohou.record.columns import Floats, Marks, Rows, Series
from huohou.record.readers._frame import lives
from huohou.record.readers._numbers import unknown
from huohou.record.readers.prose.words import decimals_of, value_of

Place = tuple[int | None, float | None]  # step, epoch

PACKED = struct.Struct("<i?ddidbi")
# of: number of its listing; first: whether it is the first value of its row; step, epoch: NaN
# where the text does not say; decimals: how many it was written with.
_VALUE = np.dtype(
    [
        ("of", "<i4"),
        ("first", "?"),
        ("step", "<f8"),
        ("epoch", "<f8"),
        ("name", "<i4"),
        ("number", "<f8"),
        ("decimals", "i1"),
        ("line", "<i4"),
    ]
)
Values = NDArray[np.void]
MOST_OTHERS = 100  # runs beside the one a report is about


class Value(NamedTuple):
    """One number of a curve, as it was written."""

    name: str
    shown: str
    line: int

    @property
    def number(self) -> float:
        """The number."""
        return value_of(self.shown)

    @property
    def decimals(self) -> int:
        """Decimals it was written with."""
        return decimals_of(self.shown)


@dataclass(frozen=True, slots=True)
class Listing:
    """A curve that one block of text tells: places in the order of the text.

    names: of the numbers in ``values["name"]``; arrows: values without places; code: pasted from a
    log, where the same place again is another life.
    """

    values: Values
    names: Sequence[str]
    earlier: bool = False
    arrows: bool = False
    code: bool = False

    @property
    def line(self) -> int:
        """Where it begins."""
        return int(self.values["line"][0])

    def series(self) -> dict[str, Series]:
        """Its series; a new segment where step or epoch goes back."""
        values = self.values
        step, epoch = np.array(values["step"]), np.array(values["epoch"])
        line = values["line"].astype(np.float64)
        rows = Rows(step, epoch, unknown(len(values)), lives(step, epoch), line)
        found = {}
        for name in dict.fromkeys(values["name"].tolist()):
            at = np.flatnonzero(values["name"] == name).astype(np.int32)
            found[self.names[name]] = Series(np.array(values["number"][at]), rows, at)
        return found


def unpacked(packed: bytearray) -> Values:
    """Values one after the other as an array, those of each listing together."""
    values = np.frombuffer(packed, _VALUE)
    if (np.diff(values["of"]) < 0).any():
        values = values[np.argsort(values["of"], kind="stable")]
    return values


def in_order(values: Values) -> Values:
    """Each place once, with all that is said of it; of a value told twice the first."""
    step, epoch = _key(values["step"]), _key(values["epoch"])
    order = np.lexsort((step, epoch))
    new = _changes(step[order]) | _changes(epoch[order])
    named = np.cumsum(new) * (int(values["name"].max()) + 1) + values["name"][order]
    kept = np.sort(np.unique(named, return_index=True)[1])
    found: Values = values[order[kept]]
    found["first"] = _changes(np.cumsum(new)[kept])
    return found


def _key(column: Floats) -> Floats:
    """What places are sorted by: those that are not told before all others."""
    return np.where(np.isnan(column), -1.0, column)


def _changes(column: NDArray[Any]) -> Marks:
    found = np.ones(len(column), np.bool_)
    found[1:] = column[1:] != column[:-1]
    return found


def runs(listings: Sequence[Listing]) -> tuple[Listing | None, list[Listing], bool]:
    """The run that a report is about, other runs that it tells of, and whether there are more.

    A listing that repeats places of the run with the same values adds its other series; one that
    says something else of them is another run. Values without places that are those of the run,
    rounded, say nothing new.
    """
    main: Listing | None = None
    others: list[Listing] = []
    for listing in sorted(listings, key=lambda one: one.arrows):
        if listing.earlier:
            if any(_same_values(listing, other) for other in others):
                continue
        elif main is None:
            main = listing
            continue
        elif listing.arrows and _repeats(listing, main):
            continue
        elif not listing.arrows and (both := _merged(main, listing)) is not None:
            main = both
            continue
        if len(others) == MOST_OTHERS:
            return main, others, True
        others.append(listing)
    return main, others, False


def _merged(main: Listing, other: Listing) -> Listing | None:
    """The run with what another listing adds to it; None where that speaks against it."""
    common = _agree(main.values, other.values)
    if common is None:
        return None
    if main.code and main.values["first"].sum() > len(_places(main.values)):
        return main if common else None  # it begins again: nothing is put into its order
    values = np.concatenate([main.values, other.values])
    if main.code or other.code or not _follows(main.values[-1], other.values[0]):
        values = in_order(values)
    return replace(main, values=values, code=False)


def _places(values: Values) -> NDArray[Any]:
    return np.unique(np.stack([_key(values["step"]), _key(values["epoch"])]), axis=1).T


def _follows(last: np.void, first: np.void) -> bool:
    a, b = ((_key(one["epoch"]), _key(one["step"])) for one in (last, first))
    return bool(a < b)


def _agree(main: Values, other: Values) -> bool | None:
    """Whether two listings tell values of the same places; None where those differ."""
    steps, epochs, common = _key(main["step"]), _key(main["epoch"]), False
    for value in other:
        same = (epochs == _key(value["epoch"])) & (steps == _key(value["step"]))
        at = np.flatnonzero(same & (main["name"] == value["name"]))
        if len(at):
            common = True
            if not _same(value, main[at[-1]]):
                return None
    return common


def _same(a: np.void, b: np.void) -> bool:
    """Whether one number is the other as it was written, or that rounded."""
    if a["number"] == b["number"] or (np.isnan(a["number"]) and np.isnan(b["number"])):
        return True
    decimals = min(a["decimals"], b["decimals"])
    apart = abs(float(a["number"]) - float(b["number"]))
    return bool(apart <= 0.5000001 * 10.0 ** -float(decimals))


def _same_values(a: Listing, b: Listing) -> bool:
    return np.array_equal(a.values["number"], b.values["number"])


def _repeats(arrows: Listing, main: Listing) -> bool:
    """Whether values without places are the run's own, rounded: all, or the first and the last."""
    shown = arrows.values
    course = main.values[main.values["name"] == shown["name"][0]]
    ends = course[:: len(course) - 1] if len(course) > 1 else course
    return any(
        len(shown) <= len(part) and all(_same(a, b) for a, b in zip(shown, part, strict=False))
        for part in (course, ends)
    )
