"""Alpaca: instruction, input, output; with LLaMA-Factory's system and history.

Source: LLaMA-Factory, data/README.md: the prompt is instruction and input joined by a newline,
history is a list of earlier (question, answer) pairs.
"""

from collections.abc import Mapping
from typing import Any

from huohou.data.containers import parse_json
from huohou.data.dataset import Message
from huohou.data.formats import Format, formats
from huohou.data.formats._turns import text, with_system
from huohou.errors import DataError


def fits(row: Mapping[str, Any]) -> bool:
    """Whether there is an ``instruction`` column."""
    return "instruction" in row


def read(row: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    """Earlier pairs, the question, and the answer where there is one."""
    question = text(row["instruction"], where, "instruction")
    extra = text(row.get("input"), where, "input")
    messages = [*_history(row.get("history"), where)]
    messages.append(Message("user", f"{question}\n{extra}" if extra else question))
    if row.get("output") is not None:
        messages.append(Message("assistant", text(row["output"], where, "output")))
    return with_system(tuple(messages), row, where)


def _history(value: Any, where: str) -> list[Message]:
    if isinstance(value, str) and value.strip():
        value = parse_json(value, where)
    if not value:
        return []
    pairs = value if isinstance(value, list) else [value]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise DataError("data.history", where=where)
    roles = ("user", "assistant")
    return [
        Message(role, text(part, where, "history"))
        for pair in pairs
        for role, part in zip(roles, pair, strict=True)
    ]


EXAMPLE = '{"instruction": "Add the numbers.", "input": "1 and 1", "output": "2"}'
formats.register("alpaca")(
    Format(fits, read, frozenset({"instruction", "input", "output", "history", "system"}), EXAMPLE)
)
