"""What a worker of a team does around its recipe: which life it is, how it stops, how it ends.

The first worker writes ``events.jsonl`` as a lone training process would. When a worker dies
without a word, the others leave without one too; who started them starts all again, and the first
one then finds by the file that a new segment begins. A worker that can say what is wrong leaves a
note in the job's folder, and the first one records it as the end.
"""

import contextlib
import json
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huohou.errors import HuohouError
from huohou.plan import Plan
from huohou.recipes import Start
from huohou.recipes.memory import is_out
from huohou.record import checkpoints
from huohou.record.events import Event, Follower
from huohou.record.workspace import EVENTS
from huohou.text import say

NOTE = "worker-{rank}.json"  # in the job's folder, until the end of the life it is about
PATIENCE = 2.0  # seconds in which a note, or the end of the record, comes
_TAIL = 15
_LOST = (
    *("connection closed by peer", "connection reset by peer", "connection refused"),
    *("broken pipe", "gloo", "nccl", "timed out waiting", "socket", "remote process exited"),
)


@dataclass(frozen=True, slots=True)
class Life:
    """A process life of a team. seg: its segment; start: where it goes on from; end: what the
    record says of it, when it is over already."""

    seg: int
    start: Start
    end: Event | None = None


def life_of(folder: Path, seg: int, start: Start) -> Life:
    """Which life this is, when its workers were started as segment seg, perhaps for another time.

    After a death the next segment goes on from the last whole checkpoint.
    """
    last, end = _lived(folder, seg)
    if last < 0:
        return Life(seg, start)
    if end is not None:
        return Life(last, start, end)
    found, _ = checkpoints.newest(folder / checkpoints.FOLDER)
    if found is None:
        return Life(last + 1, start)
    return Life(last + 1, replace(start, checkpoint=found.path.resolve(), weights_only=False))


def last_seg(folder: Path, seg: int) -> int:
    """The last segment since seg that has lived, or seg."""
    return max(seg, _lived(folder, seg)[0])


def _lived(folder: Path, seg: int) -> tuple[int, Event | None]:
    """The last segment since seg that has more than words in it (-1: none), and its end."""
    last, end = -1, None
    follower = Follower(folder / EVENTS)
    while news := follower.poll():
        for event in news:
            if event.get("seg", 0) >= seg and event["kind"] not in ("log", "alert"):
                last = event["seg"]
                end = event if event["kind"] == "end" else None
    return last, end


def is_lost(error: BaseException | None) -> bool:
    """Whether an error means that another worker is gone."""
    while error is not None and not isinstance(error, HuohouError):
        if type(error).__name__ in ("DistBackendError", "DistNetworkError", "DistStoreError"):
            return True
        if isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _LOST):
            return True
        error = error.__cause__ or error.__context__
    return False


# What a worker that cannot record leaves for the one that can


def leave_note(folder: Path, rank: int, error: Exception) -> None:
    """Say why this worker cannot go on."""
    note = {"rank": rank, "host": socket.gethostname(), **told(error)}
    with contextlib.suppress(OSError):
        place = folder / NOTE.format(rank=rank)
        staged = place.with_name(f".{place.name}")
        staged.write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")
        staged.replace(place)


def told(error: Exception) -> dict[str, Any]:
    """An error as an end of a run: reason, error, tail."""
    known = isinstance(error, HuohouError)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    lines = "".join(traceback.format_exception(error)).rstrip().splitlines()
    reason = "out-of-memory" if is_out(error) else "error"
    return {"reason": reason, "error": text, "tail": [] if known else lines[-_TAIL:]}


def note_of(folder: Path, size: int) -> dict[str, Any] | None:
    """What another worker left, as an end of the run; None where none left a word."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        for rank in range(1, size):
            with contextlib.suppress(OSError, ValueError):
                text = (folder / NOTE.format(rank=rank)).read_text(encoding="utf-8")
                found.append(json.loads(text))
        return bool(found)

    if not soon(look):
        return None
    first = found[0]
    error = say("team.worker_failed", rank=first["rank"], host=first["host"], error=first["error"])
    return {"reason": first["reason"], "error": error, "tail": first["tail"]}


def forget_notes(folder: Path) -> None:
    """Notes of an earlier life."""
    for path in folder.glob(NOTE.format(rank="*")):
        path.unlink(missing_ok=True)


def soon(is_so: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it comes to be so within some seconds."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def with_device(plan: Plan) -> Plan:
    """The plan as a worker carries it out: of several GPUs it sees one, its own."""
    kind = plan.device.value.split(":")[0]
    return replace(plan, device=replace(plan.device, value=kind))
