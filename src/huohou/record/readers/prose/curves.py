"""Curves of a report: epoch lines, tables, pasted log lines, values joined by arrows.

What is found is *listings*, one a block of text. The listings that tell the same epochs again are
dropped where their values are the same (or those rounded), and are another run where not.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from huohou.record.readers._rows import EPOCHS, STEPS, Collector, canonical, whole
from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.moods import Mood, unsure, unsure_from
from huohou.record.readers.prose.tables import Table
from huohou.record.readers.prose.words import ARROW, LABEL, VALUE, rounds_to, series_name, value_of
from huohou.record.record import Point

Place = tuple[int | None, float | None]  # step, epoch


@dataclass(frozen=True, slots=True)
class Value:
    """One number of a curve, as it was written."""

    name: str
    shown: str
    line: int

    @property
    def number(self) -> float:
        """The number."""
        return value_of(self.shown)


@dataclass(slots=True)
class Listing:
    """A curve that one block of text tells: places in the order of the text."""

    earlier: bool
    block: int
    rows: list[tuple[Place, list[Value]]] = field(default_factory=list)
    arrows: bool = False  # values without places
    code: bool = False  # pasted from a log: the same place again is another life

    def series(self) -> Mapping[str, Sequence[Point]]:
        """Its series; a new segment where step or epoch goes back."""
        collector = Collector()
        for (step, epoch), values in self.rows:
            for value in values:
                row = {value.name: value.number}
                collector.add(row, step=step, epoch=epoch, line=value.line)
        return collector.series()


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


def listings(lines: list[Line], tables: list[Table]) -> list[Listing]:
    """All curves of a report as they stand in it, in the order of the text."""
    found: dict[tuple[int, str, bool], Listing] = {}
    for line, place, values in sorted(_all(lines, tables), key=lambda row: row[0].number):
        earlier = line.mood is Mood.EARLIER
        arrows = place == (None, None)
        key = (line.number if arrows else line.block, line.kind, arrows)
        new = Listing(earlier, line.block, arrows=arrows, code=line.kind == "code")
        listing = found.setdefault(key, new)
        if arrows:
            listing.rows = [((n, None), [v]) for n, v in enumerate(values, start=1)]
        elif values:
            listing.rows.append((place, values))
    for listing in found.values():
        if not listing.code and not listing.arrows:
            listing.rows = _in_order(listing.rows)
    return [listing for listing in found.values() if listing.rows]


def _all(lines: list[Line], tables: list[Table]) -> Iterator[tuple[Line, Place, list[Value]]]:
    for table in tables:
        yield from _table_rows(table)
    for line in lines:
        if line.mood not in (Mood.MEASURED, Mood.EARLIER) or not re.search(r"\d", line.text):
            continue
        rows = list(_dict_rows(line)) or list(_place_rows(line)) or list(_chains(line))
        for place, values in rows:
            yield line, place, values


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


def _chains(line: Line) -> Iterator[tuple[Place, list[Value]]]:
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
        yield (None, None), [Value(name, one, line.number) for one in shown]


def _table_rows(table: Table) -> Iterator[tuple[Line, Place, list[Value]]]:
    head = [re.sub(r"\s*\(.*\)$", "", cell) for cell in table.head]
    kinds = {kind: i for i, cell in reversed([*enumerate(head)]) if (kind := _kind(cell))}
    context = table.rows[0][0].context
    names = {
        i: name
        for i, cell in enumerate(head)
        if i not in kinds.values() and table.measured(i) and (name := series_name(cell, context))
    }
    if "eval_loss" in names.values():  # as in model cards: scores beside it are the evaluation's
        names = {i: f"eval_{n}" if n in _SCORES else n for i, n in names.items()}
    for line, cells in table.rows:
        if not kinds or line.mood not in (Mood.MEASURED, Mood.EARLIER):
            continue
        values = [
            Value(name, cells[i], line.number)
            for i, name in names.items()
            if i < len(cells) and re.fullmatch(VALUE, cells[i])
        ]
        epoch, step = (_place(cells, kinds.get(kind)) for kind in ("epoch", "step"))
        if values and (epoch, step) != (None, None):
            yield line, (None if step is None else int(step), epoch), values


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


def runs(found: list[Listing]) -> tuple[Listing | None, list[Listing]]:
    """The run that a report is about, and other runs that it tells of.

    A listing that repeats places of the run with the same values adds its other series; one that
    says something else of them is another run. Values without places that are those of the run,
    rounded, say nothing new.
    """
    main: Listing | None = None
    others: list[Listing] = []
    for listing in sorted(found, key=lambda one: one.arrows):
        if listing.earlier:
            if not any(_same_values(listing, other) for other in others):
                others.append(listing)
        elif main is None:
            main = listing
        elif listing.arrows and _repeats(listing, main):
            continue
        elif listing.arrows or not _merged(main, listing):
            others.append(listing)
    return main, others


def _known(listing: Listing) -> dict[tuple[Place, str], Value]:
    return {(place, value.name): value for place, values in listing.rows for value in values}


def _merged(main: Listing, other: Listing) -> bool:
    """Take up what another listing adds to the run, where it does not speak against it."""
    known, told = _known(main), _known(other)
    both = known.keys() & told.keys()
    if any(not _same(told[key], known[key]) for key in both):
        return False
    if len(main.rows) > len({place for place, _ in main.rows}):
        return bool(both)  # the run begins again: nothing is put into its order
    main.rows = _in_order([*main.rows, *other.rows])
    return True


def _in_order(rows: list[tuple[Place, list[Value]]]) -> list[tuple[Place, list[Value]]]:
    """Each place once, with all that is said of it; of a value told twice the first."""
    merged: dict[Place, list[Value]] = {}
    for place, values in rows:
        row = merged.setdefault(place, [])
        row += [value for value in values if value.name not in {one.name for one in row}]
    return sorted(merged.items(), key=lambda row: _order(row[0]))


def _order(place: Place) -> tuple[float, float]:
    step, epoch = place
    return (epoch if epoch is not None else -1.0, step if step is not None else -1)


def _same(a: Value, b: Value) -> bool:
    return rounds_to(a.shown, b.number) or rounds_to(b.shown, a.number) or a.shown == b.shown


def _same_values(a: Listing, b: Listing) -> bool:
    left = [v.number for _, values in a.rows for v in values]
    return left == [v.number for _, values in b.rows for v in values]


def _repeats(arrows: Listing, main: Listing) -> bool:
    """Whether values without places are the run's own, rounded: all, or the first and the last."""
    shown = [values[0] for _, values in arrows.rows]
    course = [v for _, values in main.rows for v in values if v.name == shown[0].name]
    ends = course[:: len(course) - 1] if len(course) > 1 else course
    return any(
        len(shown) <= len(part) and all(_same(a, b) for a, b in zip(shown, part, strict=False))
        for part in (course, ends)
    )
