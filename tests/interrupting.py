"""Signals that come at the worst moment."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from waiting import no_longer


@contextmanager
def coming_again(number: int) -> Iterator[None]:
    """Within, the signal comes at every line of the functions that are called, handlers too."""

    def again(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_name != "__exit__":  # of this very context
            signal.raise_signal(number)
        return again

    before = sys.gettrace()
    with no_longer(60):  # a lock that is waited for here is never given back
        sys.settrace(again)
        try:
            yield
        finally:
            sys.settrace(before)
