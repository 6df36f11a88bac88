"""Work that takes long and tells what happens: in a thread of its own, as events to one reader."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import StreamingResponse

from huohou import api
from huohou.errors import HuohouError
from huohou.text import say

log = logging.getLogger("huohou.web")

Work = Callable[[api.Caller], None]
Events = AsyncGenerator[tuple[str, Any], None]
MOST = 24  # who may be answered or wait at once
PING = 15.0  # seconds without anything to tell
LOOK = 0.5  # seconds between two looks at whether a reader is still there
_places = threading.BoundedSemaphore(MOST)


class BusyError(HuohouError):
    """Too many are being answered: 429."""


class BugError(Exception):
    """What nobody expected happened in the thread; it is in the log."""


async def events(work: Work) -> Events:
    """What work tells, as it tells it; "ping" where nothing comes for a while.

    Ends when the work does, and the work is told that nobody listens when this is closed. What it
    raises is raised here. Raises BusyError where too many are being answered.
    """
    if not _places.acquire(blocking=False):
        raise BusyError("chat.busy")
    worker = _Worker(work, asyncio.get_running_loop())
    worker.start()
    try:
        while (told := await worker.next()) is not None:
            yield told
    finally:
        worker.left.set()


class _Worker:
    """The thread that work runs in, with the language of the request."""

    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        self._work, self._loop = work, loop
        self._told: asyncio.Queue[tuple[str, Any] | Exception | None] = asyncio.Queue()
        self.left = threading.Event()

    def start(self) -> None:
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._run,), daemon=True).start()

    async def next(self) -> tuple[str, Any] | None:
        """What is told next, None at the end. Raises what the work raised."""
        try:
            told = await asyncio.wait_for(self._told.get(), PING)
        except TimeoutError:
            return "ping", {}
        if isinstance(told, Exception):
            raise told
        return told

    def _run(self) -> None:
        end: Exception | None = None
        try:
            self._work(api.Caller(lambda event, data: self._put((event, data)), self.left.is_set))
        except api.LeftError:
            pass
        except HuohouError as error:
            end = error
        except Exception as error:  # the edge of a thread: a bug of ours
            log.exception("a bug while a question was answered")
            end = BugError(str(error))
        finally:
            _places.release()
            self._put(end)

    def _put(self, told: tuple[str, Any] | Exception | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._told.put_nowait, told)
        except RuntimeError:  # the server ended meanwhile
            self.left.set()


async def streamed(work: Work) -> StreamingResponse:
    """The events of work as server-sent events; what goes wrong is the event ``error``.

    Raises what went wrong before there was anything to tell, so that it has a status.
    """
    told = events(work)
    try:
        first = await anext(told)
    except StopAsyncIteration:
        first = ("ping", {})
    return StreamingResponse(_frames(first, told), media_type="text/event-stream", headers=HEADERS)


HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def _frames(first: tuple[str, Any], told: Events) -> AsyncIterator[bytes]:
    try:
        yield frame(*first)
        async for event, data in told:
            yield frame(event, data)
    except HuohouError as error:
        yield frame("error", {"key": error.key, "message": str(error)})
    except BugError:
        yield frame("error", {"key": "web.bug", "message": say("web.bug")})
    finally:
        await told.aclose()


def frame(event: str, data: Any) -> bytes:
    """One server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), orjson.dumps(data))


async def collected(work: Work, request: Request) -> list[tuple[str, Any]]:
    """All events of work; it ends when the reader leaves."""
    told = events(work)
    watcher = asyncio.create_task(_leaves(request))
    gather = asyncio.create_task(_all(told))
    try:
        await asyncio.wait({watcher, gather}, return_when=asyncio.FIRST_COMPLETED)
        if not gather.done() or not gather.result():
            raise api.LeftError("chat.left")
        return gather.result()
    finally:
        watcher.cancel()
        gather.cancel()


async def _all(told: Events) -> list[tuple[str, Any]]:
    return [one async for one in told]


async def _leaves(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(LOOK)
