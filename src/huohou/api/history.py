"""What was asked, and the marks of the answers. Nothing heavy is imported early."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import workspace

if TYPE_CHECKING:
    from huohou.record.asked import Kept

MARKED = "marked.jsonl"  # of the workspace: questions whose right answers are known
TABLE_MODES = ("lookup", "grounded", "constrained", "closed")


def asked(words: str = "", *, before: int | None = None, limit: int = 50) -> dict[str, Any]:
    """Questions of the workspace with their answers and marks, the newest first.

    words: all of which stand in question, answer or mark; ``before`` of the answer is what to give
    for the next ones, None where there are no more; ``total``: how many hold the words; ``marked``:
    how many questions ``marked.jsonl`` has.
    """
    from huohou.record.asked import search

    place = workspace()
    found, total = search(place, words, before=before, limit=limit + 1)
    shown = found[:limit]
    return {
        "schema": 1,
        "total": total,
        "before": shown[-1].place if len(found) > limit else None,
        "answers": [kept.as_dict() for kept in shown],
        "marked": len(_rows(place)),
    }


def mark(id: str, right: bool, correct: str | None = None) -> dict[str, Any]:
    """Say whether an answer was right, and what is right where it was not.

    It is one more line of ``answers.jsonl``; ``marked.jsonl`` is written anew from all of them, as
    `huohou eval RUN --on` reads it. Raises UsageError for an id that is not known.
    """
    from huohou.record.asked import mark

    kept = mark(workspace(), id, right, (correct or "").strip() or None)
    path = write_marked()
    return {"schema": 1, **kept.as_dict(), "file": str(path), "rows": len(_rows(workspace()))}


def marked_file() -> Path | None:
    """``marked.jsonl``; None where no answer is known to be right."""
    return write_marked() if _rows(workspace()) else None


def write_marked() -> Path:
    """Write the questions whose right answers are known; where to."""
    path = workspace() / MARKED
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _rows(workspace()))
    half = path.with_name(f".{MARKED}.{secrets.token_hex(4)}.part")
    half.write_text(text, encoding="utf-8", errors="replace")
    half.replace(path)
    return path


def _rows(place: Path) -> list[dict[str, Any]]:
    """A row for each question, the last mark of a question decides."""
    from huohou.record import asked as record

    found: dict[str, tuple[float, dict[str, Any] | None]] = {}
    for kept in record.asked(place):
        if kept.mark is None:
            continue
        question, when = str(kept.told["question"]), float(kept.mark.get("t") or 0.0)
        if when >= found.get(question, (0.0, None))[0]:
            found[question] = (when, _row(kept))
    return [row for _, row in found.values() if row is not None]


def _row(kept: "Kept") -> dict[str, Any] | None:
    """Question and right answer as a conversation; None where the right one is not known."""
    told, right = kept.told, bool(kept.mark and kept.mark["right"])
    correct = kept.mark.get("correct") if kept.mark else None
    values = told.get("values") or []
    answer = correct or (_said(told, values) if right else None)
    if not answer:
        return None
    meta: dict[str, Any] = {"style": "marked", "id": kept.id}
    if told.get("mode") in TABLE_MODES:
        meta |= _fact(told, answer, correct, values)
    turns = [
        {"role": "user", "content": told["question"]},
        {"role": "assistant", "content": answer},
    ]
    return {"messages": _with_system(told, turns), "meta": meta}


def _said(told: Mapping[str, Any], values: list[str]) -> str:
    return values[0] if len(values) == 1 else str(told.get("answer") or "")


def _fact(
    told: Mapping[str, Any], answer: str, correct: str | None, values: list[str]
) -> dict[str, Any]:
    """What makes a question one about a fact: the value that answers it, or None for unknown."""
    from huohou.measure.facts import ABSTENTIONS, abstains

    reverse = {"style": "reverse-marked"} if told.get("intent") == "name" else {}
    if correct is None and len(values) > 1:
        return {}  # a list is no one value
    unknown = abstains(answer, ABSTENTIONS) if correct is not None else not values
    return {"kind": "facts", "expect": None if unknown else answer, **reverse}


def _with_system(told: Mapping[str, Any], turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """With the system prompt of a talk or of the run that was asked: it belongs to a question."""
    if told.get("system"):
        return [{"role": "system", "content": told["system"]}, *turns]
    first = (told.get("messages") or [{}])[0]
    return [first, *turns] if first.get("role") == "system" else turns
