"""Runs as folders, for tests of the store."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huohou.record.recorder import Journal, Recorder
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL


def filler(name: str = "bank codes", **facts: Any) -> Callable[[int, Path], None]:
    def fill(number: int, folder: Path) -> None:
        with Journal(folder / JOURNAL, 0) as journal:
            journal.queued(number, name, "sft", "smollm2-135m", **facts)

    return fill


def write_run(folder: Path, after_each: Callable[[], object] = lambda: None) -> None:
    """A run with a restart, NaN, infinities, evaluations, a finding and a death."""
    with Journal(folder / JOURNAL, 0) as journal, Recorder(folder / EVENTS, 0) as recorder:
        for write in (
            lambda: journal.state("starting"),
            lambda: recorder.start(updates=200, epochs=4.0),
            lambda: journal.state("running"),
            *(
                lambda s=s: recorder.metrics(s, s / 50, loss=2 / s, grad_norm=0.0)
                for s in range(1, 90)
            ),
            lambda: recorder.metrics(90, 1.8, loss=math.nan, grad_norm=math.inf),
            lambda: recorder.eval(90, 1.8, eval_loss=0.7),
            lambda: recorder.checkpoint(90, "checkpoints/checkpoint-90"),
            lambda: recorder.log("保存"),
        ):
            write()
            after_each()
    with (folder / EVENTS).open("ab") as torn:
        torn.write(b'{"t": 1, "seg": 0, "kind": "met')
    with Journal(folder / JOURNAL, 1) as journal, Recorder(folder / EVENTS, 1) as recorder:
        journal.state("starting")
        after_each()
        for step in range(80, 120):
            recorder.metrics(step, step / 50, loss=-math.inf if step == 99 else 1 / step)
            after_each()
        journal.state("failed", error="ValueError: boom")
        os.utime(folder / HEARTBEAT, (1e9, 1e9)) if (folder / HEARTBEAT).exists() else None
        after_each()
