"""Room on the disk: a little is set aside while a job runs, so that a full disk can be told of."""

import contextlib
import errno
import os
import shutil
from pathlib import Path

from huohou.record.workspace import RESERVE

SET_ASIDE = 1 << 20  # bytes: the last lines of both files and a transaction of the store
_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Libraries that write in other languages say it in words only.
_WORDS = ("no space left", "os error 28", "disk quota exceeded", "file too large", "disk is full")
# torch.save says no more when a disk is full; which of them depends on the byte it fails at.
_BLURRED = ("pytorchstreamwriter failed", "inline_container.cc", "iostream error")


def set_aside(folder: Path) -> None:
    """Take the room. Random bytes, for file systems that store zeros as nothing."""
    with (folder / RESERVE).open("wb") as out:
        out.write(os.urandom(SET_ASIDE))


def give_back(folder: Path) -> None:
    """Give the room back; without it this does nothing."""
    with contextlib.suppress(OSError):
        (folder / RESERVE).unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    """Bytes that can still be written on the folder's disk."""
    return shutil.disk_usage(folder).free


def is_full(error: BaseException | None, folder: Path) -> bool:
    """Whether an error, or one it came from, means that nothing more can be written."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _ERRORS:
            return True
        text = str(error).lower()
        if any(word in text for word in _WORDS):
            return True
        if any(word in text for word in _BLURRED) and free_bytes(folder) < SET_ASIDE:
            return True
        error = error.__cause__ or error.__context__
    return False
