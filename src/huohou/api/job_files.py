"""Files of a run's folder and its log, as a page reads them. Nothing outside the folder is read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from huohou.api.common import numbered
from huohou.errors import UsageError

MOST = 2000  # files that are listed
PAGE = 20_000  # bytes of a log that are read at once
LARGEST = 2_000_000
_SEARCH = 200  # characters that are searched for


def log_page(
    number: int, *, end: int | None = None, size: int = PAGE, text: str = ""
) -> dict[str, Any]:
    """A part of a run's train.log: ``begin``, ``end``, ``size`` in bytes, and ``lines``.

    Whole lines that end at byte `end` or before it, about `size` bytes of them, by default the
    last: asking with end=begin gives those before. ``partial``: what a line without its end shows
    by now. text: instead lines that have it in them, each ``{"byte", "text"}``, the last one
    first; what stands from ``begin`` on was looked through. Raises UsageError.
    """
    from huohou.jobs import logs
    from huohou.record.workspace import TRAIN_LOG

    try:
        path = job_file(number, TRAIN_LOG)
    except UsageError as error:
        if error.key != "job.no_file":
            raise
        return {"schema": 1, "begin": 0, "end": 0, "size": 0, "lines": [], "partial": ""}
    if text:
        found = logs.search(path, text[:_SEARCH], end)
        lines = [{"byte": byte, "text": line} for byte, line in found.lines]
        place = {"begin": found.begin, "end": found.end, "size": found.size}
        return {"schema": 1, **place, "lines": lines, "partial": ""}
    page = logs.page(path, end, min(max(size, 1), LARGEST))
    place = {"begin": page.begin, "end": page.end, "size": page.size}
    return {"schema": 1, **place, "lines": page.lines, "partial": page.partial}


def job_files(number: int) -> dict[str, Any]:
    """Files of a run's folder: path in it, bytes, mtime (unix seconds), by path.

    Links that lead out of it, hidden files and what is no file are left out; ``left_out``: how
    many of more than MOST. Raises UsageError.
    """
    folder = numbered(number).folder
    found = sorted(_files(folder), key=lambda one: one["path"])
    return {"schema": 1, "files": found[:MOST], "left_out": max(len(found) - MOST, 0)}


def _files(folder: Path) -> Iterator[dict[str, Any]]:
    root = folder.resolve()
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            seen = None if name.startswith(".") else _seen(root, path)
            if seen is not None:
                shown = path.relative_to(root).as_posix()
                told = shown.encode("utf-8", "replace").decode()
                yield {"path": told, "bytes": seen.st_size, "mtime": seen.st_mtime}


def _seen(root: Path, path: Path) -> os.stat_result | None:
    """What there is to know of a file; None for what is none, or a link that leads out."""
    try:
        seen = path.lstat()
        if stat.S_ISLNK(seen.st_mode):
            where = path.resolve(strict=True)
            seen = where.stat() if where.is_relative_to(root) else seen
    except (OSError, RuntimeError):  # gone in this moment, or a link to itself
        return None
    return seen if stat.S_ISREG(seen.st_mode) else None


def job_file(number: int, path: str) -> Path:
    """Where a file of a run's folder is. Raises UsageError for what is not one of ``job_files``."""
    return inside(numbered(number).folder, path)


def inside(folder: Path, path: str) -> Path:
    """A file in a folder by its path there; nothing that leads out of it, hidden or no file.

    Raises UsageError.
    """
    unknown = UsageError("job.no_file", path=path[:200], folder=folder.name)
    parts = PurePosixPath(path).parts
    plain = not any(part.startswith(".") or "\\" in part or ":" in part for part in parts)
    if not parts or not plain or path.startswith("/") or path.endswith("/") or "\0" in path:
        raise unknown
    root = folder.resolve()
    try:
        found = root.joinpath(*parts).resolve(strict=True)
        is_file = stat.S_ISREG(found.stat().st_mode)
    except (OSError, RuntimeError, ValueError):
        raise unknown from None
    if not is_file or not found.is_relative_to(root):
        raise unknown
    return found
