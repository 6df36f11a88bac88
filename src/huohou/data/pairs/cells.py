"""Cells of a row as what retrieval needs: texts, ids, lists of texts, entities."""

from collections.abc import Mapping
from typing import Any

from huohou.data.containers import parse_json
from huohou.data.formats._turns import text
from huohou.data.pairs.pairset import Span
from huohou.errors import DataError


def cell(row: Mapping[str, Any], name: str, where: str) -> str:
    """A column as text, empty where it is missing. Raises DataError."""
    return text(row.get(name), where, name)


def check_id(id: str, where: str) -> None:
    """DataError for an id that a line of a qrels file cannot hold."""
    if not id or any(c < " " or c == "\x7f" for c in id):
        raise DataError("data.pairs.bad_id", where=where, id=id)


def texts(value: Any, where: str, column: str) -> list[str]:
    """A cell as texts: one, or a list of them (in CSV a list as JSON)."""
    if isinstance(value, str) and value.lstrip().startswith('["'):
        value = parse_json(value, where)
    found = value if isinstance(value, list) else [value]
    return [text(_passage_text(one), where, column) for one in found if one is not None]


def answers(value: Any, where: str) -> tuple[str, ...]:
    """Words that answer a query, each once: texts, or SQuAD's objects that hold them."""
    listed = value.get("text") if isinstance(value, Mapping) else value
    return tuple(dict.fromkeys(one for one in texts(listed, where, "answers") if one.strip()))


def _passage_text(value: Any) -> Any:
    """Passages of other tools come as objects with a title and a text."""
    if not isinstance(value, Mapping) or "text" not in value:
        return value
    title = value.get("title")
    return f"{title}\n{value['text']}" if isinstance(title, str) and title else value["text"]


def spans(value: Any, length: int, where: str, column: str) -> tuple[Span, ...]:
    """Annotated entities of a text of that many characters.

    Each is ``[start, end]``, ``[start, end, name]`` or an object with start, end and name.
    Raises DataError for offsets that lie outside the text.
    """
    if isinstance(value, str) and value.strip():
        value = parse_json(value, where)
    if value in (None, ""):
        return ()
    if not isinstance(value, list):
        raise DataError("data.pairs.bad_spans", where=where, column=column)
    return tuple(_span(one, length, where, column) for one in value)


def _span(value: Any, length: int, where: str, column: str) -> Span:
    if isinstance(value, Mapping):
        value = [value.get("start"), value.get("end"), value.get("name", "")]
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise DataError("data.pairs.bad_spans", where=where, column=column)
    start, end, name = *value[:2], value[2] if len(value) == 3 else ""
    if not all(type(one) is int for one in (start, end)) or not isinstance(name, str):
        raise DataError("data.pairs.bad_spans", where=where, column=column)
    if not 0 <= start < end <= length:
        raise DataError(
            "data.pairs.span_outside",
            where=where,
            column=column,
            start=start,
            end=end,
            length=length,
        )
    return Span(start, end, name)
