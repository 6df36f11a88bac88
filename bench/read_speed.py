"""How fast logs are read and judged, on one core.

Run as: python bench/read_speed.py [--quick]

1. A log of a million lines (JSONL, LLaMA-Factory's trainer_log.jsonl, CSV), written here with the
   course of a sound run, read and diagnosed: processor seconds of a process of its own that is
   bound to one core, from its start to the verdict, median of the rounds; seconds on the clock
   from the first import on; and memory it took at most, in sizes of the file.
2. A TensorBoard event file of one layer's scalars (five tags a step), read by us and by
   TensorBoard's EventAccumulator without a limit of points, in turn, each in a process of its own
   on one core, imports not counted. Left out where tensorboard is not installed.
3. All logs in ../shared/data/logs, each read and diagnosed or refused, one after the other on one
   core: seconds altogether. Left out where that folder is not beside the repository.

Other work on the machine makes seconds on the clock more, processor seconds less so.
"""

import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from _common import arguments, report

LINES = 1_000_000
ROUNDS = {True: 1, False: 5}
SCALARS = {True: 100_000, False: 500_000}
TAGS = ("train/loss", "train/grad_norm", "train/learning_rate", "train/accuracy", "eval/loss")
LOGS = Path(__file__).parents[2] / "shared" / "data" / "logs"
FORMATS = {"jsonl": "log.jsonl", "llamafactory": "trainer_log.jsonl", "csv": "metrics.csv"}


# The logs.


