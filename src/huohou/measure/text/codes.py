"""Codes: what a column of them looks like, and finding things that look so in a text."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_SHAPES = 8  # more shapes than this are no pattern


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a column's codes look like; finds things that look so in a text.

    shapes: regular expressions, longest first. Digits may also be written in equal groups of 3,
    4 or 6 with one space or hyphen between them.

    >>> pattern = pattern_of(["402535510938", "102100020794"])
    >>> pattern.shapes
    ('\\\\d{12}',)
    >>> pattern.find("402535510938, 3131 6440 0027 and 12345, not 1234567890123")
    ['402535510938', '313164400027']
    """

    shapes: tuple[str, ...]

    def find(self, text: str) -> list[str]:
        """Things of the pattern in the text, in order, each once."""
        options = [o for shape in self.shapes for o in (shape, *_grouped(shape))]
        border = "[0-9A-Za-z]"
        finder = re.compile(f"(?<!{border})(?:{'|'.join(options)})(?!{border})", re.ASCII)
        found = []
        for match in finder.finditer(unicodedata.normalize("NFKC", text)):
            value = match.group()
            whole = any(re.fullmatch(shape, value, re.ASCII) for shape in self.shapes)
            found.append(value if whole else re.sub("[ -]", "", value))
        return list(dict.fromkeys(found))


def pattern_of(values: Iterable[str]) -> Pattern | None:
    """The pattern of a column of codes, None where it has none: free text, names, too many shapes.

    A code is printable ASCII without spaces and has a digit.

    >>> pattern_of(["A-12", "B-7"]).shapes
    ('[A-Za-z]\\\\-\\\\d{2}', '[A-Za-z]\\\\-\\\\d{1}')
    >>> pattern_of(["Daming branch", "402535510938"]) is None
    True
    """
    lengths: dict[str, int] = {}
    for value in values:
        plain = value.isascii() and value.isprintable() and " " not in value
        if not plain or not any(c.isdigit() for c in value):
            return None
        lengths.setdefault(_shape(value), len(value))
        if len(lengths) > MAX_SHAPES:
            return None
    if not lengths:
        return None
    return Pattern(tuple(sorted(lengths, key=lambda shape: (-lengths[shape], shape))))


def _shape(code: str) -> str:
    """402A-1 -> ``\\d{3}[A-Za-z]\\-\\d{1}``."""
    runs = re.findall(r"[0-9]+|.", code)
    kinds = (
        rf"\d{{{len(run)}}}" if run.isdigit() else "[A-Za-z]" if run.isalpha() else re.escape(run)
        for run in runs
    )
    return "".join(kinds)


def _grouped(shape: str) -> list[str]:
    """Ways to write a plain number of n digits in equal groups."""
    plain = re.fullmatch(r"\\d\{(\d+)\}", shape)
    n = int(plain[1]) if plain else 0
    return [
        rf"\d{{{size}}}(?:{gap}\d{{{size}}}){{{n // size - 1}}}"
        for size in (3, 4, 6)
        for gap in (" ", "-")
        if n > size and n % size == 0
    ]
