"""Pieces the formats share: a cell as text, a list of turns as messages."""

import math
from collections.abc import Mapping
from typing import Any

from huohou.data.containers import parse_json
from huohou.data.dataset import ROLES, Message
from huohou.errors import DataError

# What other tools call the roles. LLaMA-Factory's function_call is a turn of the assistant's,
# its observation the answer of a tool.
ALIASES = {role: role for role in ROLES} | {
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function": "tool",
    "developer": "system",
}


def text(value: Any, where: str, column: str) -> str:
    """A cell as text: strings, finite numbers, OpenAI's text parts; None is empty.

    Raises DataError for anything else and for text that is not valid Unicode.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _valid(value, where, column)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    if isinstance(value, list) and all(_is_text_part(part) for part in value):
        return _valid("".join(part["text"] for part in value), where, column)
    raise DataError("data.not_a_text", where=where, column=column, found=type(value).__name__)


def _is_text_part(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)


def _valid(value: str, where: str, column: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError("data.bad_unicode", where=where, column=column) from error
    return value


def turns(value: Any, where: str, column: str) -> tuple[Message, ...]:
    """A list of ``{"role", "content"}`` or ``{"from", "value"}`` as messages.

    A string is taken as JSON (a cell of a CSV file). Raises DataError for an unknown role.
    """
    if isinstance(value, str):
        value = parse_json(value, where)
    if not isinstance(value, list) or not value:
        raise DataError("data.no_turns", where=where, column=column)
    return tuple(_turn(item, where, column) for item in value)


def _turn(item: Any, where: str, column: str) -> Message:
    if not isinstance(item, Mapping):
        raise DataError("data.no_turns", where=where, column=column)
    ours = "role" in item
    name = str(item.get("role" if ours else "from"))
    role = ALIASES.get(name.strip().lower())
    if role is None:
        raise DataError("data.unknown_role", where=where, role=name, known=", ".join(ALIASES))
    if item.get("tool_calls"):
        raise DataError("data.tool_calls", where=where)
    content = "content" if ours else "value"
    if content not in item:
        raise DataError("data.turn_without", where=where, column=column, key=content)
    return Message(role, text(item[content], where, f"{column}.{content}"))


def with_system(
    messages: tuple[Message, ...], row: Mapping[str, Any], where: str
) -> tuple[Message, ...]:
    """The messages with the row's ``system`` column in front, unless they bring their own."""
    system = text(row.get("system"), where, "system")
    if not system or (messages and messages[0].role == "system"):
        return messages
    return (Message("system", system), *messages)
