"""A file as readers see it: its bytes, its text, its numbered lines. Read once."""

import codecs
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from huohou.errors import DataError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LFS = b"version https://git-lfs.github.com/spec/"


class Source:
    """One file. Text is UTF-8 unless a byte order mark says otherwise; a bad byte spoils only
    its own character."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path = path
        self.data = data

    @classmethod
    def open(cls, path: Path) -> "Source":
        """Read the file. Raises DataError when there is none, it is empty or a Git-LFS pointer."""
        if not path.exists():
            raise DataError("reader.missing", path=path)
        if not path.is_file():
            raise DataError("reader.not_a_file", path=path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError("reader.unreadable", path=path, problem=error.strerror) from error
        if not data.strip():
            raise DataError("reader.empty", path=path)
        if data.startswith(_LFS):
            raise DataError("reader.lfs", path=path)
        return cls(path, data)

    @cached_property
    def text(self) -> str:
        """The whole text."""
        for mark, encoding in _MARKS:
            if self.data.startswith(mark):
                return self.data.decode(encoding, errors="replace")
        return self.data.decode("utf-8", errors="replace")

    @cached_property
    def is_text(self) -> bool:
        """Whether it is text at all: no NUL among its first characters."""
        return "\0" not in self.text[:8192]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Line numbers from 1 and lines that are not empty, without their ends."""
        for number, line in enumerate(self.text.split("\n"), start=1):
            if stripped := line.strip():
                yield number, stripped


def parsed(source: Source) -> Any:
    """A source that is one JSON document. Raises DataError with the line where it is broken."""
    try:
        return json.loads(source.text)
    except json.JSONDecodeError as error:
        where = f"{source.path}:{error.lineno}"
        raise DataError("reader.broken_json", where=where, problem=error.msg) from error
    except (ValueError, RecursionError) as error:
        raise DataError("reader.broken_json", where=source.path, problem=error) from error