def course(lines: int) -> Iterator[tuple[int, float, float, float, float, float]]:
    """Step, epoch, loss, evaluation loss (NaN where none), learning rate, gradient norm."""
    draw = random.Random(0)
    for step in range(1, lines + 1):
        done = step / lines
        loss = (1.5 + 2.5 * math.exp(-5 * done)) * (1 + draw.gauss(0, 0.02))
        evaluated = loss * 1.05 if step % (lines // 100) == 0 else math.nan
        rate = 5e-5 * (1 + math.cos(math.pi * done))
        yield step, round(3 * done, 6), round(loss, 4), evaluated, rate, round(draw.random(), 6)


def write_logs(folder: Path) -> None:
    """The same run in three formats."""
    with (
        (folder / FORMATS["jsonl"]).open("w") as jsonl,
        (folder / FORMATS["llamafactory"]).open("w") as factory,
        (folder / FORMATS["csv"]).open("w") as table,
    ):
        table.write("step,epoch,loss,eval_loss,learning_rate,grad_norm\n")
        for step, epoch, loss, evaluated, rate, norm in course(LINES):
            place = {"step": step, "epoch": epoch}
            row = place | {"loss": loss, "learning_rate": rate, "grad_norm": norm}
            has = not math.isnan(evaluated)
            jsonl.write(json.dumps(place | {"eval_loss": evaluated} if has else row) + "\n")
            table.write(f"{step},{epoch},{loss},{evaluated if has else ''},{rate},{norm}\n")
            clock = f"{step // 3600}:{step // 60 % 60:02}:{step % 60:02}"
            line = {"current_steps": step, "total_steps": LINES, "loss": loss, "lr": rate}
            line |= {"epoch": epoch, "percentage": round(100 * step / LINES, 2)}
            line |= {"elapsed_time": clock, "remaining_time": "1:00:00"}
            factory.write(json.dumps(line) + "\n")


def write_events(path: Path, scalars: int) -> None:
    """A TensorBoard file with that many scalars."""
    from faultbench import tfevents

    with path.open("wb") as file:
        tfevents.header(file, 1.7e9)
        for i in range(scalars):
            step = i // len(TAGS)
            value = 1.5 + 2.5 * math.exp(-5 * i / scalars)
            tfevents.scalar(file, 1.7e9 + step, step, TAGS[i % len(TAGS)], value)


# What runs in a process of its own; the last line on stdout is the answer.


def judge(path: Path) -> dict[str, float]:
    """Read a log and diagnose it."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    from huohou.diagnose.engine import diagnose
    from huohou.record.readers import read

    found = diagnose(read(path))
    seconds, most = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if len(found.ran) < 5:
        raise SystemExit(f"{path}: hardly a rule has run")
    scale = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": seconds,
        "processor_seconds": time.process_time(),
        "memory": (most - before) * scale / path.stat().st_size,
    }


def ours(path: Path) -> dict[str, float]:
    """A TensorBoard file read by us."""
    from huohou.record.readers import names, read

    names()
    began = time.perf_counter()
    record = read(path)
    return {"seconds": time.perf_counter() - began, "points": sum(map(len, record.series.values()))}


def theirs(path: Path) -> dict[str, float]:
    """The same by EventAccumulator."""
    from tensorboard.backend.event_processing import event_accumulator

    began = time.perf_counter()
    every = {event_accumulator.SCALARS: 0, event_accumulator.TENSORS: 0}
    found = event_accumulator.EventAccumulator(str(path), size_guidance=every)
    found.Reload()
    points = [found.Scalars(tag) for tag in found.Tags()["scalars"]]
    return {"seconds": time.perf_counter() - began, "points": sum(map(len, points))}


def shared(folder: Path) -> dict[str, float]:
    """All logs of a folder."""
    began = time.perf_counter()
    from huohou.diagnose.engine import diagnose
    from huohou.errors import DataError
    from huohou.record.readers import read

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    refused = 0
    for path in files:
        try:
            diagnose(read(path))
        except DataError:
            refused += 1
    return {"seconds": time.perf_counter() - began, "logs": len(files), "refused": refused}


JOBS = {"judge": judge, "ours": ours, "theirs": theirs, "shared": shared}


# What asks for it.


def worker(job: str, path: Path) -> dict[str, float]:
    """The answer of a process of this script, bound to one core where the system can do that."""
    command = [sys.executable, __file__, "worker", job, str(path)]
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | alone
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def medians(results: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: median(found[name] for found in results) for name in results[0]}


def main() -> None:
    """Measure and report."""
    quick = arguments(__doc__ or "").quick
    figures: dict[str, float] = {}
    targets: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as top:
        _logs(Path(top), ROUNDS[quick], figures, targets)
        if find_spec("tensorboard"):
            _events(Path(top), ROUNDS[quick], SCALARS[quick], figures, targets)
        else:
            print("tensorboard is not installed and is left out", file=sys.stderr)
    if LOGS.is_dir():
        found = medians([worker("shared", LOGS) for _ in range(min(ROUNDS[quick], 3))])
        figures |= {f"shared_logs_{name}": value for name, value in found.items()}
        targets["shared_logs_seconds"] = {"max": 30.0}
    else:
        print(f"{LOGS} is not there and is left out", file=sys.stderr)
    for name, value in figures.items():
        print(f"{name:<40} {value:,.4g}")
    report("read_speed", figures, targets)


def _logs(folder: Path, rounds: int, figures: dict[str, float], targets: dict[str, Any]) -> None:
    write_logs(folder)
    for name, file in FORMATS.items():
        found = medians([worker("judge", folder / file) for _ in range(rounds)])
        figures |= {
            f"{name}_million_lines_seconds": found["seconds"],
            f"{name}_million_lines_processor_seconds": found["processor_seconds"],
            f"{name}_memory_times_file": found["memory"],
        }
        targets[f"{name}_million_lines_processor_seconds"] = {"max": 5.0}
        targets[f"{name}_memory_times_file"] = {"max": 10.0}


def _events(
    folder: Path, rounds: int, scalars: int, figures: dict[str, float], targets: dict[str, Any]
) -> None:
    path = folder / "events.out.tfevents.1700000000.bench.1.0"
    write_events(path, scalars)
    pairs = [(worker("ours", path), worker("theirs", path)) for _ in range(rounds)]
    for mine, other in pairs:
        if not mine["points"] == other["points"] == scalars:
            raise SystemExit(f"{mine['points']} and {other['points']} of {scalars} points read")
    figures["tensorboard_ours_seconds"] = median(mine["seconds"] for mine, _ in pairs)
    figures["tensorboard_theirs_seconds"] = median(other["seconds"] for _, other in pairs)
    ratio = median(other["seconds"] / mine["seconds"] for mine, other in pairs)
    figures["times_event_accumulator_speed"] = ratio
    targets["times_event_accumulator_speed"] = {"min": 5.0}


def _work(job: str, path: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("\n" + json.dumps(JOBS[job](Path(path))))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        _work(*sys.argv[2:])
    else:
        main()
