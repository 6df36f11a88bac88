"""A file as readers see it: its bytes, its text, its numbered lines. Read once."""

import codecs
import json
import re
from collections.abc import Iterator
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson

from huohou.errors import DataError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Colours and movements of the cursor, and titles of the window.
_CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\n]{0,200}\x07|[()][A-Z0-9]|[=>])")
_HEAD = 1 << 18  # bytes
_SAMPLE = 1 << 22
# What json takes and orjson does not: NaN, numbers too large for a float, half of a pair of
# surrogates, bytes that are no UTF-8.
_ONLY_JSON = re.compile(rb"NaN|Infinity|[eE]\+?\d{3}|\d{300}|\\u[dD]|[\x80-\xff]")
_WIDEST = re.compile(rb"[\xf0-\xf4]")
LONG = 1 << 16  # bytes of a JSON document
BESIDE = 900_000  # bytes that may be needed whatever the size of a file
_LFS = b"version https://git-lfs.github.com/spec/"


class Source:
    """One file. Text is UTF-8 unless a byte order mark says otherwise; a bad byte spoils only
    its own character."""

    def __init__(self, path: Path, data: bytes, run: str = "") -> None:
        self.path = path
        self.data = data
        self.run = run

    @classmethod
    def open(cls, path: Path) -> "Source":
        """Read the file. Raises DataError when there is none, it is empty or a Git-LFS pointer."""
        path, run = file_and_run(path)
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
        return cls(path, data, run)

    @cached_property
    def text(self) -> str:
        """The whole text. What needs less takes ``head`` or ``lines``: a log may be long."""
        return self.data.decode(self._encoding, errors="replace")

    @cached_property
    def head(self) -> str:
        """The begin of the text, for telling what it is."""
        if len(self.data) <= _HEAD:
            return self.text
        return self.data[:_HEAD].decode(self._encoding, errors="replace")

    @cached_property
    def utf8(self) -> bytes:
        """The text as UTF-8, without a byte order mark; bad bytes stay where it was UTF-8."""
        if self._encoding == "utf-8":
            return self.data
        if self._encoding == "utf-8-sig":
            return self.data[len(codecs.BOM_UTF8) :]
        return self.text.encode("utf-8", errors="replace")

    @cached_property
    def _encoding(self) -> str:
        marked = (encoding for mark, encoding in _MARKS if self.data.startswith(mark))
        return next(marked, "utf-8")

    @cached_property
    def plain(self) -> str:
        """The text without what only a terminal understands; old Mac line ends made new.

        Carriage returns of progress bars stay: they are part of their line.
        """
        return _plain(self.text)

    @cached_property
    def sample(self) -> str:
        """The first mebibytes of ``plain``, for telling what a long text is."""
        if len(self.data) <= _SAMPLE:
            return self.plain
        return _plain(self.data[:_SAMPLE].decode(self._encoding, errors="replace"))

    @cached_property
    def is_text(self) -> bool:
        """Whether it is text at all: no NUL among its first characters."""
        return "\0" not in self.head[:8192]

    def forget(self) -> None:
        """Give back the memory of the texts: who reads may need others than who was asked."""
        for name in ("text", "head", "plain", "sample"):
            self.__dict__.pop(name, None)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Line numbers from 1 and lines that are not empty, without their ends."""
        for number, line in enumerate(BytesIO(self.utf8), start=1):
            if stripped := line.decode("utf-8", errors="replace").strip():
                yield number, stripped

    def raw_lines(self) -> Iterator[tuple[int, bytes]]:
        """Line numbers from 1 and all lines as UTF-8, ends included."""
        return enumerate(BytesIO(self.utf8), start=1)


def _plain(text: str) -> str:
    text = _CONTROL.sub("", text) if "\x1b" in text else text
    return text if "\n" in text else text.replace("\r", "\n")


def file_and_run(path: Path) -> tuple[Path, str]:
    """A file of several runs and the one that is meant, from "mlflow.db#my-run"."""
    name, _, run = path.name.rpartition("#")
    return (path.with_name(name), run) if name and not path.exists() else (path, "")


def newest_rows(path: Path) -> list[Path]:
    """The write-ahead log of a SQLite database, where there is one."""
    log = path.with_name(f"{path.name}-wal")
    return [log] if path.suffix in (".db", ".sqlite", ".sqlite3") and log.exists() else []


def decoded(raw: bytes) -> Any:
    """One JSON document, bare NaN and Infinity allowed. Raises ValueError where it is broken.

    A long one is left to json: orjson asks for twelve times its size beforehand.
    """
    try:
        if len(raw) <= LONG:
            return orjson.loads(raw)
    except orjson.JSONDecodeError:
        if not _ONLY_JSON.search(raw):
            raise
    if too_dense(raw):
        raise ValueError("too many tiny values")
    try:
        return json.loads(raw.decode("utf-8", errors="replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def too_dense(raw: bytes) -> bool:
    """Whether a JSON document would take more than ten times its size in memory: itself, its text
    and its objects, and beside that a fixed amount.

    Counted with what objects take in CPython 3.11: 180 bytes a small one, 60 for a list, 36 for
    each number in them; 150 with all that a reader keeps for each name, which only the objects of
    one document have in common. Each character of a text takes as much as its widest: four bytes
    with an emoji in it.
    """
    objects = raw.count(b"{")
    taken = 180 * objects + 60 * raw.count(b"[") + 36 * raw.count(b",")
    taken += 150 * raw.count(b'":') // max(objects, 1)
    left = 8 if raw.isascii() else 5 if _WIDEST.search(raw) else 7
    return taken > left * len(raw) + BESIDE


def parsed(source: Source) -> Any:
    """A source that is one JSON document. Raises DataError with the line where it is broken."""
    raw = source.utf8
    if too_dense(raw):
        raise DataError("reader.too_dense", path=source.path)
    try:
        return decoded(raw)
    except json.JSONDecodeError as error:
        where = f"{source.path}:{error.lineno}"
        raise DataError("reader.broken_json", where=where, problem=error.msg) from error
    except ValueError as error:
        raise DataError("reader.broken_json", where=source.path, problem=error) from error
