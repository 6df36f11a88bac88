"""ShareGPT's ``conversations``: turns of from (human, gpt, ...) and value."""

from collections.abc import Mapping
from typing import Any

from huohou.data.dataset import Message
from huohou.data.formats import Format, formats
from huohou.data.formats._turns import turns, with_system


def fits(row: Mapping[str, Any]) -> bool:
    """Whether there is a ``conversations`` column."""
    return "conversations" in row


def read(row: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    """The turns, with the ``system`` column in front where they bring no system prompt."""
    return with_system(turns(row["conversations"], where, "conversations"), row, where)


EXAMPLE = """{"conversations": [{"from": "human", "value": "1+1?"}, \
{"from": "gpt", "value": "2"}]}"""
formats.register("sharegpt")(Format(fits, read, frozenset({"conversations", "system"}), EXAMPLE))
