"""``.wandb`` files of Weights & Biases: what a run writes beside itself, offline or not.

Records of protocol buffers in the log format of LevelDB: blocks of 32 KiB, records cut where a
block ends. A process that is killed leaves the last of them torn, and no word of its end.
Message numbers: ``wandb/proto/wandb_internal.proto`` of https://github.com/wandb/wandb.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._boards import Rows, facts_of_config, newest
from huohou.record.readers._ends import ending
from huohou.record.readers._protobuf import BYTES, VARINT, Field, MalformedError, fields, signed
from huohou.record.readers._rows import number
from huohou.record.readers._source import Source
from huohou.record.readers._tagged import together
from huohou.record.record import Record
from huohou.text import say

_MAGIC = b":W&B\xe1\xbe"
_BLOCK, _HEADER = 32768, 7
_HEAD = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_LONG_VALUE = 64  # characters of a number at most: what is longer is a table or a picture
_LONG_SETTINGS = 300_000  # characters of all settings that are read
_CONSOLE = 65_536  # bytes of the end of what was printed
_INTERRUPTED = 255  # exit code after Ctrl-C
_PATTERNS = ("*.wandb", "wandb/*run-*/*.wandb", "*run-*/*.wandb", "*/wandb/*run-*/*.wandb")


@dataclass(slots=True)
class _Run:
    """What the records say. written: characters of settings; console: the end of what the process
    printed."""

    rows: Rows = field(default_factory=Rows)
    config: dict[str, Any] = field(default_factory=dict)
    written: int = 0
    name: str = ""
    exit_code: int | None = None
    console: bytearray = field(default_factory=bytearray)
    damaged: int = 0


def read_wandb(source: Source) -> Record:
    """Read a .wandb file. Raises DataError when nothing was logged in it."""
    data, run = source.data, _Run()
    for index, content in enumerate(_records(data, run), start=1):
        try:
            _take(content, index, run)
        except MalformedError:
            run.damaged += 1
    found = together(run.rows.tags())
    if not found.series:
        key = "reader.wandb_damaged" if run.damaged else "reader.wandb_nothing"
        raise DataError(key, path=source.path, n=run.damaged)
    notes = (say("reader.damaged_records", n=run.damaged),) if run.damaged else ()
    facts = facts_of_config(run.config) | _ended(run) | found.facts
    where: dict[str, Any] = {"path": str(source.path), "reader": "wandb"}
    where |= {"run": run.name} if run.name else {}
    return Record(where, found.series, facts, (*found.notes, *run.rows.notes, *notes))


def _records(data: bytes, run: _Run) -> Iterator[bytes]:
    """Contents of the records. Damaged parts are counted, a torn tail is normal."""
    at, whole = _HEADER, b""
    parts: list[bytes] = []
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left
            continue
        checksum, length, kind = _HEAD.unpack_from(data, at)
        begin = at + _HEADER
        if length > left - _HEADER or not _FULL <= kind <= _LAST:
            # No record: the rest of the block is lost, or was filled with zeros before it is used.
            run.damaged += any(data[at : at + left])
            parts, at = [], at + left
            continue
        at = begin + length
        if at > len(data):
            return
        part = data[begin:at]
        if zlib.crc32(part, zlib.crc32(bytes([kind]))) != checksum:
            run.damaged += 1
            parts = []
            continue
        if kind in (_FULL, _FIRST):
            parts = []
        elif not parts:  # its begin was damaged
            continue
        parts.append(part)
        if kind in (_FULL, _LAST):
            whole = b"".join(parts)
            parts = []
            yield whole


def _take(content: bytes, index: int, run: _Run) -> None:
    for part in fields(content):
        if part.kind != BYTES:
            continue
        match part.number:  # of Record: history, config, output_raw, run, exit
            case 2:
                run.rows.add(_numbers(content, part), index)
            case 5:
                _settings(content, part, run)
            case 13:
                _print(content, part, run.console)
            case 17:
                _describe(content, part, run)
            case 18:
                codes = [
                    one.value for one in fields(content, part.begin, part.end) if one.number == 1
                ]
                run.exit_code = signed(codes[-1]) if codes else 0


def _numbers(content: bytes, history: Field) -> Iterator[tuple[str, float]]:
    """Names and numbers of a row; what is no number (a picture, a table, a text) is left out."""
    for item in fields(content, history.begin, history.end):
        if item.number == 1 and item.kind == BYTES:
            name, value = _item(content, item)
            if name and value is not None:
                yield name, value
        elif item.number == 2 and item.kind == BYTES:
            for one in fields(content, item.begin, item.end):
                if one.number == 1 and one.kind == VARINT:
                    yield "_step", float(signed(one.value))


def _item(content: bytes, item: Field) -> tuple[str, float | None]:
    """key or nested_key, and the value: as JSON, or by its kind as newer versions write it."""
    name, nested, value = "", [], None
    for part in fields(content, item.begin, item.end):
        written = content[part.begin : part.end]
        match part.number, part.kind:
            case 1, 2:
                name = written.decode("utf-8", "replace")
            case 2, 2:
                nested.append(written.decode("utf-8", "replace"))
            case 5, 0:  # sint64: the sign is in the lowest bit
                value = float(part.value >> 1 if part.value % 2 == 0 else -(part.value + 1 >> 1))
            case 6, 1:
                value = float(struct.unpack("<d", written)[0])
            case ((8 | 16), 2):
                value = _json_number(written)
    return name or ".".join(nested), value


def _json_number(written: bytes) -> float | None:
    if len(written) > _LONG_VALUE:
        return None
    return number(written.decode("ascii", "replace").strip('"'))


def _describe(content: bytes, span: Field, run: _Run) -> None:
    for part in fields(content, span.begin, span.end):
        if part.number == 8 and part.kind == BYTES:
            run.name = content[part.begin : part.end].decode("utf-8", "replace")
        elif part.number == 4 and part.kind == BYTES:
            _settings(content, part, run)


def _settings(content: bytes, span: Field, run: _Run) -> None:
    """Settings of a ConfigRecord: name, or names of nested ones, and the value as JSON."""
    for update in fields(content, span.begin, span.end):
        if update.number != 1 or update.kind != BYTES:
            continue
        parts = list(fields(content, update.begin, update.end))
        names = [
            content[p.begin : p.end].decode("utf-8", "replace") for p in parts if p.number <= 2
        ]
        values = [content[p.begin : p.end] for p in parts if p.number == 16]
        if not names or not values:
            continue
        run.written += len(values[-1])
        if run.written > _LONG_SETTINGS:
            return
        try:
            run.config[names[-1]] = json.loads(values[-1])
        except (ValueError, RecursionError):
            continue


def _print(content: bytes, span: Field, console: bytearray) -> None:
    """Keep the end of the console. What is printed comes in pieces."""
    for part in fields(content, span.begin, span.end):
        if part.number == 3 and part.kind == BYTES:
            console += content[part.begin : part.end]
    if len(console) > 2 * _CONSOLE:
        del console[:-_CONSOLE]


def _ended(run: _Run) -> dict[str, Any]:
    """How the process ended: by its exit code and what it printed last, if it said either."""
    if run.exit_code == 0:
        return {"finished": True}
    said = ending(run.console.decode("utf-8", "replace"))
    facts = said.facts() if said else {}
    facts.pop("ended_line", None)  # a line of the console, not of the file
    if run.exit_code is None:
        return facts
    if run.exit_code != _INTERRUPTED:
        facts.setdefault("crash", say("reader.exit_code", code=run.exit_code))
    return {"finished": False} | facts


def read_folder(folder: Path) -> Record | None:
    """The newest run in a folder that has points. Raises DataError when no run has any."""
    found = {path.resolve(): path for pattern in _PATTERNS for path in sorted(folder.glob(pattern))}
    order = sorted(found.values(), key=_began, reverse=True)
    runs = [(str(path), partial(_read_path, path)) for path in order if path.is_file()]
    return newest(runs)


def _read_path(path: Path) -> Record:
    source = Source.open(path)
    if not _recognises(source):
        raise DataError("reader.unknown", path=path, known="wandb")
    return read_wandb(source)


def _began(path: Path) -> tuple[str, str]:
    """Folders of runs are called offline-run-20261122_113135-owtwflw2."""
    return path.resolve().parent.name.partition("run-")[2], str(path)


def _recognises(source: Source) -> bool:
    return source.data.startswith(_MAGIC)


readers.register("wandb")(
    Reader(
        _recognises,
        read_wandb,
        ("*.wandb", "wandb/*run-*/*.wandb", "*run-*/*.wandb"),
        rank=1,
        folder=read_folder,
    )
)
