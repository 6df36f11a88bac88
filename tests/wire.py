"""Protocol buffers written by hand: for event files of TensorBoard and runs of W&B."""


def varint(value: int) -> bytes:
    """A whole number, seven bits a byte."""
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def key(number: int, kind: int) -> bytes:
    """What stands before a field."""
    return varint(number << 3 | kind)


def block(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return key(number, 2) + varint(len(content)) + content
