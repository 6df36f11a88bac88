"""One writer a file: whoever appends to a file holds its lock until the process ends.

The lock goes with the process, so a held lock is also the proof that its writer lives. Where the
system or the file system has no such locks (Windows, some network shares), nothing is known and
nothing is refused.
"""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

    def take(descriptor: int) -> bool | None:
        """Take an open file's exclusive lock. False: another writer has it; None: unknown."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return None
        return True

else:

    def take(descriptor: int) -> bool | None:
        """No such locks on this system: unknown."""
        return None


def is_held(path: Path) -> bool | None:
    """Whether a living process writes that file; None where that cannot be known."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        taken = take(descriptor)
    finally:
        os.close(descriptor)
    return None if taken is None else not taken
