"""Threads that compute one after the other, in the order in which they came.

Python computes in one thread at a time, and threads that all want to lose a quarter of it to taking
it from each other. Who waits in a row gets the same answers sooner, and none waits longer than
those before it take.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Self


class Turns:
    """Held by ``with``, by one thread at a time; first come, first served. Not to be held twice."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    def __enter__(self) -> Self:
        with self._lock:
            if not self._taken:
                self._taken = True
                return self
            called = Lock()
            called.acquire()
            self._waiting.append(called)
        with ExitStack() as interrupted:  # then whoever comes next must not wait for this one
            interrupted.callback(self._left, called)
            called.acquire()
            interrupted.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have their turns meanwhile: within ``with``, while something else computes."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def _left(self, called: Lock) -> None:
        with self._lock:
            if called in self._waiting:
                self._waiting.remove(called)
                return
        self.__exit__()  # it was called in that very moment
