"""How a training process ended, in words: a pure judgement of what its supervisor saw."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huohou.jobs import exitcodes
from huohou.record.events import Event
from huohou.record.finding import Finding
from huohou.record.recorder import State
from huohou.text import say

_CRASH = "Fatal Python error"
_LINES = 15  # kept of what a process printed last
_OURS = (-signal.SIGTERM, -signal.SIGKILL)  # how a training ends that did not listen
_KILLED = -9  # a process that the kernel ends for want of memory dies of SIGKILL


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge by.

    code: exit code, negative for a signal; end: the end event of this process life; tail: last
    lines of train.log; stopped_now: we killed it on request; kernel_kills: processes that the
    kernel ended for want of memory meanwhile; free, needed: bytes on the disk, of a checkpoint;
    lost_weights: we killed it because a resume had not loaded the weights; doomed: the finding for
    which we asked it to stop, as --stop-on says.
    """

    code: int
    end: Event | None
    folder: Path
    step: int
    tail: Sequence[str] = ()
    stopped_now: bool = False
    stop_asked: bool = False
    kernel_kills: int = 0
    peak: int = 0
    free: int = 0
    needed: int = 0
    lost_weights: bool = False
    doomed: Finding | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The state a job ends in; facts go into the journal beside it."""

    state: State
    error: str | None = None
    alert: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def judge(seen: Seen) -> Ending:
    """How it ended."""
    facts: dict[str, Any] = {"exit_code": seen.code, "peak_memory_bytes": seen.peak}
    if seen.code < 0:
        facts["signal"] = _signal_name(seen.code)
    said = seen.end["state"] if seen.end else None
    if seen.doomed is not None and (said == "stopped" or (said is None and seen.code in _OURS)):
        error = say("job.stop_on", code=seen.doomed.code, title=seen.doomed.title)
        return Ending("failed", error=error, facts=facts | {"reason": seen.doomed.code})
    if said in ("completed", "stopped"):
        alert = say("job.died_after_end", how=_how(seen.code)) if seen.code else None
        return Ending(said, alert=alert, facts=facts)
    if seen.lost_weights:
        error = say("job.lost_weights")
        return Ending("failed", error=error, facts=facts | {"reason": "resume-lost-weights"})
    if seen.stopped_now or (seen.stop_asked and seen.code == -signal.SIGTERM):
        return Ending("stopped", facts=facts | {"reason": "stopped-now"})
    reason, error = _why(seen)
    return Ending("failed", error=error, facts=facts | {"reason": reason})


def _why(seen: Seen) -> tuple[str, str]:
    end = seen.end or {}
    reason = end.get("reason")
    lines = end.get("tail") or _last_words(seen.tail)
    if reason == "disk-full" or seen.code == exitcodes.DISK_FULL:
        return "disk-full", _disk_full(seen)
    if reason == "out-of-memory" or seen.code == exitcodes.OUT_OF_MEMORY:
        said = end.get("error") or "MemoryError"
        return "out-of-memory", _with_lines(say("job.out_of_memory", error=said), lines)
    if seen.code == _KILLED and seen.kernel_kills:
        return "out-of-memory", say("job.killed_for_memory", peak=f"{seen.peak / 1e9:.1f}")
    if end.get("error"):
        return "error", _with_lines(str(end["error"]), end.get("tail") or ())
    if seen.code < 0:
        text = say("job.killed", signal=_signal_name(seen.code), step=seen.step)
        return "signal", _with_lines(text, lines)
    return "no-end", _with_lines(say("job.no_end", code=seen.code), lines)


def _disk_full(seen: Seen) -> str:
    free, needed = f"{seen.free / 1e6:,.1f}", f"{seen.needed / 1e6:,.1f}"
    return say("job.disk_full", folder=seen.folder, free=free, needed=needed)


def _last_words(tail: Sequence[str]) -> Sequence[str]:
    """Python's own account of a crash from its begin, else simply the end."""
    starts = [i for i, line in enumerate(tail) if line.startswith(_CRASH)]
    return tail[starts[-1] :][:_LINES] if starts else tail[-_LINES:]


def _with_lines(text: str, lines: Sequence[str]) -> str:
    return "\n".join([text, *lines])


def _how(code: int) -> str:
    return _signal_name(code) if code < 0 else say("job.exit_code", code=code)


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return str(-code)
