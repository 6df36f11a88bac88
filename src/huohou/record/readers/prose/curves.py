"""Curves of a report: epoch lines, tables, pasted log lines, values joined by arrows.

What is found is *listings*, one a block of text; ``listing`` says which of them are one run.
"""

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from huohou.record.readers._rows import EPOCHS, STEPS, canonical, whole
from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.listing import PACKED, Listing, Place, Value, in_order, unpacked
from huohou.record.readers.prose.moods import Mood, unsure, unsure_from
from huohou.record.readers.prose.tables import Head, Row
from huohou.record.readers.prose.words import ARROW, LABEL, VALUE, series_name, value_of

MOST = 1000  # listings of a report
MOST_NAMES = 1000  # of measures

_EPOCH = (
    r"(?:\bepoch|\bep|轮次|轮|周期)\s*[:#=]?\s*(?P<e1>\d{1,6}(?:\.\d+)?)(?:\s*/\s*\d+)?"
    r"|第\s*(?P<e2>\d{1,6})\s*个?\s*(?:轮|epoch|周期)"
)
_STEP = (
    r"(?:\bstep|\biter(?:ation)?|步数|步)\s*[:#=]?\s*(?P<s1>\d[\d,]{0,12})(?:\s*/\s*\d+)?"
    r"|第\s*(?P<s2>\d[\d,]{0,12})\s*步"
)
_PLACE = re.compile(f"{_EPOCH}|{_STEP}", re.I)
_LINK = r"(?:of|was|is|at|:|=|为|是|达到?|降[至到]|到|reached|(?:fell|dropped|went) to)?\s*[:=]?\s*"
_PAIR = re.compile(rf"(?<![A-Za-z0-9_])(?P<label>{LABEL})\s*{_LINK}(?P<value>{VALUE})", re.I)
_BARE = re.compile(rf"\s*[:=-]\s*(?P<value>{VALUE})\s*$", re.I)
# What behind a number makes it a range, a share, or a count of something.
_BEHIND = re.compile(
    r"\s*(?:-\s*\.?\d|~|to\s+\.?\d|至\s*\d|到\s*\d|%|x\b|倍|个|条|轮|epoch|步|左右|or so|/\d|"
    r"[A-Za-z]|,\s*[\d.]+\s*,\s*\d)"
)
_ENDS = re.compile(r"[。!?]|\. (?=[A-Z])")
_AND = re.compile(r"\s*(?:at|in|vs\.?|val|with|and|for|after|on|epoch(?!s))\b", re.I)
_DICT = re.compile(r"\{[^{}]*\}")
_ENTRY = re.compile(rf"""["']([^"']{{1,60}})["']\s*:\s*["']?({VALUE})(?=["']?\s*(?:[,}}]|$))""")
_CHAIN = re.compile(rf"{VALUE}(?:{ARROW}{VALUE})+")
_SCORES = ("accuracy", "f1", "mrr", "ndcg", "recall", "auc", "perplexity")
_LOSS = re.compile(r"loss|损失", re.I)


class Curves:
    """All curves of a report as they stand in it, taken up line by line."""

    def __init__(self) -> None:
        self.more = False  # whether some had no room
        self._packed = bytearray()
        self._names: dict[str, int] = {}
        self._listings: list[tuple[bool, bool, bool]] = []  # earlier, arrows, code
        self._block = -1
        self._open: dict[str, int] = {}  # listings of the block that is read, by kind of line

    def take(self, line: Line, row: Row | None) -> None:
        """What a line tells; row: of which table it is one."""
        if line.block != self._block:
            self._block, self._open = line.block, {}
        if row is not None:
            for place, values in _table_row(line, row):
                self._put(self._of(line), place, values)
        if line.mood not in (Mood.MEASURED, Mood.EARLIER) or not re.search(r"\d", line.text):
            return
        rows = list(_dict_rows(line)) or list(_place_rows(line))
        for place, values in rows:
            self._put(self._of(line), place, values)
        if not rows and (chains := list(_chains(line))):
            for n, value in enumerate(chains[-1], start=1):
                self._put(self._of(line, arrows=n), (n, None), [value])

    def listings(self) -> list[Listing]:
        """They, in the order of the text."""
        values, names, found = unpacked(self._packed), list(self._names), []
        ends = values["of"].searchsorted(range(len(self._listings) + 1))
        for (earlier, arrows, code), at, end in zip(
            self._listings, ends[:-1], ends[1:], strict=True
        ):
            if at < end:
                own = values[at:end] if code or arrows else in_order(values[at:end])
                found.append(Listing(own, names, earlier, arrows, code))
        return found

    def _of(self, line: Line, arrows: int = 0) -> int | None:
        """The listing that a line belongs to; arrows: which of values without places it is, of
        which each line has its own. None where there is no more room."""
        of = len(self._listings) - 1 if arrows > 1 else self._open.get(line.kind)
        if arrows > 1 or (of is not None and not arrows):
            return of
        if len(self._listings) == MOST:
            self.more = True
            return None
        self._listings.append((line.mood is Mood.EARLIER, bool(arrows), line.kind == "code"))
        of = len(self._listings) - 1
        if not arrows:
            self._open[line.kind] = of
        return of

    def _put(self, of: int | None, place: Place, values: list[Value]) -> None:
        if of is None:
            return
        step, epoch = (math.nan if one is None else one for one in place)
        for n, value in enumerate(values):
            name = self._names.get(value.name)
            if name is None:
                if len(self._names) == MOST_NAMES:
                    self.more = True
                    continue
                name = self._names[value.name] = len(self._names)
            self._packed += PACKED.pack(
                of, n == 0, step, epoch, name, value.number, value.decimals, value.line
            )


