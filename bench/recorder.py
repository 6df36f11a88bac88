"""What recording a training costs, how fast it is, and what survives when the process is killed.

Run as: python bench/recorder.py [--quick]

1. Part of a training loop's time that recording takes (``huohou.start``, a point an update of a
   real small network): seconds inside ``run.log`` and processor seconds of the thread beside it,
   of the seconds the loop took.
2. Points a second: one value a point, from the first until all are safe on the disk, beside
   Trackio (nothing but metrics) and TensorBoard (torch.utils.tensorboard, a queue as long as the
   run). Ours are safe when ``log`` returns; the database, an index of them, is then brought up to
   date, and what that leaves is ``huohou_indexed_per_second``. The others have no such index, or
   it is where their points are safe (Trackio: compared by that too).
3. What survives SIGKILL: the process says after each point that it was recorded, and is killed at
   a random moment; then the points are counted that can be read. At one point a second each does
   its best (TensorBoard flushes after every point); at full speed each is set up for speed.

Each tool runs in a process of its own, in turn. Trackio and TensorBoard are left out where they
are not installed (``make setup-bench``).
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from _common import arguments, report

SIZES = {True: 20_000, False: 100_000}  # points of the second part, quick or not
ROUNDS = {True: 3, False: 5}
SECONDS = {True: 12.0, False: 60.0}  # of training in the first part
SLOW = {True: 3, False: 8}  # kills at one point a second, for each tool
FAST = {True: 2, False: 6}


class Tool(Protocol):
    """A recorder of numbers in a folder."""

    def open(self, place: Path, each: bool) -> None:
        """Begin a run; each: make every point safe before going on, at whatever cost."""

    def log(self, step: int, value: float) -> None:
        """Record one point."""

    def settle(self) -> None:
        """Everything is on the disk afterwards."""

    def close(self) -> None:
        """End the run."""

    def read(self, place: Path) -> set[int]:
        """Steps that can be read."""


class Huohou:
    """Ours."""

    def open(self, place: Path, each: bool) -> None:
        os.environ["HUOHOU_HOME"] = str(place)
        import huohou

        self.run = huohou.start("bench")

    def log(self, step: int, value: float) -> None:
        self.run.log(step, loss=value)

    def settle(self) -> None:
        pass

    def close(self) -> None:
        self.run.finish()

    def read(self, place: Path) -> set[int]:
        from huohou.record.events import Follower

        follower = Follower(place / "1-bench" / "events.jsonl")
        found: set[int] = set()
        while news := follower.poll():
            found |= {event["step"] for event in news if event["kind"] == "metrics"}
        return found


class TensorBoard:
    """torch.utils.tensorboard. Its queue is unbounded for speed, flushed after each for safety."""

    def open(self, place: Path, each: bool) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.each = each
        self.writer = SummaryWriter(str(place), max_queue=1_000_000)

    def log(self, step: int, value: float) -> None:
        self.writer.add_scalar("loss", value, step)
        if self.each:
            self.writer.flush()

    def settle(self) -> None:
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()

    def read(self, place: Path) -> set[int]:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

        files = place.glob("events.out.tfevents.*")
        events = [event for file in files for event in EventFileLoader(str(file)).Load()]
        return {event.step for event in events if event.HasField("summary")}


class Trackio:
    """Trackio, without its watch on processor and GPU."""

    def open(self, place: Path, each: bool) -> None:
        os.environ["TRACKIO_DIR"] = str(place)
        import trackio

        self.trackio = trackio
        trackio.init(
            project="bench", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False
        )

    def log(self, step: int, value: float) -> None:
        self.trackio.log({"loss": value}, step=step)

    def settle(self) -> None:
        self.trackio.finish()

    def close(self) -> None:
        pass

    def read(self, place: Path) -> set[int]:
        os.environ["TRACKIO_DIR"] = str(place)
        from trackio.sqlite_storage import SQLiteStorage

        return {row["step"] for row in SQLiteStorage.get_logs("bench", "run")}


TOOLS: dict[str, Callable[[], Tool]] = {
    "huohou": Huohou, "tensorboard": TensorBoard, "trackio": Trackio,
}  # fmt: skip
NEEDS = {"huohou": ["huohou"], "tensorboard": ["torch", "tensorboard"], "trackio": ["trackio"]}


# What runs in a process of its own; the last line on stdout is the answer.


def rate(name: str, place: Path, count: int) -> tuple[float, float]:
    """Points a second, from the first until all are safe, and until the run is closed."""
    tool = TOOLS[name]()
    tool.open(place, each=False)
    begin = time.perf_counter()
    for step in range(1, count + 1):
        tool.log(step, 1.0 / step)
    tool.settle()
    safe = time.perf_counter()
    tool.close()
    return count / (safe - begin), count / (time.perf_counter() - begin)


def until_killed(name: str, place: Path, pause: float) -> None:
    """Record without end, telling after each point that it was recorded."""
    tool = TOOLS[name]()
    tool.open(place, each=pause > 0)
    tell = os.fdopen(os.dup(1), "wb", buffering=0)
    step = 0
    while True:
        step += 1
        tool.log(step, 1.0 / step)
        tell.write(b"%d\n" % step)
        time.sleep(pause)


def readable(name: str, place: Path) -> list[int]:
    """Steps that can be read, sorted."""
    return sorted(TOOLS[name]().read(place))


def cost(seconds: float, place: Path) -> dict[str, float]:
    """Part of a loop's time that recording takes, and its updates a second."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = torch.nn.Sequential(
        torch.nn.Linear(512, 2048), torch.nn.GELU(), torch.nn.Linear(2048, 512)
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    rows = torch.randn(256, 512)
    tool = Huohou()
    tool.open(place, each=False)
    inside, step, begin = 0.0, 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        step += 1
        loss = (net(rows) - rows).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        value = float(loss)
        before = time.perf_counter()
        tool.run.log(step, epoch=step / 100, loss=value, learning_rate=1e-3, grad_norm=1.0)
        inside += time.perf_counter() - before
    took = time.perf_counter() - begin
    beside = tool.run.beside_seconds
    tool.close()
    return {"share": (inside + beside) / took, "updates_per_second": step / took}


