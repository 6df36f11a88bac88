"""Many readers at once, 200 streams and many requests: all are answered, nothing is lost.

How quickly is measured by ``bench/page_load.py``, with what is here."""

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from serving import Server

import page_job
from huohou.record.store import Store
from waiting import PATIENCE, until, wait_until

STREAMS = 200
A_SECOND = 200
PATHS = (
    "/api/jobs",
    "/api/jobs?limit=50&q=job",
    "/api/jobs/1",
    "/api/jobs/1/series?points=600",
    "/api/jobs/2/series?points=600&names=loss",
    "/api/jobs/2/clock",
    "/api/jobs/1/log",
    "/api/jobs/1/files",
    "/metrics",
)
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def ask(reader: Reader, writer: Writer, path: str) -> int:
    """One request on a kept connection; its status. Written by hand: a client that measures must
    be quicker than the server."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
    lower = {name.lower(): value for name, value in fields.items()}
    if b"content-length" in lower:
        await reader.readexactly(int(lower[b"content-length"]))
    else:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    return int(answer[9:12])


async def listen(port: int, number: int, seen: Counter[int], over: asyncio.Event) -> None:
    """A stream: counts the points of the loss."""
    reader, writer = await asyncio.open_connection("localhost", port)
    path = f"/api/events?job=1&after=0.0&list={number % 2}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        while not over.is_set():
            line = await asyncio.wait_for(reader.readline(), PATIENCE)
            assert line, "the stream ended"
            if line.startswith(b"data:"):
                seen[number] += line.count(b'"name":"loss"')
    finally:
        writer.close()


async def client(
    port: int, number: int, took: list[float], statuses: Counter[int], until: float
) -> None:
    """Asks ten times a second, whatever; an answer that is late makes the next one late too, which
    counts."""
    reader, writer = await asyncio.open_connection("localhost", port)
    draw = random.Random(number)
    due = time.monotonic() + draw.random() / 10
    while due < until:
        await asyncio.sleep(max(due - time.monotonic(), 0))
        statuses[await ask(reader, writer, draw.choice(PATHS))] += 1
        took.append(time.monotonic() - due)
        due += 0.1
    writer.close()


def memory(pid: int) -> int:
    """Bytes a process holds."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def told(seen: Counter[int], step: int) -> None:
    """Until every stream has brought so many points."""
    await until(lambda: all(seen[n] >= step for n in range(STREAMS)))


async def load(
    server: Server, job: page_job.Living, seconds: float
) -> tuple[list[float], Counter[int], float]:
    """Streams that are opened at one moment and, once they have all that was told before, requests
    beside them: seconds each took, statuses, and seconds until the streams had it."""
    over, seen, statuses = asyncio.Event(), Counter[int](), Counter[int]()
    listening = [asyncio.create_task(listen(server.port, n, seen, over)) for n in range(STREAMS)]
    begin = time.monotonic()
    await told(seen, job.step)
    ready = time.monotonic() - begin
    took: list[float] = []
    until = time.monotonic() + seconds
    asking = [
        asyncio.create_task(client(server.port, n, took, statuses, until))
        for n in range(A_SECOND // 10)
    ]
    store = Store()
    while time.monotonic() < until:
        job.points(2)
        await asyncio.to_thread(store.take_in, job.folder)
        await asyncio.sleep(1)
    await asyncio.gather(*asking)
    await told(seen, job.step)
    over.set()
    job.point()
    await asyncio.gather(*listening)
    assert {seen[n] for n in range(STREAMS)} <= {job.step - 1, job.step}
    return took, statuses, ready


@pytest.mark.slow
@pytest.mark.alone
def test_many_streams_and_many_requests(server: Server) -> None:
    workspace = server.workspace
    page_job.written(workspace, 2, "job two", steps=5000)
    for number in range(3, 60):
        page_job.written(workspace, number, f"job {number}", steps=5, evals=1)
    with page_job.living(workspace, 1, "job one", steps=10_000) as job:
        job.points(2000)
        wait_until(lambda: server.http.get("/api/jobs").json()["total"] == 59)
        asyncio.run(load(server, job, 5))
        before = memory(server.process.pid)
        _, statuses, _ = asyncio.run(load(server, job, 60))
        grown = memory(server.process.pid) - before
    assert set(statuses) == {200}
    assert sum(statuses.values()) >= A_SECOND // 10, "each client was answered"
    assert grown < 20_000_000, grown
