"""What a process life begins with, and whether another one follows a death."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from huohou.jobs.endings import Ending
from huohou.recipes import Start
from huohou.record import checkpoints

MOST_LIVES = 8  # of one command; whoever needs more has another problem


def dumps(start: Start) -> str:
    """A start as one argument of the training process."""
    told = asdict(start)
    told["checkpoint"] = str(start.checkpoint) if start.checkpoint else None
    return json.dumps(told)


def loads(raw: str) -> Start:
    """The start that was told."""
    told = json.loads(raw)
    told["checkpoint"] = Path(told["checkpoint"]) if told.get("checkpoint") else None
    return Start(**told)


def smaller(start: Start, sizes: Mapping[str, Any]) -> Start | None:
    """The start after a life that the kernel ended for want of memory; None when nothing is left.

    sizes: ``largest_batch`` and ``longest_row`` of the start event, in token positions, and what
    an alert since said of ``max_tokens`` and ``recompute``.
    """
    largest, longest = sizes.get("largest_batch"), sizes.get("longest_row")
    if not isinstance(largest, int) or not isinstance(longest, int):
        return None
    recompute = start.recompute or bool(sizes.get("recompute"))
    most = min(n for n in (largest, start.max_tokens, sizes.get("max_tokens")) if n)
    if most // 2 >= longest:
        return replace(start, max_tokens=most // 2, recompute=recompute)
    if not recompute:
        return replace(start, max_tokens=longest, recompute=True)
    return None


def next_start(
    ending: Ending, start: Start, sizes: Mapping[str, Any], folder: Path
) -> Start | None:
    """How a job goes on by itself after a death: only where smaller pieces may help."""
    if ending.facts.get("reason") != "out-of-memory" or "signal" not in ending.facts:
        return None
    shrunk = smaller(start, sizes)
    if shrunk is None:
        return None
    found, _ = checkpoints.newest(folder / checkpoints.FOLDER)
    if found is None:
        return shrunk
    return replace(shrunk, checkpoint=found.path, weights_only=False)


def disown(folder: Path, names: Sequence[str]) -> None:
    """Checkpoints that were saved with lost weights are never taken for good ones."""
    for name in names:
        path = folder / checkpoints.FOLDER / name
        if path.is_dir():
            checkpoints.set_aside(path, "suspect")
