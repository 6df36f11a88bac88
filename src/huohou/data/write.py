"""Rows to JSONL files, never over what is there unless told."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from huohou.data.dataset import Row
from huohou.errors import DataError, UsageError


def write_rows(files: Mapping[Path, Iterable[Row]], *, force: bool = False) -> None:
    """Write each file's rows, one JSON object a line; folders are made.

    All targets are looked at before the first is written. Raises UsageError when one is there and
    ``force`` is not given, DataError when the disk does not take it (a full one, for example).
    """
    write_texts(
        {
            path: "".join(f"{json.dumps(r.as_dict(), ensure_ascii=False)}\n" for r in rows)
            for path, rows in files.items()
        },
        force=force,
    )


def write_texts(files: Mapping[Path, str], *, force: bool = False) -> None:
    """Write each file's text, as ``write_rows`` does."""
    refuse_existing(files, force=force)
    for path, text in files.items():
        _write(path, text)


def refuse_existing(paths: Iterable[Path], *, force: bool = False) -> None:
    """Raise UsageError for a file that is there, without ``force``, and for what is no file."""
    for path in paths:
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise UsageError("data.target_not_file", path=path)
        if path.exists() and not force:
            raise UsageError("data.exists", path=path)


def _write(path: Path, text: str) -> None:
    """Beside the target first, so that a full disk leaves neither half a file nor none."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        if part.is_file():
            part.unlink()
        raise DataError("data.cannot_write", path=path, problem=error.strerror) from error
