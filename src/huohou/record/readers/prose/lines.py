"""A report as lines, each with what it is and how its numbers are meant."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from typing import Literal

from huohou.record.readers._source import Source
from huohou.record.readers.prose.moods import Mood, heading_mood, here, lead_mood, unsure
from huohou.record.readers.prose.words import half, plain

LONGEST = 2000  # characters of a line; longer ones are no prose

Kind = Literal["heading", "text", "item", "code", "table"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report.

    text: for patterns, said: as it reads; mood: how its numbers are meant, by its heading and
    what leads in to it; block: number of the heading, lead-in or code block it stands under;
    context: the words of those; code: language of the code block, "" outside and where none is
    named.
    """

    number: int
    text: str
    said: str
    kind: Kind
    mood: Mood
    block: int
    context: str
    code: str = ""

    @property
    def measured(self) -> bool:
        """Whether numbers that stand here by themselves were measured in this run."""
        return self.mood is Mood.MEASURED

    def tells(self, clause: str) -> bool:
        """Whether the numbers of a clause of the line were measured in this run."""
        return not unsure(clause) and (self.measured or here(clause))


@dataclass(slots=True)
class _Lead:
    """A line that leads in to what follows: how long it holds."""

    text: str
    mood: Mood | None
    bold: bool
    indent: int | None  # of a list item: holds for deeper items
    used: bool = False


_FENCE = re.compile(r"^(`{3,}|~{3,})\s*([\w+-]*)")
_HEADING = re.compile(r"^(#{1,6})\s+(.*)")
_NUMBERED = re.compile(r"^[一二三四五六七八九十]{1,3}[、.]\s*(\S.{0,40})$")
_UNDERLINE = re.compile(r"^(={3,}|-{3,})$")
_ITEM = re.compile(r"^(?:[-*+•·]|\d{1,2}[.)、]|\[[ xX]\])\s+")
_TABLE = re.compile(r"^\|.*\|$|^[^|]+\|[^|]+\|")
_BOLD = re.compile(r"(?:\*\*|__)\s*[:\uff1a]?$|[:\uff1a](?:\*\*|__)$")
_SAID = re.compile(r"[.。!?;]\s*$")


class _Reader:
    """Walks down a report and keeps under which heading, lead-in and code block it is."""

    def __init__(self) -> None:
        self.headings: list[tuple[int, str, Mood | None]] = []
        self.lead: _Lead | None = None
        self.fence = ""
        self.language = ""
        self.block = 0
        self.after_blank = True

    def heading(self, level: int, text: str) -> None:
        self.headings = [one for one in self.headings if one[0] < level]
        self.headings.append((level, text, heading_mood(text)))
        self.lead = None
        self.block += 1

    @property
    def mood(self) -> Mood:
        """The lead-in's, else the nearest heading's that has one. What stands in a section of
        expectations is expected, whatever its own heading, unless that says "actual"."""
        mood = Mood.MEASURED
        for own in [*(own for _, _, own in self.headings), self.lead.mood if self.lead else None]:
            if own and (own is not Mood.EARLIER or mood in (Mood.MEASURED, Mood.EARLIER)):
                mood = own
        return mood

    @property
    def context(self) -> str:
        words = [text for _, text, _ in self.headings[-2:]]
        return " / ".join([*words, self.lead.text] if self.lead else words)

    def leads(self, text: str, raw: str) -> bool:
        """Take a line as a lead-in where it is one."""
        if _TABLE.match(text):
            return False
        item = _ITEM.match(text)
        said = _ITEM.sub("", text)
        colon = said.endswith(":") and len(said) <= 120
        bare = not item and len(said) <= 60 and not re.search(r"[\d=]", said)
        if not colon and not (bare and not _SAID.search(said) and lead_mood(said)):
            return False
        bold = _BOLD.search(raw.strip()) or not colon
        indent = len(raw) - len(raw.lstrip()) if item and not bold else None
        self.lead = _Lead(said, lead_mood(said), bool(bold), indent)
        self.block += 1
        return True

    def ends(self, text: str, raw: str) -> None:
        """End the lead-in where this line is no longer of it."""
        lead = self.lead
        if lead is None:
            return
        item = _ITEM.match(text) is not None
        if lead.indent is not None:
            over = not item or len(raw) - len(raw.lstrip()) <= lead.indent
        else:
            over = not lead.bold and lead.used and self.after_blank and not item
        if over and not _TABLE.match(text):
            self.lead = None
            self.block += 1
        else:
            lead.used = True

    def line(self, number: int, text: str, said: str, heading: bool = False) -> Line:
        kind: Kind = "code" if self.fence else "heading" if heading else "text"
        if kind == "text":
            kind = "table" if _TABLE.match(text) else "item" if _ITEM.match(text) else "text"
        where = (self.mood, self.block, self.context, self.language)
        return Line(number, text, said, kind, *where)


def lines_of(source: Source) -> Iterator[Line]:
    """The lines of a report that say something. Headings and lead-ins are context, and lines
    too: what they claim counts. One after the other: none is kept."""
    reader = _Reader()
    for number, (raw, below) in enumerate(_with_next(source), start=1):
        said = plain(raw) if len(raw) <= LONGEST else ""
        text = half(said)
        if fence := _FENCE.match(raw.strip()):
            _fence(reader, fence)
        elif not text:
            reader.after_blank = True
        elif not reader.fence and (found := _heading(text, below)):
            reader.heading(*found)
            yield reader.line(number, found[1], said, heading=True)
        elif reader.fence:
            yield reader.line(number, text, said)
        elif not _UNDERLINE.match(text):
            if not reader.leads(text, raw):
                reader.ends(text, raw)
            yield reader.line(number, text, said)
            reader.after_blank = False


def _with_next(source: Source) -> Iterator[tuple[str, str]]:
    """Each line of a text, whatever its ends, and the one below it."""
    text = TextIOWrapper(BytesIO(source.utf8), encoding="utf-8", errors="replace")
    raws = (line.removesuffix("\n") for line in text)
    raw = next(raws, "").lstrip("\ufeff")
    for below in raws:
        yield raw, below
        raw = below
    yield raw, ""


def _fence(reader: _Reader, fence: re.Match[str]) -> None:
    if not reader.fence:
        if reader.lead:
            reader.lead.used = True
        reader.fence, reader.language = fence[1], fence[2].lower()
        reader.block += 1
    elif fence[1].startswith(reader.fence[0]) and len(fence[1]) >= len(reader.fence):
        reader.fence = reader.language = ""
        reader.block += 1
        reader.after_blank = True


def _heading(text: str, below: str) -> tuple[int, str] | None:
    """Level and words where a line is a heading."""
    if found := _HEADING.match(text):
        return len(found[1]), found[2].strip(" #")
    if found := _NUMBERED.match(text):
        return 2, found[1]
    below = below.strip()
    if _UNDERLINE.match(below) and not _ITEM.match(text) and "|" not in text and len(text) < 80:
        return (1 if below[0] == "=" else 2), text
    return None
