"""TFRecord: the framing of TensorBoard's event files, taken apart for many records at once.

A record is its length (8 bytes), a checksum of that, the content and a checksum of the content.
Checksums are CRC-32C, "masked": turned by 15 bits and moved by a constant.
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

HEAD, FOOT = 12, 4
_BLOCK = 4096  # records between two looks at the checksums of their lengths
_REPAIRS = 1000  # damaged places after which the rest of a file is left out
_LENGTH = struct.Struct("<Q").unpack_from
_CHECKSUM = struct.Struct("<I").unpack_from
# A length below 64 KiB, any checksum, the begin of an Event or of any other message.
_LIKELY_HEAD = re.compile(rb"[\s\S]{2}\0{6}[\s\S]{4}[\x09\x0a\x1a]")


@dataclass(frozen=True, slots=True)
class Frames:
    """Where the contents of the records stand, in the order of the file.

    damaged: places where a length was wrong and records are lost; torn: whether the last record
    was cut off.
    """

    starts: Places
    lengths: Places
    damaged: int
    torn: bool


def frames(data: bytes) -> Frames:
    """Take a file apart. After a damaged length it goes on at the next record that is whole."""
    found: list[Places] = []
    at, damaged, torn = 0, 0, False
    while at < len(data):
        starts, after = _walk(data, at)
        found.append(starts)
        if after is not None:
            at = after
            continue
        at = (
            int(starts[-1] + _LENGTH(data, int(starts[-1]) - HEAD)[0]) + FOOT if len(starts) else at
        )
        if _head_is_whole(data, at) or len(data) - at < HEAD:
            torn = at < len(data)
            break
        damaged += 1
        following = _next_head(data, at + 1) if damaged < _REPAIRS else None
        if following is None:
            break
        at = following
    joined = np.concatenate(found) if found else np.zeros(0, np.int64)
    return Frames(joined, _lengths(data, joined), damaged, torn)


def _walk(data: bytes, at: int) -> tuple[Places, int | None]:
    """Starts of up to _BLOCK records from here whose lengths are right, and where to go on.

    None as the place to go on: the next record is torn or damaged, or the file ends.
    """
    starts: list[int] = []
    last = len(data) - HEAD - FOOT
    while at <= last and len(starts) < _BLOCK:
        end = at + HEAD + _LENGTH(data, at)[0] + FOOT
        if end > len(data):
            break
        starts.append(at + HEAD)
        at = end
    found = np.array(starts, np.int64)
    heads = rows(data, found - HEAD, HEAD)
    wrong = np.flatnonzero(masked(crc32c(heads[:, :8].T)) != _word(heads[:, 8:]))
    if len(wrong):
        return found[: wrong[0]], None
    return found, at if len(starts) == _BLOCK else None


def _next_head(data: bytes, at: int) -> int | None:
    """Where the next length stands whose checksum is right."""
    while (match := _LIKELY_HEAD.search(data, at)) is not None:
        at = match.start()
        if _head_is_whole(data, at):
            return at
        at += 1
    return None


def _head_is_whole(data: bytes, at: int) -> bool:
    if len(data) - at < HEAD:
        return False
    return checksum(data[at : at + 8]) == int(_CHECKSUM(data, at + 8)[0])


def _lengths(data: bytes, starts: Places) -> Places:
    return rows(data, starts - HEAD, 8).view("<i8")[:, 0].astype(np.int64)


def rows(data: bytes, starts: Places, width: int) -> Bytes:
    """The width bytes at each of the starts, (n, width)."""
    if not len(starts):
        return np.zeros((0, width), np.uint8)
    kind = np.dtype(f"V{width}")
    places: NDArray[Any] = np.ndarray((len(data) - width + 1,), kind, data, strides=(1,))
    return places[starts].view(np.uint8).reshape(len(starts), width)


def _word(four: Bytes) -> NDArray[np.uint32]:
    return np.ascontiguousarray(four).view("<u4")[:, 0].astype(np.uint32)


def whole(data: bytes, starts: Places, columns: Bytes) -> NDArray[np.bool_]:
    """Which records of one length have the content that their checksum is of.

    columns: their bytes, (length, n).
    """
    feet = rows(data, starts + len(columns), FOOT)
    return np.asarray(masked(crc32c(columns)) == _word(feet))


def checksum(content: bytes) -> int:
    """The masked checksum of one content."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _LISTED[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return int(masked(np.uint32(crc ^ 0xFFFFFFFF)))


def crc32c(columns: Bytes) -> NDArray[np.uint32]:
    """CRC-32C of n contents of one length at once. columns: (length, n)."""
    crc = np.full(columns.shape[1], 0xFFFFFFFF, np.uint32)
    for column in columns:
        crc = _TABLE[(crc ^ column) & 0xFF] ^ (crc >> 8)
    return crc ^ np.uint32(0xFFFFFFFF)


def masked(crc: Any) -> Any:
    """TFRecord's masking of uint32."""
    turned = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    with np.errstate(over="ignore"):
        return turned + np.uint32(0xA282EAD8)


def _table() -> NDArray[np.uint32]:
    table: NDArray[np.uint32] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (np.uint32(0x82F63B78) * (table & np.uint32(1)))
    return table


_TABLE = _table()
_LISTED: list[int] = _TABLE.tolist()
