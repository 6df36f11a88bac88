"""The page's server with many readers: event streams, and requests beside them, on loopback.

Run as: python bench/page_load.py [--quick]

A workspace of 59 jobs, one of which trains (two points a second). 200 readers open an event stream
of it at one moment, from its first point on (every other one also that of the list); how long it
takes until all of them have the points there are is told. From then on 200 requests a second, one
after the other on 20 connections, ask for the list, jobs, curves, logs, files and figures for
Prometheus; for a minute (--quick: 20 s). Every stream must have brought every point: what is
missing ends the benchmark with an error. Memory is the server's, after a first wave (15 s, --quick:
10 s), which fills its caches, and after the minute. A request is late from the moment it was due,
so that nothing is forgiven because the one before was late. Readers and server share the processor;
the readers are written by hand to take little of it, and how much they take is told.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles

from _common import arguments, report

# readers, jobs and servers as the tests have them
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))

from serving import serving
from test_many_readers import A_SECOND, STREAMS, load, memory

import page_job
from waiting import wait_until

SECONDS = {True: 20, False: 60}
FIRST = {True: 10, False: 15}
JOBS = 59
POINTS = 2000  # of the job that trains, before anybody comes
TARGETS = {
    "errors": {"max": 0.0},
    "p99_ms": {"max": 300.0},
    "requests_per_second": {"min": 0.95 * A_SECOND},
    "memory_growth_mb": {"max": 10.0},
}


def main() -> None:
    """Measure and report."""
    quick = arguments(__doc__ or "").quick
    with tempfile.TemporaryDirectory() as top:
        os.environ["HUOHOU_HOME"] = str(Path(top) / "runs")
        figures = measured(Path(top), FIRST[quick], SECONDS[quick])
    for name, value in figures.items():
        print(f"{name:<22} {value:,.4g}")
    report("page_load", figures, TARGETS)


def measured(top: Path, first: float, seconds: float) -> dict[str, float]:
    """Figures of one server, warmed up by a first wave."""
    workspace = top / "runs"
    page_job.written(workspace, 2, "job two", steps=5000)
    for number in range(3, JOBS + 1):
        page_job.written(workspace, number, f"job {number}", steps=5, evals=1)
    with (
        page_job.living(workspace, 1, "job one", steps=10_000) as job,
        serving(top) as server,
    ):
        job.points(POINTS)
        wait_until(lambda: server.http.get("/api/jobs").json()["total"] == JOBS)
        asyncio.run(load(server, job, first))
        before, busy = memory(server.process.pid), processor(server.process.pid)
        begin, own = time.monotonic(), time.process_time()
        took, statuses, ready = asyncio.run(load(server, job, seconds))
        wall = time.monotonic() - begin
        return {
            "streams": STREAMS,
            "streams_ready_s": ready,
            "requests": len(took),
            "requests_per_second": len(took) / seconds,
            "errors": errors(statuses),
            "p50_ms": 1000 * quantiles(took, n=100)[49],
            "p99_ms": 1000 * quantiles(took, n=100)[98],
            "server_processor_share": (processor(server.process.pid) - busy) / wall,
            "readers_processor_share": (time.process_time() - own) / wall,
            "memory_before_mb": before / 1e6,
            "memory_growth_mb": (memory(server.process.pid) - before) / 1e6,
        }


def errors(statuses: Counter[int]) -> int:
    """Answers that were not 200."""
    return sum(count for status, count in statuses.items() if status != 200)


def processor(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
