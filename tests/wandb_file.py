"""A ``.wandb`` file, put together byte by byte."""

import json
import struct
import zlib

from wire import block, key, varint

HEADING = b":W&B" + struct.pack("<HB", 0xBEE1, 0)


def item(name: str, value: object, nested: bool = True) -> bytes:
    path = name.split("/") if nested and name.startswith("nested/") else [name]
    where = (
        b"".join(block(2, part.encode()) for part in path) if nested else block(1, name.encode())
    )
    return block(1, where + block(16, json.dumps(value).encode()))


def row(step: int, **values: object) -> bytes:
    named = {"_step": step, "_timestamp": 1.7e9 + step} | values
    return block(2, b"".join(item(name, value) for name, value in named.items()))


def config(**values: object) -> bytes:
    return block(5, b"".join(item(name, value, nested=False) for name, value in values.items()))


def ended(code: int) -> bytes:
    return block(18, (key(1, 0) + varint(code)) if code else b"")


def framed(*records: bytes) -> bytes:
    """Records as LevelDB's log has them: cut where a block of 32 KiB ends."""
    out = HEADING
    for record in records:
        rest, first = record, True
        while first or rest:
            left = 32768 - len(out) % 32768
            if left < 7:
                out += b"\0" * left
                continue
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = (1 if not rest else 2) if first else (4 if not rest else 3)
            crc = zlib.crc32(bytes([kind]) + part)
            out += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
    return out
