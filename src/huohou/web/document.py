"""Values to JSON as all of huohou writes it: NaN and infinities are words, never null."""

import math
from typing import Any

import orjson
from starlette.responses import JSONResponse


class Document(JSONResponse):
    """What a door answers when it returns a dict. For large arrays make the bytes yourself."""

    def render(self, content: Any) -> bytes:
        return dumps(content)


def dumps(value: object) -> bytes:
    """JSON of dicts, lists, words and numbers.

    >>> dumps({"loss": float("nan"), "least": [float("-inf"), 0.0]})
    b'{"loss":"NaN","least":["-Infinity",0.0]}'
    """
    return orjson.dumps(worded(value), option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def worded(value: Any) -> Any:
    """The value with words in the place of numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else _word(value)
    if isinstance(value, dict):
        return {key: worded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [worded(item) for item in value]
    return value


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
