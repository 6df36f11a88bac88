"""How a job waits for its turn, as its journal tells it line by line.

A job has its number as priority until `runs move` says otherwise (lower is earlier); lines of
kind ``queue`` change that, and a job that is queued once more waits as if it were new.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from huohou.record.events import Event


@dataclass(frozen=True, slots=True)
class Waits:
    """device: what it waits for (``cpu``, ``cuda:0``); detached: whoever serves the queue starts
    it; slots: jobs that may then train on the device at once; store: key of the database that it
    was queued with (see ``store.key_of``); again: how often it was put back by itself."""

    number: int
    device: str
    priority: float
    detached: bool = False
    slots: int = 1
    store: str = ""
    again: int = 0


def first(queued: Event) -> Waits:
    """What a journal's first line says; queued: a line with the job's number."""
    return Waits(queued["id"], _device(queued), float(queued["id"]))


def then(waits: Waits, line: Event) -> Waits:
    """What the next line makes of it."""
    if line["kind"] == "state" and line.get("state") == "queued":
        return Waits(waits.number, waits.device, float(waits.number), again=waits.again)
    if line["kind"] != "queue":
        return waits
    return replace(
        waits,
        priority=_finite(line.get("priority"), waits.priority),
        detached=bool(line.get("detached", waits.detached)),
        slots=whole(line.get("slots")) or waits.slots,
        store=str(line.get("store", waits.store)),
        again=whole(line.get("again")) or waits.again,
    )


def whole(value: Any) -> int:
    """A whole number above 0; 0 for anything else."""
    return value if type(value) is int and 0 < value < 2**31 else 0


def _device(first: Event) -> str:
    plan = first.get("plan")
    device = plan.get("device") if isinstance(plan, dict) else None
    value = str(device.get("value", "")) if isinstance(device, dict) else ""
    return "cuda:0" if value == "cuda" else value


def _finite(value: Any, instead: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return float(value) if usable and math.isfinite(value) else instead
    except OverflowError:  # an integer beyond every float
        return instead
