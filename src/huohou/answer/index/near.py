"""Codes one slip away from a code: a character wrong, missing, too many, or two swapped."""

import re
from collections.abc import Sequence

# Digits as they are read aloud, and letters taken for them.
SPOKEN = str.maketrans("oil〇零一幺二两三四五六七八九", "0110011223456789")
_RUN = re.compile(r"[0-9oil〇零一幺二两三四五六七八九]+", re.IGNORECASE)
LONGEST_CODE = 64  # what is longer is no code


def near_codes(code: str, alphabet: Sequence[str]) -> list[str]:
    """Every other text one slip away, each once.

    >>> near_codes("12", "123")[:4]
    ['22', '32', '2', '112']
    """
    if not code or len(code) > LONGEST_CODE:
        return []
    found: dict[str, None] = {}
    for i in range(len(code) + 1):
        before, after = code[:i], code[i:]
        if after:
            found |= dict.fromkeys(before + one + after[1:] for one in alphabet)
            found[before + after[1:]] = None
        found |= dict.fromkeys(before + one + after for one in alphabet)
        if len(after) > 1:
            found[before + after[1] + after[0] + after[2:]] = None
    found.pop(code, None)
    return [one for one in found if one]


def spoken_digits(plain: str, digits: int | None) -> str:
    """A code read aloud, or with letters for digits, as digits; empty where it is none.

    plain: without blanks, in small letters; digits: how many codes have, None where they are not
    digits.

    >>> spoken_digits("1o21oooo4164", 12), spoken_digits("幺零二", 3), spoken_digits("oil", 4)
    ('102100004164', '102', '')
    """
    said = plain.translate(SPOKEN)
    whole = digits is not None and len(said) == digits and said.isascii() and said.isdigit()
    return said if whole else ""


def spoken_codes(text: str, digits: int) -> list[str]:
    """Codes in a text that are read aloud, or have letters for digits, as digits.

    >>> spoken_codes("幺零二是哪个? 1O3,一零四五", 3)
    ['102', '103']
    """
    found = (spoken_digits(run.group().casefold(), digits) for run in _RUN.finditer(text))
    return [one for one in found if one]
