"""Dictionaries as Python prints them, flat and with numbers: ``{'loss': 3.63, 'epoch': 0.43}``.

Nothing is evaluated: the text is made JSON, by replacing what Python writes otherwise, and read
by the JSON parser, which refuses what is not flat or not whole.
"""

import re
from typing import Any

from huohou.record.readers._source import decoded

# No braces inside, so that a dictionary in another is found by itself and the search is linear.
PATTERN = r"\{'[^{}\n\r]{1,20000}\}"
_OTHER = (
    (re.compile(r"(?<=: )nan(?=[,}])"), "NaN"),
    (re.compile(r"(?<=: )(-?)inf(?=[,}])"), r"\1Infinity"),
    (re.compile(r"(?<=: )None(?=[,}])"), "null"),
    (re.compile(r"(?<=: )True(?=[,}])"), "true"),
    (re.compile(r"(?<=: )False(?=[,}])"), "false"),
)
_HINT = re.compile(r": (?:nan|-?inf|None|True|False)[,}]")


def flat(text: str) -> dict[str, Any] | None:
    """The dictionary that a text between braces is; None where it is none.

    >>> flat("{'loss': nan, 'num_tokens': '1.133e+04', 'done': None}")
    {'loss': nan, 'num_tokens': '1.133e+04', 'done': None}
    """
    if _HINT.search(text):
        for pattern, replacement in _OTHER:
            text = pattern.sub(replacement, text)
    try:
        found = decoded(text.replace("'", '"').encode("utf-8", "replace"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
