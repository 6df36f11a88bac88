"""Models that are kept open between questions: each asked by one at a time, closed when unused."""

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from huohou.errors import HuohouError

SHARE = 0.5  # of the machine's memory that open models may take together
USUAL = 4 << 30  # bytes, where the machine does not say how much it has
IDLE = 600.0  # seconds after which a model that nobody asks is closed
TURN = 0.2  # seconds between two looks at whether somebody still waits

# What opens a model: the model, and the bytes it takes.
Open = Callable[[], tuple[Any, int]]


class LeftError(HuohouError):
    """Whoever asked is gone."""


@dataclass(eq=False)
class _Place:
    """A model's place. users: who ask or wait; since: when it began to be opened, else None."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    model: Any = None
    size: int = 0
    users: int = 0
    asked: float = 0.0
    since: float | None = None


class Opened:
    """Models by a key. limit: bytes they may take together; idle: seconds until one is closed.

    The one that was not asked for the longest time is closed first, never one that is being asked.
    """

    def __init__(self, limit: int | None = None, idle: float = IDLE) -> None:
        self._limit, self._idle = limit or _limit(), idle
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    @contextmanager
    def use(self, key: str, open_: Open, gone: Callable[[], bool] = lambda: False) -> Iterator[Any]:
        """The model of that key, opened when it is not, for this block alone.

        gone: whether whoever waits has left, which raises LeftError while it waits its turn.
        """
        with self._lock:
            place = self._places.setdefault(key, _Place())
            place.users += 1
        try:
            while not place.lock.acquire(timeout=TURN):
                if gone():
                    raise LeftError("chat.left")
            try:
                self._fill(place, open_)
                yield place.model
            finally:
                place.lock.release()
        finally:
            with self._lock:
                place.users -= 1
                place.asked = time.monotonic()
            self._wait()

    def state(self, key: str) -> str:
        """ "closed", "opening", "open", or "busy" where somebody asks it."""
        with self._lock:
            place = self._places.get(key)
            if place is None:
                return "closed"
            if place.model is None:
                return "opening" if place.since is not None else "closed"
            return "busy" if place.users else "open"

    def close(self, idle: float = 0.0) -> None:
        """Close what nobody asks and nobody has asked for so many seconds."""
        now = time.monotonic()
        with self._lock:
            for place in self._unused():
                if now - place.asked >= idle:
                    place.model = None
        _let_go()

    def _fill(self, place: _Place, open_: Open) -> None:
        if place.model is not None:
            return
        place.since = time.monotonic()
        try:
            place.model, place.size = open_()
        finally:
            place.since = None
        self._make_room()

    def _make_room(self) -> None:
        with self._lock:
            open_now = [place for place in self._places.values() if place.model is not None]
            taken = sum(place.size for place in open_now)
            closed = False
            for place in self._unused():
                if taken <= self._limit:
                    break
                place.model, closed = None, True
                taken -= place.size
        if closed:
            _let_go()

    def _unused(self) -> list[_Place]:
        """Open models that nobody asks or waits for, the one asked longest ago first."""
        free = [p for p in self._places.values() if p.model is not None and not p.users]
        return sorted(free, key=lambda place: place.asked)

    def _wait(self) -> None:
        """Look again when the model that was asked now may have been unused for long enough."""
        with self._lock:
            if self._timer is not None:
                return
            self._timer = threading.Timer(self._idle + 1, self._look)
            self._timer.daemon = True
            self._timer.start()

    def _look(self) -> None:
        with self._lock:
            self._timer = None
        self.close(self._idle)
        with self._lock:
            open_now = any(place.model is not None for place in self._places.values())
        if open_now:
            self._wait()


def _let_go() -> None:
    """Give the memory of closed models back: they hold themselves in circles, and PyTorch keeps
    what it had of a GPU until it is told."""
    gc.collect()
    torch = sys.modules.get("torch")  # whoever opened no model with it has nothing to give back
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _limit() -> int:
    from huohou.machine import memory_bytes

    memory = memory_bytes()
    return int(SHARE * memory) if memory else USUAL
