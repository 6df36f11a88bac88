"""Writes TensorBoard event files: just enough for scalars.

A record is its length (u64), the masked CRC-32C of that, the event as protobuf, and its masked
CRC-32C. Source: tensorflow/core/lib/io/record_writer.h and event.proto.
"""

import struct
from typing import BinaryIO

_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted as the record format wants it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _record(file: BinaryIO, event: bytes) -> None:
    length = struct.pack("<Q", len(event))
    file.write(length + struct.pack("<I", masked_crc(length)))
    file.write(event + struct.pack("<I", masked_crc(event)))


def header(file: BinaryIO, t: float) -> None:
    """The first event of every file."""
    _record(file, b"\x09" + struct.pack("<d", t) + _bytes(3, b"brain.Event:2"))


def scalar(file: BinaryIO, t: float, step: int, tag: str, value: float) -> None:
    """One value of one series."""
    inner = _bytes(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
    event = b"\x09" + struct.pack("<d", t) + b"\x10" + _varint(step)
    _record(file, event + _bytes(5, _bytes(1, inner)))
