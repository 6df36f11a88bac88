"""Sentences of a text in English, Chinese, or both."""

import re
from collections.abc import Iterator

# What a full stop ends that is no sentence. One letter alone ("J. Allen") is no end either.
_SHORTENED = """
mr mrs ms dr prof st jr sr vs etc no fig eq inc ltd co corp e.g i.e u.s u.k approx dept est gen gov
hon lt maj rev sen rep jan feb mar apr jun jul aug sep sept oct nov dec vol pp
"""
SHORT = frozenset(_SHORTENED.split())
_CLOSE = "\"'”’」』）)】》"
_END = re.compile(rf"[。！？!?；;]+[{_CLOSE}]*|…+[{_CLOSE}]*|(?<=[^\s.])\.[{_CLOSE}]*(?=\s|$)|\n+")
_LAST_WORD = re.compile(r"([\w.]+)$")
_LONGEST = 1200  # characters: a text without any end is cut so that it can be shown


def sentences(text: str) -> list[str]:
    """The sentences of a text in their order, each as it stands there without the blanks around.

    >>> sentences("Dr. Allen had 136 sacks. How many? 他丢了308分。然后赢了！")
    ['Dr. Allen had 136 sacks.', 'How many?', '他丢了308分。', '然后赢了！']
    >>> sentences("It costs 3.5 dollars in the U.S. today, e.g. here.")
    ['It costs 3.5 dollars in the U.S. today, e.g. here.']
    """
    return [part for part in map(str.strip, _pieces(text)) if part]


def _pieces(text: str) -> Iterator[str]:
    begin = 0
    for end in _END.finditer(text):
        if end.group().startswith(".") and _goes_on(text[begin : end.start()]):
            continue
        if end.group()[0] in ";；" and end.end() - begin < 20:
            continue
        yield from _cut(text[begin : end.end()])
        begin = end.end()
    yield from _cut(text[begin:])


def _goes_on(before: str) -> bool:
    """Whether the full stop after these words belongs to an abbreviation or an initial."""
    found = _LAST_WORD.search(before)
    if found is None:
        return False
    word = found.group(1)
    return word.lower() in SHORT or (len(word) == 1 and word.isupper())


def _cut(piece: str) -> Iterator[str]:
    for begin in range(0, len(piece), _LONGEST):
        yield piece[begin : begin + _LONGEST]
