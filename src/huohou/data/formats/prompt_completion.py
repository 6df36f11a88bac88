"""Two columns: what is asked and what is answered, under the names people give them.

As in TRL, both may also be lists of messages.
"""

from collections.abc import Mapping
from typing import Any

from huohou.data.dataset import Message
from huohou.data.formats import Format, formats
from huohou.data.formats._turns import text, turns, with_system

PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("question", "answer"),
    ("query", "response"),
    ("input", "output"),
    ("text", "category"),
    ("text", "label"),
    ("问题", "答案"),
    ("问题", "回答"),
)
ALONE = ("prompt", "question", "query", "问题")  # enough where no answer is wanted


def fits(row: Mapping[str, Any]) -> bool:
    """Whether a known pair of columns is there and nothing that belongs to another format."""
    if "instruction" in row or "context" in row:
        return False
    return any(ask in row and answer in row for ask, answer in PAIRS) or any(
        name in row for name in ALONE
    )


def read(row: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    """The question, and the answer where there is one."""
    ask, answer = columns(row)
    messages = _side(row[ask], where, ask, "user")
    if row.get(answer) is not None:
        messages += _side(row[answer], where, answer, "assistant")
    return with_system(messages, row, where)


def columns(row: Mapping[str, Any]) -> tuple[str, str]:
    """Names of the columns asked and answered; the answer's may be missing from the row."""
    for ask, answer in PAIRS:
        if ask in row and answer in row:
            return ask, answer
    return next((name, "") for name in ALONE if name in row)


def _side(value: Any, where: str, column: str, role: str) -> tuple[Message, ...]:
    if isinstance(value, list):
        return turns(value, where, column)
    return (Message(role, text(value, where, column)),)


EXAMPLE = '{"prompt": "1+1?", "completion": "2"}'
formats.register("prompt_completion")(
    Format(fits, read, frozenset(name for pair in PAIRS for name in pair) | {"system"}, EXAMPLE)
)
