"""The training process: ``python -m huohou.jobs.child FOLDER --seg N --parent PID``.

Where the plan says that several workers train, it starts these (``compute.py``). Else it
loads the frozen plan, lets its recipe carry it out, and says in ``events.jsonl`` how it ended.
What it prints goes to ``train.log``. Exit code 0: completed or stopped; else it failed, and the
code says why even where nothing could be written any more.
"""

import argparse
import contextlib
import os
import sys
import traceback
from pathlib import Path

from huohou.errors import HuohouError
from huohou.jobs import again, compute, disk, stored
from huohou.jobs.copying import CopyingRecorder
from huohou.jobs.exitcodes import DISK_FULL, FAILED, OUT_OF_MEMORY
from huohou.jobs.queue import read
from huohou.jobs.stopping import StopWatch
from huohou.plan import Plan
from huohou.recipes import Start, recipes
from huohou.recipes.memory import is_out
from huohou.record.recorder import ACTIVE, Recorder
from huohou.record.workspace import EVENTS, PLAN
from huohou.text import say

_TAIL = 15  # last lines of a traceback that are kept


def main(arguments: list[str] | None = None) -> int:
    """Carry out the plan in a job's folder; returns the exit code."""
    told = options(arguments)
    on = compute.of(told.folder)
    if on is not None:
        if is_too_late(told.folder, told.seg):
            return FAILED
        return compute.hand_over(told, on)
    watch = StopWatch(told.folder, told.parent)
    with contextlib.ExitStack() as stack:
        recorder = None
        try:
            writer = CopyingRecorder(told.folder / EVENTS, told.seg, echo=sys.stdout)
            recorder = stack.enter_context(writer)
            if is_too_late(told.folder, told.seg):
                return FAILED
            _carry_out(told.folder, recorder, watch, told.start)
        except Exception as error:  # noqa: BLE001 - the edge of the process: whatever it was is recorded
            return _failed(error, recorder, told.folder)
    return 0


def is_too_late(folder: Path, seg: int) -> bool:
    """Whether the job was settled, or begun anew, while this process was still starting."""
    entry = read(folder)
    if entry is None or (entry.seg == seg and entry.state in ACTIVE):
        return False
    sys.stdout.write(say("job.too_late") + "\n")
    return True


def options(arguments: list[str] | None) -> argparse.Namespace:
    """What a training process is told."""
    parser = argparse.ArgumentParser(prog="huohou.jobs.child")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seg", type=int, required=True)
    parser.add_argument("--parent", type=int)
    # torchrun takes --start for an option of its own
    parser.add_argument("--start", "--begin", type=again.loads, default=Start())
    return parser.parse_args(arguments)


def _carry_out(folder: Path, recorder: CopyingRecorder, watch: StopWatch, start: Start) -> None:
    plan = Plan.load(folder / PLAN)
    start = stored.newest(folder, recorder.seg, start, recorder.log)
    recorder.copier = stored.copier_of(folder, plan, recorder.seg)
    recipes.get(plan.recipe).run(plan, folder, recorder, watch.asked, start)
    if not recorder.ended:
        recorder.end("stopped" if watch.seen else "completed")


def _failed(error: Exception, recorder: Recorder | None, folder: Path) -> int:
    code, reason = FAILED, "error"
    if disk.is_full(error, folder):
        code, reason = DISK_FULL, "disk-full"
        disk.give_back(folder)
    elif is_out(error):
        code, reason = OUT_OF_MEMORY, "out-of-memory"
    text = str(error) if isinstance(error, HuohouError) else f"{type(error).__name__}: {error}"
    tail = [] if isinstance(error, HuohouError) else _last_lines(error)
    with contextlib.suppress(OSError):  # the disk may be full; the exit code says it as well
        traceback.print_exception(error)
    with contextlib.suppress(OSError):
        if recorder is not None:
            recorder.end("failed", reason=reason, error=text, tail=tail)
    return code


def _last_lines(error: Exception) -> list[str]:
    lines = "".join(traceback.format_exception(error)).rstrip().splitlines()
    return lines[-_TAIL:]


if __name__ == "__main__":
    try:
        CODE = main()
        sys.stdout.flush()
    except OSError:
        os._exit(DISK_FULL)
    sys.exit(CODE)
