"""Train, eval and test from one data set, keeping together what must stay together.

Rows made from facts: every fact is taught in train and asked for in *other* wordings in eval and
test; an unknown name is in one part only. All other rows: equal and nearly equal rows, and rows of
one document where a column names it, are never in two parts.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from huohou.data.dataset import Dataset, Row
from huohou.data.normal import asked, is_fact, is_reverse
from huohou.data.similar import merge, near_pairs
from huohou.errors import DataError, UsageError
from huohou.text import say

PARTS = ("train", "eval", "test")


@dataclass(frozen=True, slots=True)
class Split:
    """Rows by part, in the order of the source; how they were kept together; what to know.

    mode: ``wordings`` (facts) or ``groups``.
    """

    train: tuple[Row, ...]
    eval: tuple[Row, ...]
    test: tuple[Row, ...]
    mode: str
    notes: tuple[str, ...] = ()


def split_dataset(
    dataset: Dataset,
    eval_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 42,
    by: str | None = None,
) -> Split:
    """Split a data set; the same seed gives the same split.

    eval_share, test_share: wanted part of the rows, 0..1; what is kept together may make them
    smaller, which the notes say. by: a column (``Row.meta``) whose rows stay together. Rows made
    from facts are split by wording unless ``by`` is given. Raises UsageError for shares that leave
    nothing to train, DataError when no part can be taken out.
    """
    if eval_share < 0 or test_share < 0 or eval_share + test_share >= 1:
        raise UsageError("data.shares", eval=eval_share, test=test_share)
    wanted = {"test": test_share, "eval": eval_share}
    facts = by is None and all(map(is_fact, dataset))
    split = _by_wording if facts else _by_group
    parts = split(dataset, wanted, random.Random(seed), by)
    rows = {
        name: tuple(r for r, part in zip(dataset, parts, strict=True) if part == name)
        for name in PARTS
    }
    notes = _shortfalls(rows, wanted, len(dataset))
    return Split(**rows, mode="wordings" if facts else "groups", notes=notes)


def _shortfalls(
    rows: Mapping[str, Sequence[Row]], wanted: Mapping[str, float], total: int
) -> tuple[str, ...]:
    if not any(rows[name] for name, share in wanted.items() if share) and any(wanted.values()):
        raise DataError("data.cannot_split", rows=total)
    return tuple(
        say("data.short_part", part=name, rows=len(rows[name]), wanted=round(share * total))
        for name, share in wanted.items()
        if len(rows[name]) < 0.7 * round(share * total)
    )


def _by_group(
    dataset: Dataset, wanted: Mapping[str, float], dice: random.Random, by: str | None
) -> list[str]:
    """Whole groups into test and eval until each has its share; what is left is trained."""
    texts = [asked(row) for row in dataset]
    groups = merge(range(len(texts)), iter([*near_pairs(texts), *_same_column(dataset, by)]))
    sizes = Counter(groups)
    order = sorted(sizes)
    dice.shuffle(order)
    part_of = dict.fromkeys(order, "train")
    for name, share in wanted.items():
        room = round(share * len(texts))
        for group in order:
            if part_of[group] == "train" and sizes[group] <= room:
                part_of[group] = name
                room -= sizes[group]
    return [part_of[group] for group in groups]


def _same_column(dataset: Dataset, by: str | None) -> list[tuple[int, int]]:
    if by is None:
        return []
    first: dict[str, int] = {}
    pairs = []
    for i, row in enumerate(dataset):
        if by not in row.meta:
            raise DataError("data.no_group_column", where=dataset.place(i), column=by)
        pairs.append((first.setdefault(repr(row.meta[by]), i), i))
    return pairs


def _by_wording(
    dataset: Dataset, wanted: Mapping[str, float], dice: random.Random, _by: str | None
) -> list[str]:
    """Wordings go out of train one after the other, as long as every fact stays taught."""
    rows = dataset.rows
    known = [i for i, row in enumerate(rows) if row.meta["fact"] is not None]
    units = _wording_units(rows, known)
    taught = Counter(_direction(rows[i]) for i in known)
    part_of = dict.fromkeys(units, "train")
    for name, share in wanted.items():
        room = share * len(known)
        for unit in _in_turn(units, rows, dice):
            here = Counter(_direction(rows[i]) for i in units[unit])
            untaught = any(taught[fact] <= count for fact, count in here.items())
            if part_of[unit] == "train" and not untaught and room >= len(units[unit]) / 2:
                part_of[unit] = name
                taught.subtract(here)
                room -= len(units[unit])
    parts = ["train"] * len(rows)
    for unit, members in units.items():
        for i in members:
            parts[i] = part_of[unit]
    _deal_unknown(rows, wanted, dice, parts)
    return parts


def _wording_units(rows: Sequence[Row], known: Sequence[int]) -> dict[int, list[int]]:
    """Rows of one wording; wordings in which one question reads the same count as one."""
    first: dict[str, int] = {}
    pairs = [
        (first.setdefault(name, i), i)
        for i in known
        for name in (f"wording {rows[i].meta['wording']}", f"text {asked(rows[i])}")
    ]
    units: dict[int, list[int]] = defaultdict(list)
    groups = merge(range(len(rows)), iter(pairs))
    for i in known:
        units[groups[i]].append(i)
    return units


def _direction(row: Row) -> tuple[str, bool]:
    """What must stay taught: name to value and value to name are two things to learn."""
    return str(row.meta["fact"]), is_reverse(row)


def _in_turn(
    units: Mapping[int, Sequence[int]], rows: Sequence[Row], dice: random.Random
) -> list[int]:
    """Units in a random order, forward and reverse ones in turn, so that both are tested."""
    order = sorted(units)
    dice.shuffle(order)
    sides = [[u for u in order if _direction(rows[u])[1] is reverse] for reverse in (False, True)]
    return [u for pair in zip_longest(*sides) for u in pair if u is not None]


def _deal_unknown(
    rows: Sequence[Row], wanted: Mapping[str, float], dice: random.Random, parts: list[str]
) -> None:
    """An unknown name goes where its wordings went; one whose wordings went apart is dealt."""
    part_of = {
        row.meta["wording"]: part
        for row, part in zip(rows, parts, strict=True)
        if row.meta["fact"] is not None
    }
    names: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        if row.meta["fact"] is None:
            names[str(row.meta.get("asked", asked(row)))].append(i)
    for members in names.values():
        went = {part_of.get(rows[i].meta["wording"], "") for i in members}
        name = went.pop() if len(went) == 1 else ""
        if not name:
            shares = [1 - sum(wanted.values()), wanted["eval"], wanted["test"]]
            name = dice.choices(PARTS, shares)[0]
        for i in members:
            parts[i] = name
