"""What tests of living jobs have in common: journals, processes, slots."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huohou.jobs import detach, queue, slots
from huohou.record import locks
from huohou.record.events import Follower
from huohou.record.recorder import FINAL
from huohou.record.store import Store
from huohou.record.workspace import JOURNAL
from waiting import wait_until


def is_alive(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter where it goes while it is read
        return False
    # A zombie nobody has waited for is dead.
    return "State:\tZ" not in told


def journal(folder: Path) -> list[dict[str, Any]]:
    return Follower(folder / "job.jsonl").poll()


def states(folder: Path) -> list[str]:
    return [e["state"] for e in journal(folder) if e["kind"] == "state"]


def segment(folder: Path) -> dict[str, Any]:
    """The last process life: pid and supervisor."""
    return [e for e in journal(folder) if e["kind"] == "segment"][-1]


def folder_of(workspace: Path, number: int) -> Path:
    (found,) = workspace.glob(f"{number}-*")
    return found


def state_of(workspace: Path, number: int) -> str:
    """The state by the journal alone: asking it wakes nobody up."""
    found = queue.read(folder_of(workspace, number))
    assert found is not None
    return found.state


def is_running(workspace: Path, number: int) -> bool:
    """Whether the database says so too; it is asked without waking anybody up."""
    job = Store(workspace).job(number)
    return job is not None and job.status == "running"


def ended(workspace: Path, *numbers: int) -> bool:
    """Whether they are at their end, and who brought them there has told the database so."""
    return all(_ended(workspace, n) for n in numbers)


def _ended(workspace: Path, number: int) -> bool:
    if state_of(workspace, number) not in FINAL:
        return False
    return not locks.is_held(folder_of(workspace, number) / JOURNAL)


def runner_lives(workspace: Path) -> bool:
    return bool(locks.is_held(detach.lock_of(workspace)))


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))


@contextmanager
def occupied(workspace: Path) -> Iterator[None]:
    """The one slot of the CPU is taken."""
    slot = slots.take(workspace, [], "cpu", 1)
    assert slot is not None
    with slot:
        yield