# What asks for it.


def worker(*words: object) -> Any:
    """The answer of a process of this script."""
    command = [sys.executable, __file__, "worker", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def kept(name: str, place: Path, pause: float, life: float) -> float:
    """Part of the points said to be recorded that can be read after SIGKILL."""
    command = [sys.executable, __file__, "worker", "until_killed", name, str(place), str(pause)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        while not told.strip().isdigit():  # what a tool says when it begins
            if not told:
                raise SystemExit(f"{name} ended before its first point")
            told = process.stdout.readline()
        timer = subprocess.Popen(["sleep", str(life)])
        last = _read_until(process, timer, told)
    found = worker("readable", name, place)
    return len([step for step in found if step <= last]) / last


def _read_until(
    process: "subprocess.Popen[bytes]", timer: "subprocess.Popen[bytes]", told: bytes
) -> int:
    """Kill the process when the timer has run down; the last point it told of."""
    import threading

    threading.Thread(target=lambda: (timer.wait(), process.kill()), daemon=True).start()
    assert process.stdout is not None
    rest = told + process.stdout.read()
    lines = rest[: rest.rfind(b"\n")].split(b"\n")
    return max(int(line) for line in lines if line.isdigit())


def installed() -> list[str]:
    """Tools that can be measured here."""
    return [name for name in TOOLS if all(find_spec(module) for module in NEEDS[name])]


def main() -> None:
    """Measure and report."""
    quick = arguments(__doc__ or "").quick
    names = installed()
    for name in TOOLS.keys() - set(names):
        print(f"{name} is not installed and is left out", file=sys.stderr)
    with tempfile.TemporaryDirectory() as top:
        fresh = (Path(top) / str(i) for i in range(10_000))
        loop = worker("cost", SECONDS[quick], next(fresh))
        rates: dict[str, list[float]] = {name: [] for name in names}
        closed: list[float] = []
        for _ in range(ROUNDS[quick]):
            for name in names:
                safe_rate, whole_rate = worker("rate", name, next(fresh), SIZES[quick])
                rates[name].append(safe_rate)
                closed += [whole_rate] if name == "huohou" else []
        draw = random.Random(0)
        safe = _survival(names, fresh, 1.0, [draw.uniform(1, 4) for _ in range(SLOW[quick])])
        fast = _survival(names, fresh, 0.0, [draw.uniform(0.5, 2) for _ in range(FAST[quick])])
    figures = {"loop_share": loop["share"], "loop_updates_per_second": loop["updates_per_second"]}
    targets: dict[str, dict[str, float]] = {"loop_share": {"max": 0.01}}
    for name in names:
        figures[f"{name}_points_per_second"] = median(rates[name])
        figures[f"{name}_kept_at_1_per_second"] = safe[name]
        figures[f"{name}_kept_at_full_speed"] = fast[name]
        if name != "huohou":
            ratios = [a / b for a, b in zip(rates["huohou"], rates[name], strict=True)]
            figures[f"times_{name}_rate"] = median(ratios)
            targets[f"times_{name}_rate"] = {"min": 1.0}
    figures["huohou_indexed_per_second"] = median(closed)
    if "trackio" in names:  # like for like: until all points can be asked for in a database
        ratios = [a / b for a, b in zip(closed, rates["trackio"], strict=True)]
        figures["times_trackio_rate_with_database"] = median(ratios)
        targets["times_trackio_rate_with_database"] = {"min": 1.0}
    targets["huohou_kept_at_1_per_second"] = targets["huohou_kept_at_full_speed"] = {"min": 1.0}
    for name, value in figures.items():
        print(f"{name:<36} {value:,.4g}")
    report("recorder", figures, targets)


def _survival(names: list[str], fresh: Any, pause: float, lives: list[float]) -> dict[str, float]:
    """For each tool the smallest part that was kept, over processes that live so long."""
    found = {name: 1.0 for name in names}
    for life in lives:
        for name in names:
            found[name] = min(found[name], kept(name, next(fresh), pause, life))
    return found


def _work(words: list[str]) -> None:
    job, *rest = words
    if job == "rate":
        answer: Any = rate(rest[0], Path(rest[1]), int(rest[2]))
    elif job == "until_killed":
        until_killed(rest[0], Path(rest[1]), float(rest[2]))
    elif job == "readable":
        answer = readable(rest[0], Path(rest[1]))
    else:
        answer = cost(float(rest[0]), Path(rest[1]))
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        _work(sys.argv[2:])
    else:
        main()
