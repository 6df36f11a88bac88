"""Codes one slip away from a code: a character wrong, missing, too many, or two swapped."""

from collections.abc import Sequence

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
