"""One event of a TensorBoard file, field by field: where its time, its step and numbers stand.

Messages: https://github.com/tensorflow/tensorflow, ``core/util/event.proto``,
``core/framework/{summary,tensor}.proto``; ``plugins/hparams/plugin_data.proto`` of TensorBoard.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.record.readers._protobuf import BYTES, VARINT, Field, fields, signed

Floats = NDArray[np.float64]

_TEXT = 1_000_000  # bytes of a text that are kept
_NUMBERS = 10_000  # numbers of an event that are kept

# How elements of a tensor are written: DataType of tensor.proto to numpy.
_DTYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 14: "bfloat16",
    17: "<u2", 19: "<f2", 22: "<u4", 23: "<u8",
}  # fmt: skip
_TENSOR_FIXED = {5: "<f4", 6: "<f8"}
_TENSOR_VARINT = frozenset({7, 10, 11, 16, 17})
_HALF = 13


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number of an event. Where it stands and how it is written, or itself as a varint."""

    tag: bytes
    dtype: str
    begin: int
    end: int
    value: float | None = None


@dataclass(slots=True)
class Event:
    """One record. time and step as fields, None where they are not written (0 in proto3)."""

    time: Field | None = None
    step: Field | None = None
    scalars: list[Scalar] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    restart: bool = False

    @property
    def alike(self) -> bool:
        """Whether records like this can be read by where things stand in it."""
        return bool(self.scalars) and all(one.value is None for one in self.scalars)


def parse(data: bytes, begin: int, end: int) -> Event:
    """The event in data[begin:end], field by field. Raises MalformedError when it is none."""
    event = Event()
    for part in fields(data, begin, end):
        match part.number, part.kind:
            case 1, 1:
                event.time = part
            case 2, 0:
                event.step = part
            case 5, 2:
                for value in fields(data, part.begin, part.end):
                    if value.number == 1 and value.kind == BYTES and len(event.scalars) < _NUMBERS:
                        _value(data, value, event)
            case 7, 2:  # SessionLog; status 1: START
                log = list(fields(data, part.begin, part.end))
                event.restart = any(one.number == 1 and one.value == 1 for one in log)
    return event


def _value(data: bytes, span: Field, event: Event) -> None:
    tag, plugin, content = b"", b"", b""
    simple = tensor = None
    for part in fields(data, span.begin, span.end):
        match part.number, part.kind:
            case 1, 2:
                tag = data[part.begin : part.end]
            case 2, 5:
                simple = part
            case 8, 2:
                tensor = part
            case 9, 2:
                plugin, content = _plugin(data, part)
    if simple is not None:
        event.scalars.append(Scalar(tag, "<f4", simple.begin, simple.end))
    elif plugin == b"hparams":
        event.settings |= dict(_hparams(data, content))
    elif tensor is not None and plugin in (b"", b"scalars", b"text"):
        _tensor(data, tensor, tag, event)


def _plugin(data: bytes, span: Field) -> tuple[bytes, bytes]:
    """Name and content of SummaryMetadata.plugin_data."""
    name = content = b""
    for part in fields(data, span.begin, span.end):
        if part.number == 1 and part.kind == BYTES:
            for inner in fields(data, part.begin, part.end):
                if inner.kind == BYTES and inner.number == 1:
                    name = data[inner.begin : inner.end]
                elif inner.kind == BYTES and inner.number == 2:
                    content = data[inner.begin : inner.end]
    return name, content


def _tensor(data: bytes, span: Field, tag: bytes, event: Event) -> None:
    """A tensor of one number is a scalar; one of texts is the first of them."""
    dtype, found, texts = 0, [], []
    for part in fields(data, span.begin, span.end):
        if part.number == 1 and part.kind == VARINT:
            dtype = part.value
        elif part.number == 8 and part.kind == BYTES:
            texts.append(part)
        elif part.number in (4, *_TENSOR_FIXED, _HALF, *_TENSOR_VARINT):
            found.append(part)
    if texts:
        text = data[texts[0].begin : min(texts[0].end, texts[0].begin + _TEXT)]
        event.texts.append((tag.decode("utf-8", "replace"), text.decode("utf-8", "replace")))
    elif len(found) == 1 and (one := _element(data, found[0], dtype, tag)) is not None:
        event.scalars.append(one)


def _element(data: bytes, part: Field, dtype: int, tag: bytes) -> Scalar | None:
    """The only number of a tensor; None where there are more."""
    if part.number == 4 and part.kind == BYTES:
        written = _DTYPES.get(dtype, "")
        size = 2 if written == "bfloat16" else np.dtype(written).itemsize if written else -1
        alone = size == part.end - part.begin
        return Scalar(tag, written, part.begin, part.end) if alone else None
    if part.number in _TENSOR_FIXED:
        written = _TENSOR_FIXED[part.number]
        alone = part.kind != VARINT and part.end - part.begin == np.dtype(written).itemsize
        return Scalar(tag, written, part.begin, part.end) if alone else None
    value = _only_varint(data, part)
    if value is None:
        return None
    if part.number == _HALF:
        half = (value & 0xFFFF).to_bytes(2, "little")
        return Scalar(tag, "", 0, 0, number(half, _DTYPES.get(dtype, "<f2")))
    return Scalar(tag, "", 0, 0, float(signed(value) if part.number in (7, 10) else value))


def _only_varint(data: bytes, part: Field) -> int | None:
    """A number that is written by itself, or packed alone."""
    if part.kind == VARINT:
        return part.value
    ends = [i for i in range(part.begin, min(part.end, part.begin + 11)) if data[i] < 0x80]
    if part.kind != BYTES or ends != [part.end - 1]:
        return None
    value = 0
    for i, byte in enumerate(data[part.begin : part.end]):
        value |= (byte & 0x7F) << (7 * i)
    return value & 0xFFFF_FFFF_FFFF_FFFF


def _hparams(data: bytes, content: bytes) -> Iterator[tuple[str, Any]]:
    """Settings of HParamsPluginData.session_start_info: a map of names to protobuf's Value."""
    for info in fields(content):
        if info.number != 3 or info.kind != BYTES:
            continue
        for entry in fields(content, info.begin, info.end):
            if entry.number == 1 and entry.kind == BYTES:
                parts = {one.number: one for one in fields(content, entry.begin, entry.end)}
                if 1 in parts and 2 in parts:
                    name = content[parts[1].begin : parts[1].end].decode("utf-8", "replace")
                    yield name, _struct_value(content, parts[2])


def _struct_value(content: bytes, span: Field) -> Any:
    for one in fields(content, span.begin, span.end):
        match one.number, one.kind:
            case 2, 1:
                return struct.unpack_from("<d", content, one.begin)[0]
            case 3, 2:
                return content[one.begin : one.end].decode("utf-8", "replace")
            case 4, 0:
                return bool(one.value)
    return None


def numbers(columns: NDArray[np.uint8], dtype: str) -> Floats:
    """Numbers that are written in these bytes, (bytes, n)."""
    written = np.ascontiguousarray(columns.T)
    if dtype == "bfloat16":  # the upper half of a float32
        halves = written.view("<u2")[:, 0].astype(np.uint32) << 16
        return halves.view(np.float32).astype(np.float64)
    return written.view(dtype)[:, 0].astype(np.float64)


def number(written: bytes, dtype: str) -> float:
    """The number that is written in these bytes."""
    return float(numbers(np.frombuffer(written, np.uint8)[:, None], dtype)[0])
