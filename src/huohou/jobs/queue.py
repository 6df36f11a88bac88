"""Who is next: the jobs of a workspace that wait for their turn, in their order.

Read from the journals alone, so the database may be missing or behind. A journal says in lines of
kind ``queue`` how its job waits: ``priority`` (the number of the job until `runs move` says
otherwise; lower is earlier), ``slots``, and ``detached`` for a job without a terminal.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from huohou.record import locks, waiting
from huohou.record.events import Event, Follower
from huohou.record.recorder import ACTIVE, State
from huohou.record.workspace import EVENTS, JOURNAL, job_folders

FOLDER = ".slots"  # lock files, and what jobs without a terminal are started with


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as its journal tells it.

    seg: the process life it waits for or is in; device: what it waits for (``cpu``, ``cuda:0``);
    detached: the runner starts it; slots: jobs that may then train on the device at once; store:
    key of the database it was queued with; again: how often it was put back by itself; host:
    machine of its last process life.
    """

    number: int
    name: str
    folder: Path
    device: str
    state: State = "queued"
    seg: int = 0
    priority: float = 0.0
    detached: bool = False
    slots: int = 1
    store: str = ""
    again: int = 0
    host: str = ""

    @property
    def order(self) -> tuple[float, int]:
        """What the queue is sorted by."""
        return self.priority, self.number


def read(folder: Path) -> Entry | None:
    """A job by its journal; None where there is none that can be read."""
    follower = Follower(folder / JOURNAL)
    lines: list[Event] = []
    while piece := follower.poll():
        lines += piece
    first = next((line for line in lines if line["kind"] == "queued"), None)
    if first is None or not isinstance(first.get("id"), int):
        return None
    waits = waiting.first(first)
    state: State = "queued"
    for one in lines:
        waits = waiting.then(waits, one)
        state = one.get("state", "lost") if one["kind"] == "state" else state
    return Entry(
        waits.number,
        str(first.get("name", "")),
        folder,
        waits.device,
        state=state,
        seg=max(waiting.whole(one.get("seg")) for one in lines),
        priority=waits.priority,
        detached=waits.detached and start_file(folder.parent, waits.number).is_file(),
        slots=waits.slots,
        store=waits.store,
        again=waits.again,
        host=_host(lines),
    )


def _host(lines: Sequence[Event]) -> str:
    """Machine of the last process life."""
    lives = [one for one in lines if one["kind"] == "segment"]
    return str(lives[-1].get("host", "")) if lives else ""


def start_file(workspace: Path, number: int) -> Path:
    """What a job without a terminal is started with; a folder from elsewhere brings none along."""
    return workspace / FOLDER / f"start-{number}.json"


class Queue:
    """Looks at a workspace again and again; only journals that have grown are read again."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self._seen: dict[Path, tuple[int, Entry | None]] = {}

    def look(self, folders: Iterable[Path] | None = None) -> list[Entry]:
        """Jobs that wait or train, in the order of the queue; folders: only those."""
        found = []
        for folder in job_folders(self.workspace) if folders is None else folders:
            entry = self._entry(folder)
            if entry is not None:
                found.append(entry)
        return sorted(found, key=lambda entry: entry.order)

    def _entry(self, folder: Path) -> Entry | None:
        try:
            size = (folder / JOURNAL).stat().st_size
        except FileNotFoundError:  # moved to the trash in this moment
            return None
        known = self._seen.get(folder)
        if known is None or known[0] != size:
            entry = read(folder)
            lives = entry is not None and (entry.state == "queued" or entry.state in ACTIVE)
            known = self._seen[folder] = (size, entry if lives else None)
        return known[1]


def line(entries: Sequence[Entry], device: str) -> list[Entry]:
    """Jobs that wait for a device, the next first; without those whose command has died."""
    return [e for e in entries if e.state == "queued" and e.device == device and _waits(e)]


def _waits(entry: Entry) -> bool:
    return entry.detached or locks.is_held(entry.folder / JOURNAL) is not False


def training(entries: Sequence[Entry], device: str) -> list[Entry]:
    """Jobs that train on a device at this moment."""
    active = (e for e in entries if e.state in ACTIVE and e.device == device)
    return [e for e in active if locks.is_held(e.folder / JOURNAL) or is_orphan(e)]


def is_orphan(entry: Entry) -> bool:
    """Whether a training goes on whose supervisor has died: it still needs its device."""
    supervised = locks.is_held(entry.folder / JOURNAL)
    return supervised is False and bool(locks.is_held(entry.folder / EVENTS))


def places(entries: Sequence[Entry]) -> dict[int, int]:
    """Number of a job that waits to its place in the line of its device, from 1."""
    devices = {entry.device for entry in entries}
    lines = (line(entries, device) for device in devices)
    return {entry.number: i for waiting in lines for i, entry in enumerate(waiting, start=1)}


def priority_before(waiting: Sequence[Entry], number: int, before: int | None) -> float | None:
    """Priority that puts a job before another one of the line, or first; None: it is there.

    Raises ValueError when there is no number left between the two neighbours.
    """
    others = [entry for entry in waiting if entry.number != number]
    at = 0 if before is None else [entry.number for entry in others].index(before)
    whole = [entry.number for entry in waiting]
    if whole.index(number) == at:
        return None
    if at == 0:
        return math.floor(others[0].priority) - 1.0
    low, high = others[at - 1].priority, others[at].priority
    middle = (low + high) / 2
    if not low < middle < high:
        raise ValueError("no number between the two")
    return middle
