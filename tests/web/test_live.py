"""Streams: everything that happens, once, to everybody, however they come and go."""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import Server
from starlette.testclient import TestClient

import page_job
from huohou import api as facade
from huohou.record.store import Store
from huohou.web import live, stream
from huohou.web.live import Hub
from huohou.web.stream import EventStream, Listener
from waiting import PATIENCE, until, wait_until

Event = dict[str, Any]


def parsed(content: bytes) -> Iterator[Event]:
    """Events of some frames: event, data, id."""
    for block in content.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line and line[0] != ":")
        if "event" in lines:
            yield lines | {"data": json.loads(lines["data"])}


async def read(frames: AsyncIterator[bytes], into: list[Event]) -> None:
    async for content in frames:
        into.extend(parsed(content))


def steps(events: list[Event]) -> list[int]:
    """Steps of all points of the loss."""
    told = [event["data"]["points"] for event in events if event["event"] == "points"]
    return [point["step"] for points in told for point in points if point["name"] == "loss"]


def texts(events: list[Event]) -> list[str]:
    """Lines of the log, and alerts."""
    lines = [line for e in events if e["event"] == "log" for line in e["data"]["lines"]]
    return lines + [e["data"]["text"] for e in events if e["event"] == "alert"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TICK", 0.01)
    monkeypatch.setattr(live, "LIST", 0.02)
    monkeypatch.setattr(live, "PING", PATIENCE)  # a slow machine's tests see none either


@asynccontextmanager
async def a_hub() -> AsyncIterator[Hub]:
    with facade.keep():
        hub = Hub()
        try:
            yield hub
        finally:
            await hub.close()


@pytest.fixture
def job(tmp_path: Path) -> Iterator[page_job.Living]:
    with page_job.living(tmp_path / "runs", steps=1000) as running:
        Store().take_in(running.folder)
        yield running


@pytest.mark.usefixtures("database")
def test_a_stream_goes_on_where_the_series_ends(job: page_job.Living) -> None:
    job.points(5)
    Store().take_in(job.folder)
    job.points(2)

    async def run() -> None:
        async with a_hub() as hub:
            cursor = facade.series(1)["cursor"]
            assert facade.series(1)["total"]["loss"] == 5
            seen: list[Event] = []
            reading = asyncio.create_task(read(await hub.open(1, cursor), seen))
            await until(lambda: len(steps(seen)) == 2)
            job.point()
            job.journal.alert("hot")
            job.recorder.checkpoint(8, "checkpoints/checkpoint-8")
            await until(lambda: {"alert", "checkpoint"} <= {e["event"] for e in seen})
            assert steps(seen) == [6, 7, 8]
            Store().take_in(job.folder)
            await until(lambda: seen[-1]["event"] == "job" and seen[-1]["data"]["step"] == 8)
            assert seen[-1]["data"]["verdict"] == "healthy"
            job.end()
            Store().take_in(job.folder)
            await until(lambda: seen[-1]["data"].get("status") == "completed")
            await hub.close()
            await asyncio.wait_for(reading, PATIENCE)
            assert hub.listening == 0

    asyncio.run(run())


async def restless(
    hub: Hub, seen: list[Event], log: bool, over: asyncio.Event, draw: random.Random
) -> None:
    """Leaves at any moment and comes back with the last id; now and then it is slow."""
    cursor = "0.0.0"
    while not over.is_set():
        end = time.monotonic() + draw.random() * 0.2
        async with aclosing(await hub.open(1, cursor, log=log)) as frames:
            async for content in frames:
                events = list(parsed(content))
                seen.extend(events)
                cursor = ([e["id"] for e in events if "id" in e] or [cursor])[-1]
                await asyncio.sleep(draw.choice([0, 0, 0, 0, draw.random() * 0.1]))
                if time.monotonic() > end or over.is_set():
                    break


async def write(job: page_job.Living, draw: random.Random) -> None:
    for n in range(150):
        job.points(draw.randrange(1, 4))
        if draw.random() < 0.3:
            job.say(f"line {n}")
        if draw.random() < 0.1:
            job.journal.alert(f"alert {n}")
        await asyncio.sleep(draw.choice([0, 0, draw.random() * 0.03]))


@pytest.mark.parametrize("seed", range(6))
def test_everybody_sees_everything_once(
    job: page_job.Living, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(stream, "ROOM", 3)
    draw = random.Random(seed)

    async def run() -> None:
        async with a_hub() as hub:
            over, seen = asyncio.Event(), [list[Event]() for _ in range(6)]
            readers = [
                asyncio.create_task(restless(hub, one, i % 2 == 0, over, draw))
                for i, one in enumerate(seen)
            ]
            await write(job, draw)
            said = texts(facade.changes(1, "0.0.0", log=True)["events"])
            await until(lambda: all(len(steps(one)) >= job.step for one in seen))
            await until(lambda: all(len(texts(one)) >= len(said) for one in seen[::2]))
            over.set()
            job.point()
            await asyncio.wait_for(asyncio.gather(*readers), PATIENCE)
            whole = list(range(1, job.step))
            assert [steps(one)[: len(whole)] for one in seen] == [whole] * 6
            assert [sorted(texts(one)) for one in seen[::2]] == [sorted(said)] * 3
            assert hub.listening == 0

    asyncio.run(run())


def test_a_long_past_is_told_to_its_end(job: page_job.Living) -> None:
    """More than is read at once, of a job that writes nothing any more."""
    job.points(4000)

    async def run() -> None:
        async with a_hub() as hub:
            seen = [list[Event]() for _ in range(3)]
            reading = [asyncio.create_task(read(await hub.open(1, "0.0"), one)) for one in seen]
            await until(lambda: all(len(steps(one)) == 4000 for one in seen))
            assert all(steps(one) == list(range(1, 4001)) for one in seen)
            await hub.close()
            await asyncio.gather(*reading)

    asyncio.run(run())


def test_a_slow_listener_loses_nothing(
    job: page_job.Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ROOM", 2)

    async def run() -> None:
        async with a_hub() as hub:
            frames = await hub.open(1, "0.0")
            seen: list[Event] = []
            seen += parsed(await anext(frames))
            for _ in range(10):
                job.point()
                await asyncio.sleep(0.03)
            assert len(next(iter(hub._channels.values())).listeners) == 1
            reading = asyncio.create_task(read(frames, seen))
            await until(lambda: len(steps(seen)) == 10)
            assert steps(seen) == list(range(1, 11))
            await hub.close()
            await reading

    asyncio.run(run())


def test_a_reader_that_knows_more_than_the_others(
    job: page_job.Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was read a moment after the hub last looked at the files."""
    monkeypatch.setattr(live, "TICK", 60.0)

    async def run() -> None:
        async with a_hub() as hub:
            first: list[Event] = []
            second: list[Event] = []
            reading = [asyncio.create_task(read(await hub.open(1), first))]
            await until(lambda: bool(first))
            job.points(3)
            Store().take_in(job.folder)
            cursor = facade.series(1)["cursor"]
            reading.append(asyncio.create_task(read(await hub.open(1, cursor), second)))
            await until(lambda: bool(second) and len(steps(first)) == 3)
            job.point()
            await next(iter(hub._channels.values())).look()
            await until(lambda: bool(steps(second)))
            assert (steps(first), steps(second)) == ([1, 2, 3, 4], [4])
            await hub.close()
            await asyncio.gather(*reading)

    asyncio.run(run())


def test_who_comes_back_after_a_long_time(
    job: page_job.Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["huohou.api.series"], "FAR", 5000)
    begin = facade.series(1)["cursor"]
    job.points(100)
    store = Store()
    store.take_in(job.folder)
    job.point()
    found = facade.changes(1, begin)
    assert [event["event"] for event in found["events"]] == ["reset", "job"]
    assert found["cursor"] == facade.series(1)["cursor"] and found["more"] is False
    assert steps(facade.changes(1, found["cursor"])["events"]) == [101]

    async def run() -> None:
        async with a_hub() as hub:
            seen: list[Event] = []
            reading = asyncio.create_task(read(await hub.open(1, begin), seen))
            await until(lambda: bool(steps(seen)))
            assert seen[0]["event"] == "reset" and seen[0]["id"] == found["cursor"]
            assert steps(seen) == [101]
            await hub.close()
            await reading

    asyncio.run(run())


def test_who_does_not_read_at_all_is_let_go() -> None:
    listener = Listener()
    for _ in range(2 * stream.ROOM):
        listener.put(b"x")
    assert not listener.over
    listener.put(b"x")
    assert listener.over


@pytest.mark.usefixtures("database")
def test_the_list(tmp_path: Path) -> None:
    page_job.written(tmp_path / "runs", 1, "old", steps=3)
    store = Store()
    assert [one.id for one in store.jobs()] == [1]

    async def run() -> None:
        async with a_hub() as hub:
            with page_job.living(tmp_path / "runs", 2, "new") as job:
                store.take_in(job.folder)
                seen: list[Event] = []
                reading = asyncio.create_task(read(await hub.open(None, jobs=True), seen))
                await until(lambda: bool(seen))
                assert [row["id"] for row in seen[0]["data"]["changed"]] == [2]
                assert seen[0]["data"]["total"] == 2
                assert "id" not in seen[0]
                job.point()
                store.take_in(job.folder)
                await until(lambda: len(seen) == 2)
                (row,) = seen[1]["data"]["changed"]
                assert (row["id"], row["step"], row["verdict"]) == (2, 1, "healthy")
                facade.put_away(["1"])
                await until(lambda: seen[-1]["data"]["removed"] == [1])
                await asyncio.sleep(0.1)
                assert len(seen) == 3  # what has not changed is not told
            await hub.close()
            await reading

    asyncio.run(run())


def test_a_job_that_is_gone(job: page_job.Living, tmp_path: Path) -> None:
    page_job.written(tmp_path / "runs", 2, steps=3)
    Store().take_in(tmp_path / "runs" / "2-bank-codes")

    async def run() -> None:
        async with a_hub() as hub:
            seen: list[Event] = []
            reading = asyncio.create_task(read(await hub.open(2), seen))
            await until(lambda: bool(seen))
            assert [event["event"] for event in seen] == ["job"]
            facade.put_away(["2"])
            await until(lambda: seen[-1]["event"] == "gone")
            await asyncio.sleep(0.1)
            assert [event["event"] for event in seen if event["event"] == "gone"] == ["gone"]
            await hub.close()
            await reading

    asyncio.run(run())


def test_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PING", 0.05)

    async def run() -> None:
        async with a_hub() as hub:
            seen: list[Event] = []
            reading = asyncio.create_task(read(await hub.open(None), seen))
            await until(lambda: len(seen) >= 2)
            assert {event["event"] for event in seen} == {"ping"}
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await until(lambda: hub.listening == 0)
            assert hub._task is not None
            await asyncio.wait_for(hub._task, PATIENCE)  # nobody listens: nobody looks
            again = await hub.open(None)
            assert list(parsed(await anext(again)))
            await again.aclose()

    asyncio.run(run())


def test_a_closed_hub_ends_streams_at_once(job: page_job.Living) -> None:
    async def run() -> None:
        hub = Hub()
        await hub.close()
        assert [content async for content in await hub.open(1)] == []
        assert [content async for content in await hub.open(None)] == []

    asyncio.run(run())


def test_an_answer_ends_when_its_reader_leaves() -> None:
    sent: list[Any] = []
    closed: list[bool] = []

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"event: ping\ndata: {}\n\n"
                await asyncio.sleep(0.01)
        finally:
            closed.append(True)

    async def run() -> None:
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if len(sent) == 5:
                left.set()

        await asyncio.wait_for(EventStream(frames())({"type": "http"}, receive, send), PATIENCE)

    asyncio.run(run())
    assert closed == [True]
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store" and b"content-length" not in headers
    assert sent[1]["body"].startswith(b"retry:")


def test_a_bug_in_a_stream_is_not_hidden() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b""
        raise ZeroDivisionError

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def send(message: Any) -> None: ...

    with pytest.raises(ZeroDivisionError):
        asyncio.run(EventStream(frames())({"type": "http"}, receive, send))


def events_of(server: Server, seen: list[Event], enough: Callable[[], bool], **query: Any) -> None:
    """Read a stream of a real server until there is enough."""
    headers = {"last-event-id": query.pop("last")} if "last" in query else {}
    with server.http.stream("GET", "/api/events", params=query, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        block = ""
        for line in answer.iter_lines():
            block += line + "\n"
            if not line:
                seen.extend(parsed(block.encode()))
                block = ""
                if enough():
                    return


def test_a_server_that_is_started_again(server: Server) -> None:
    """What happened meanwhile comes, once."""
    with page_job.living(server.workspace) as job:
        Store(server.workspace).take_in(job.folder)
        job.points(4)
        wait_until(lambda: server.http.get("/api/jobs/1/series").status_code == 200)
        cursor = server.http.get("/api/jobs/1/series").json()["cursor"]
        seen: list[Event] = []
        job.point()
        events_of(
            server, seen, lambda: bool(steps(seen)) and steps(seen)[-1] == 5, job=1, after=cursor
        )
        server.end()
        job.points(2)
        server.restart()
        job.point()
        last = [event["id"] for event in seen if "id" in event][-1]
        events_of(server, seen, lambda: steps(seen)[-1] == 8, job=1, after=cursor, last=last)
        assert steps(seen) == list(range(steps(seen)[0], 9))


def test_the_list_and_a_job_in_one_stream(server: Server) -> None:
    with page_job.living(server.workspace) as job:
        Store(server.workspace).take_in(job.folder)
        wait_until(lambda: server.http.get("/api/jobs").json()["total"] == 1)
        seen: list[Event] = []
        job.point()
        events_of(
            server,
            seen,
            lambda: {"jobs", "job", "points"} <= {event["event"] for event in seen},
            job=1,
            after="0.0",
            list=1,
        )
        assert steps(seen) == [1]


def test_no_stream_of_what_is_not_there(api: TestClient) -> None:
    answer = api.get("/api/events?job=3")
    assert answer.status_code == 404
