"""OpenAI's and Hugging Face's ``messages``: turns of role and content."""

from collections.abc import Mapping
from typing import Any

from huohou.data.dataset import Message
from huohou.data.formats import Format, formats
from huohou.data.formats._turns import turns, with_system


def fits(row: Mapping[str, Any]) -> bool:
    """Whether there is a ``messages`` column."""
    return "messages" in row


def read(row: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    """The turns, with the ``system`` column in front where they bring no system prompt."""
    return with_system(turns(row["messages"], where, "messages"), row, where)


EXAMPLE = """{"messages": [{"role": "user", "content": "1+1?"}, \
{"role": "assistant", "content": "2"}]}"""
formats.register("messages")(Format(fits, read, frozenset({"messages", "system"}), EXAMPLE))
