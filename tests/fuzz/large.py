"""Time and memory of every reader on large files: its own made large, and those that break parsers.

Run as: python tests/fuzz/large.py, or `make fuzz`. Ends with 1 where a reader takes too long or
too much, and says which and on what.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.attempt import SIZES, BrokenPromiseError, hold
from fuzz.grown import grown
from fuzz.nasty import WHOLE
from fuzz.samples import samples


def files(reader: str) -> Iterator[tuple[str, bytes]]:
    """What a reader is tried on, and what that is called."""
    for size in SIZES:
        yield f"its own format, {size} bytes", grown(reader, size)
        for name, make in WHOLE.items():
            yield f"{name}, {size} bytes", make(size)


def main() -> int:
    """Try them all."""
    broken = 0
    with tempfile.TemporaryDirectory() as top:
        for reader, sample in samples().items():
            path = Path(top) / sample[0]
            for name, content in files(reader):
                path.write_bytes(content)
                try:
                    hold(path, reader)
                except BrokenPromiseError as error:
                    broken += 1
                    sys.stderr.write(f"{reader} on {name}: {error}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
