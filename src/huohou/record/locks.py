"""One writer a file: whoever appends to a file holds its lock until the process ends.

The lock goes with the process, so a held lock is also the proof that its writer lives. Where the
system or the file system has no such locks (Windows, some network shares), nothing is known and
nothing is refused.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TRIES = 10  # how often a lock that has a writer is tried for,
_PAUSE = 0.01  # so many seconds apart
_LOOK = 60.0  # seconds: a look takes microseconds, but who looks may be held up in the middle of it

if sys.platform != "win32":
    import fcntl

    def take(descriptor: int, shared: bool = False) -> bool | None:
        """Take an open file's lock. False: another process has it; None: unknown."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return None
        return True

    def _only_looked_at(descriptor: int) -> bool:
        """Whether those who have the lock only look: with them it can be shared."""
        if not take(descriptor, shared=True):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return True

else:

    def take(descriptor: int, shared: bool = False) -> bool | None:
        """No such locks on this system: unknown."""
        return None

    def _only_looked_at(descriptor: int) -> bool:
        """Nobody can look here."""
        return False


def acquire(descriptor: int) -> bool | None:
    """Like take, but not refused because another process looks at the lock in this moment."""
    tries, until = _TRIES, time.monotonic() + _LOOK
    while (taken := take(descriptor)) is False:
        tries -= not _only_looked_at(descriptor)
        if tries <= 0 or time.monotonic() > until:
            break
        time.sleep(_PAUSE)
    return taken


@contextmanager
def held(path: Path) -> Iterator[bool | None]:
    """Keep a file from its writer for a moment, also one that is only about to open it.

    False: it has a writer; None: unknown. The file is made when it is not there.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield take(descriptor)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool | None:
    """Whether a living process writes that file; None where that cannot be known."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        taken = take(descriptor, shared=True)  # two who look do not see each other
    finally:
        os.close(descriptor)
    return None if taken is None else not taken
