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

    def take(descriptor: int) -> bool:
        """Take the exclusive lock of an open file; False when another writer holds it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True

else:

    def take(descriptor: int) -> bool:
        """No such locks on this system: every writer is let through."""
        return True


def is_held(path: Path) -> bool:
    """Whether a living process writes that file; False when it is not there."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not take(descriptor)
    finally:
        os.close(descriptor)
