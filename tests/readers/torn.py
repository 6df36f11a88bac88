"""A file that is cut off: it is read as far as it goes, or refused by its name."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.record import Record


def torn(path: Path, whole: bytes, cuts: Iterable[int]) -> Iterator[Record]:
    """What is read of the first bytes of a file, for each number of bytes; the refused left out."""
    for cut in cuts:
        path.write_bytes(whole[:cut])
        try:
            record = read(path)
        except DataError as error:
            assert str(path) in str(error)
        else:
            yield record
