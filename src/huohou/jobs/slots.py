"""Slots of a device: lock files in the workspace, one for each job at once.

``.slots/HOST.cpu-0.lock``: machines that share a workspace have devices of their own.

Whoever supervises a job holds one for its life, so a death frees it. Where the system has no such
locks nothing is refused.
"""

import os
import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from huohou.errors import UsageError
from huohou.jobs import queue
from huohou.jobs.queue import FOLDER, Entry
from huohou.record import locks

VARIABLE = "HUOHOU_SLOTS"


class Slot:
    """A slot that is held until it is closed, or its process ends."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        """Give it back."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wanted(slots: int | None) -> int:
    """Jobs that may train on a device at once: as given, else $HUOHOU_SLOTS, else 1."""
    text = os.environ.get(VARIABLE, "").strip() if slots is None else str(slots)
    if not text:
        return 1
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise UsageError("queue.bad_slots", value=text)
    return int(text)


def take(workspace: Path, entries: Sequence[Entry], device: str, slots: int) -> Slot | None:
    """A slot of the device while fewer than `slots` jobs train on it; None: there is none now.

    entries: what the queue shows; a training whose supervisor has died counts as well.
    """
    (workspace / FOLDER).mkdir(parents=True, exist_ok=True)
    for i in range(slots):
        slot = _take(_file(workspace, device, i))
        if slot is not None:
            # Counted with the slot in hand: of two at the same moment one sees the other.
            orphans = sum(_is_orphan_here(e) for e in queue.training(entries, device))
            others = sum(bool(locks.is_held(path)) for path in _files(workspace, device, i))
            if others + orphans < slots:
                return slot
            slot.close()
            return None
    return None


def _take(path: Path) -> Slot | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if locks.take(descriptor) is False:
        os.close(descriptor)
        return None
    return Slot(descriptor)


def _is_orphan_here(entry: Entry) -> bool:
    return entry.host in ("", socket.gethostname()) and queue.is_orphan(entry)


def _name(device: str) -> str:
    host, plain = (re.sub(r"\W+", "-", one) for one in (socket.gethostname(), device))
    return f"{host}.{plain or 'any'}"


def _file(workspace: Path, device: str, i: int) -> Path:
    return workspace / FOLDER / f"{_name(device)}-{i}.lock"


def _files(workspace: Path, device: str, mine: int) -> Iterator[Path]:
    """The other slots of the device, those of commands that allow more included."""
    ours = re.compile(rf"{re.escape(_name(device))}-(\d+)\.lock")
    for path in (workspace / FOLDER).iterdir():
        found = ours.fullmatch(path.name)
        if found and int(found[1]) != mine:
            yield path
