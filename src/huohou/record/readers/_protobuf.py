"""The wire format of protocol buffers, as far as logs need it: fields, and where they stand.

https://protobuf.dev/programming-guides/encoding/. No message is interpreted here: a reader says
which field numbers it wants. Spans are offsets into the bytes of the file, nothing is copied.
"""

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_LONGEST = 10  # bytes of a varint of 64 bits


class MalformedError(ValueError):
    """Bytes that are no message."""


class Field(NamedTuple):
    """One field: its number and wire type, where its content stands, and a varint's value."""

    number: int
    kind: int
    begin: int
    end: int
    value: int = 0


def fields(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message in data[begin:end]. Raises MalformedError where it is none."""
    at = begin
    end = len(data) if end is None else end
    while at < end:
        key, at = varint(data, at, end)
        number, kind = key >> 3, key & 7
        start, value = at, 0
        if kind == VARINT:
            value, at = varint(data, at, end)
        elif kind == BYTES:
            length, start = varint(data, at, end)
            at = start + length
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        else:
            raise MalformedError
        if at > end or number == 0:
            raise MalformedError
        yield Field(number, kind, start, at, value)


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and where it ends. Raises MalformedError.

    >>> varint(bytes([0xAC, 0x02]), 0, 2)
    (300, 2)
    """
    value = 0
    for i, byte in enumerate(data[at : min(end, at + _LONGEST)]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + i + 1
    raise MalformedError


def signed(value: int) -> int:
    """A varint of type int64: negative ones are written as two's complement.

    >>> signed(2**64 - 1)
    -1
    """
    return value - 2**64 if value >= 2**63 else value
