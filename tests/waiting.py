"""Waiting for what comes by itself. The limits end a test that hangs, and nothing else: no machine
is so slow, and none so busy, that it takes that long."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 600.0  # seconds


def wait_until(is_so: Callable[[], object], seconds: float = PATIENCE, every: float = 0.05) -> None:
    """Ask every so many seconds, until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(every)


async def until(is_so: Callable[[], object]) -> None:
    """The same in an event loop."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        await asyncio.sleep(0.01)


@contextmanager
def no_longer(seconds: float = PATIENCE) -> Iterator[None]:
    """Break off what hangs; for the main thread, where signals arrive."""

    def hangs(number: int, frame: object) -> None:
        raise AssertionError(f"it hangs: not over after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
