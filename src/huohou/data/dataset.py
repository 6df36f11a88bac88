"""The one normal form that all data formats are read into.

A row is a conversation. Pairs and facts that are to be answered by a language model are
conversations of two turns; what else is known of a row is in ``meta``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huohou.text import say

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: role is one of ROLES."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation.

    line: 1-based line (JSONL, CSV) or element number (JSON, Parquet) in the file it came from.
    meta: what else is known, for made rows ``style``, ``fact`` (key of the fact), ``expect``
        (the value that answers, or None where "unknown" is right) and ``kind``.
    """

    messages: tuple[Message, ...]
    line: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> str | None:
        """The system prompt, None where there is none."""
        first = self.messages[0] if self.messages else None
        return first.content if first is not None and first.role == "system" else None

    @property
    def question(self) -> str:
        """The last user turn."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """The last assistant turn."""
        return next((m.content for m in reversed(self.messages) if m.role == "assistant"), "")

    def as_dict(self) -> dict[str, Any]:
        """The row as it is written to JSONL (without its line)."""
        turns = [{"role": m.role, "content": m.content} for m in self.messages]
        return {"messages": turns, "meta": dict(self.meta)} if self.meta else {"messages": turns}


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows read from one source.

    source: where they came from, as the user named it; format: the registered format's name.
    """

    source: str
    format: str
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def place(self, index: int) -> str:
        """Where row number ``index`` (from 0) stands in the file, as a person looks it up."""
        return place(self.source, self.rows[index].line or index + 1)

    def number(self, index: int) -> str:
        """As ``place``, without the file: "line 12", "row 12"."""
        key = "data.number_row" if _counted(self.source) else "data.number_line"
        return say(key, number=self.rows[index].line or index + 1)


def place(source: str | Path, number: int) -> str:
    """``file:line`` for files of lines; element ``number`` in words for JSON and Parquet."""
    if _counted(source):
        return say("data.place_row", path=source, number=number)
    return f"{source}:{number}"


def _counted(source: str | Path) -> bool:
    """Whether rows of this file are found by counting elements, not lines."""
    return Path(source).suffix.lower() in (".json", ".parquet")
