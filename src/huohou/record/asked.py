"""Questions that were asked, and their marks: ``answers.jsonl`` of a workspace.

One line a question, one line a mark; lines are only ever added. A mark names the question by its
id, the last mark of a question holds. The file is nobody's index: it is what it says, and stays
when the database is built anew.
"""

import hashlib
import json
import os
import secrets
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from huohou.errors import UsageError
from huohou.record.events import plain
from huohou.record.workspace import ANSWERS

MARK = "mark"  # kind of a line that is no question
_TEXTS = ("question", "answer")  # that a search looks into


@dataclass(frozen=True, slots=True)
class Kept:
    """A question that was asked. told: its line; place: the line's first byte in the file; mark:
    the last mark it was given, None where it has none."""

    id: str
    place: int
    told: Mapping[str, Any]
    mark: Mapping[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """The line with its id and mark."""
        shown = ("t", "right", "correct")
        mark = {name: self.mark.get(name) for name in shown} if self.mark else None
        return {**self.told, "id": self.id, "mark": mark}


def keep(workspace: Path, told: Mapping[str, Any]) -> str | None:
    """Add a question with its answer; its id. None where there is no workspace: none is made."""
    if not workspace.is_dir():
        return None
    id = secrets.token_hex(8)
    _add(workspace, {"id": id, "t": time.time(), **told})
    return id


def mark(workspace: Path, id: str, right: bool, correct: str | None = None) -> Kept:
    """Say whether an answer was right, and what is right. Raises UsageError for an unknown id."""
    if all(kept.id != id for kept in asked(workspace)):
        raise UsageError("answers.unknown_id", id=id)
    line = {"t": time.time(), "kind": MARK, "of": id, "right": right, "correct": correct}
    _add(workspace, line)
    return next(kept for kept in asked(workspace) if kept.id == id)


def asked(workspace: Path) -> Iterator[Kept]:
    """All questions in the order they were asked, each with its last mark."""
    marks = {line["of"]: line for _, _, line in _lines(workspace) if _is_mark(line)}
    for place, id, line in _lines(workspace):
        if not _is_mark(line):
            yield Kept(id, place, line, marks.get(id))


def search(
    workspace: Path, words: str = "", *, before: int | None = None, limit: int = 50
) -> tuple[list[Kept], int]:
    """The newest questions that hold these words in question, answer or mark, and how many do.

    before: only those that stand before this place of the file.
    """
    wanted = words.casefold().split()
    found: deque[Kept] = deque(maxlen=limit)
    total = 0
    for kept in asked(workspace):
        if not _holds(kept, wanted):
            continue
        total += 1
        if before is None or kept.place < before:
            found.append(kept)
    return list(reversed(found)), total


def _holds(kept: Kept, wanted: list[str]) -> bool:
    if not wanted:
        return True
    correct = kept.mark.get("correct") if kept.mark else None
    text = " ".join(str(part) for part in (*(kept.told.get(n) for n in _TEXTS), correct) if part)
    text = text.casefold()
    return all(word in text for word in wanted)


def _is_mark(line: Mapping[str, Any]) -> bool:
    return line.get("kind") == MARK


def _lines(workspace: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Place, id and content of each line; what is torn or no line of ours is passed over."""
    try:
        file = (workspace / ANSWERS).open("rb")
    except FileNotFoundError:
        return
    place = 0
    with file:
        for raw in file:
            try:
                line = orjson.loads(raw)
            except orjson.JSONDecodeError:
                line = None
            if isinstance(line, dict) and ("question" in line or _whole_mark(line)):
                yield place, _id_of(line, raw), line
            place += len(raw)


def _whole_mark(line: Mapping[str, Any]) -> bool:
    return _is_mark(line) and isinstance(line.get("of"), str)


def _id_of(line: Mapping[str, Any], raw: bytes) -> str:
    """A line's own id; lines of before there were ids have one by their content."""
    own = line.get("id")
    return own if isinstance(own, str) else hashlib.sha256(raw.strip()).hexdigest()[:16]


def _add(workspace: Path, line: Mapping[str, Any]) -> None:
    """One line more, in one write; a torn last line is ended first."""
    raw = json.dumps(plain(line), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    with (workspace / ANSWERS).open("ab+", buffering=0) as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            raw = raw if file.read(1) == b"\n" else b"\n" + raw
        file.write(raw)
