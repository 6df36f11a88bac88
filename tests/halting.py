"""A training that is stopped after so many updates, however fast it goes and busy the machine is.

Where the test only looked and asked, a quick training was over before its request came.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from waiting import PATIENCE

# Runs where Python starts. A trainer asks after each update whether to stop; after so many of
# this process's life it makes the request and waits until its own watch has seen it. A driver of
# Ray only passes requests on, and asks as often as it likes.
REQUEST = """
import sys
import time

from huohou.jobs.stopping import StopWatch

asked = StopWatch.asked
updates = 0

def then_stop(self):
    global updates
    if sys._getframe(1).f_globals["__name__"] in ("huohou.jobs.cluster", "huohou.jobs.room"):
        return asked(self)
    updates += 1
    time.sleep({pause})
    if updates >= {updates}:
        self._file.touch()
        end = time.monotonic() + {patience}
        while not asked(self):
            assert time.monotonic() < end
            time.sleep(0.01)
    return asked(self)

StopWatch.asked = then_stop
"""


@contextmanager
def stopping_after(updates: int, place: Path) -> Iterator[None]:
    """Each training process that is started within stops after so many updates of its life.

    place: an empty folder, or one that is not there.
    """
    with _told(place, updates=updates, pause=0.0):
        yield


@contextmanager
def slowed(seconds: float, place: Path) -> Iterator[None]:
    """Each training process that is started within pauses so long after every update."""
    with _told(place, updates=sys.maxsize, pause=seconds):
        yield


@contextmanager
def _told(place: Path, **how: float) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    code = REQUEST.format(patience=PATIENCE, **how)
    (place / "sitecustomize.py").write_text(code, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(place), prepend=os.pathsep)
        yield