def _place_rows(line: Line) -> Iterator[tuple[Place, list[Value]]]:
    """ "Epoch 1:  Train Loss: 0.2720, Val Loss: 0.2236"; several epochs a line, too."""
    if line.kind == "table":
        return
    places = list(_PLACE.finditer(line.text))
    for index, found in enumerate(places):
        end = places[index + 1].start() if index + 1 < len(places) else len(line.text)
        part = _ENDS.split(line.text[found.end() : end], maxsplit=1)[0]
        if unsure_from(line.text) <= found.start():
            return
        values = _pairs(part, line) or _bare(part, line)
        epoch, step = found["e1"] or found["e2"], found["s1"] or found["s2"]
        if values:
            yield (whole((step or "").replace(",", "")), value_of(epoch) if epoch else None), values


def _pairs(part: str, line: Line) -> list[Value]:
    values: dict[str, Value] = {}
    for pair in _PAIR.finditer(part):
        behind = part[pair.end() :]
        if unsure_from(part) <= pair.end() or (_BEHIND.match(behind) and not _AND.match(behind)):
            continue
        name = series_name(pair["label"], line.context)
        if name:
            values.setdefault(name, Value(name, pair["value"], line.number))
    return list(values.values())


def _bare(part: str, line: Line) -> list[Value]:
    """ "Epoch 1: 0.93" under words that say of what."""
    found = _BARE.match(part)
    about = re.search(LABEL, line.context.rpartition(" / ")[2], re.I)
    if not found or not about:
        return []
    name = series_name(about[0], line.context)
    return [Value(name, found["value"], line.number)] if name else []


def _dict_rows(line: Line) -> Iterator[tuple[Place, list[Value]]]:
    """Log lines as trainers print them: {'loss': 0.0015, 'epoch': 174.62}."""
    for found in _DICT.finditer(line.text):
        entries = dict(_ENTRY.findall(found[0]))
        values = [
            Value(canonical(key), shown, line.number)
            for key, shown in entries.items()
            if key.lower() not in (*STEPS, *EPOCHS)
        ]
        if not {"loss", "eval_loss"} & {value.name for value in values}:
            continue
        epoch = next((value_of(entries[key]) for key in entries if key.lower() in EPOCHS), None)
        step = next((whole(entries[key]) for key in entries if key.lower() in STEPS), None)
        if epoch is not None or step is not None:
            yield (step, epoch), values


def _chains(line: Line) -> Iterator[list[Value]]:
    """ "Loss: 0.3133 -> 0.3133 -> 0.3133..."."""
    if ARROW not in line.text:
        return
    for found in _CHAIN.finditer(line.text):
        before = line.text[: found.start()]
        label = re.findall(LABEL, before, re.I)
        said = label[-1] if label else ""
        bare = not before.strip(" :-*") and _LOSS.search(line.context)
        if not bare and not (_LOSS.search(said) and len(before) - before.rfind(said) < 24):
            continue
        behind = line.text[found.end() :]
        if unsure(before) or (_BEHIND.match(behind) and "..." not in behind[:4]):
            continue
        name = series_name(said or "loss") or "loss"
        shown = found[0].split(ARROW)
        yield [Value(name, one, line.number) for one in shown]


@lru_cache(8)
def _columns(head: Head) -> tuple[Mapping[str, int], Mapping[int, str]]:
    """Which column of a table says where a row stands, and which are series."""
    cells = [re.sub(r"\s*\(.*\)$", "", cell) for cell in head.cells]
    kinds = {kind: i for i, cell in reversed([*enumerate(cells)]) if (kind := _kind(cell))}
    names = {
        i: name
        for i, cell in enumerate(cells)
        if i not in kinds.values()
        and head.measured(i)
        and (name := series_name(cell, head.context))
    }
    if "eval_loss" in names.values():  # as in model cards: scores beside it are the evaluation's
        names = {i: f"eval_{n}" if n in _SCORES else n for i, n in names.items()}
    return kinds, names


def _table_row(line: Line, row: Row) -> Iterator[tuple[Place, list[Value]]]:
    kinds, names = _columns(row.head)
    cells = row.cells
    if not kinds or line.mood not in (Mood.MEASURED, Mood.EARLIER):
        return
    values = [
        Value(name, cells[i], line.number)
        for i, name in names.items()
        if i < len(cells) and re.fullmatch(VALUE, cells[i])
    ]
    epoch, step = (_place(cells, kinds.get(kind)) for kind in ("epoch", "step"))
    if values and (epoch, step) != (None, None):
        yield (None if step is None else int(step), epoch), values


def _place(cells: tuple[str, ...], column: int | None) -> float | None:
    """The number in a cell that says where a row stands."""
    if column is None or column >= len(cells) or unsure(cells[column]):
        return None
    at = re.search(r"\d[\d,]{0,11}(?:\.\d{1,9})?", cells[column])
    return value_of(at[0]) if at else None


def _kind(head: str) -> str:
    plain = head.strip().lower()
    if plain in EPOCHS or re.fullmatch(r"轮次?|训练轮[次数]|周期|第几轮|epoch.{0,8}", plain):
        return "epoch"
    steps = plain in STEPS or re.fullmatch(r"步数?|训练步数|迭代(?:次数)?|step.{0,8}", plain)
    return "step" if steps else ""
