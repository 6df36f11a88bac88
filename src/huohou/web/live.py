"""Live: what happens in the workspace, told to everybody who listens, by server-sent events.

One task looks at what is listened to; each look is made once, however many listen. A listener
that has been away, or is too slow, goes on by its cursor: it reads the files itself up to where
the others are, and joins them there, so nothing is left out and nothing is told twice.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from huohou import api
from huohou.errors import HuohouError
from huohou.web.past import Past
from huohou.web.stream import Listener, frame

if TYPE_CHECKING:
    from huohou.api.job_list import JobListing, ListNews
    from huohou.api.series import Cursor, Message, News

TICK = 0.25  # seconds between two looks at the files
LIST = 1.0  # seconds between two looks at the store
PING = 15.0  # seconds between two signs of life

log = logging.getLogger("huohou.web")


@dataclass(eq=False)
class Channel:
    """A job that is listened to.

    news: its files, as far as all listeners have been told; head: the same as a cursor; coming:
    listeners that are catching up; job: its row as it was told last.
    """

    number: int
    news: "News"
    head: "Cursor"
    listeners: set[Listener] = field(default_factory=set)
    coming: set[Listener] = field(default_factory=set)
    job: dict[str, Any] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while the files are read
    past: Past = field(default_factory=Past)

    async def look(self) -> None:
        """Read what is new and tell it."""
        async with self.lock:
            if self.head.log is not None and not any(one.log for one in self.listeners):
                self.news.leave_log()
            for message in await asyncio.to_thread(self.news.poll):
                self._tell(message)
            self.head = self.news.cursor

    def _tell(self, message: "Message") -> None:
        if message.kind == "reset":
            self.past.forget()
        content = frame(message.kind, message.data, message.cursor)
        for listener in self.listeners:
            if message.kind != "log" or listener.log:
                listener.put(content, message.cursor)

    async def join(self, listener: Listener, news: "News") -> bool:
        """Let a listener in, if it stands exactly where the others do."""
        async with self.lock:
            if listener.log and self.head.log is None:
                self.news.read_log(news.cursor.log)
                self.head = self.news.cursor
            if not self.stands_at(news.cursor):
                return False
            if self.job is not None:
                listener.put(frame("job", self.job))
            self.coming.discard(listener)
            self.listeners.add(listener)
            return True

    def stands_at(self, cursor: "Cursor") -> bool:
        """Whether just that has been told."""
        return self.head.reaches(cursor) and cursor.reaches(self.head)

    def leave(self, listener: Listener) -> None:
        """It listens no more."""
        self.listeners.discard(listener)
        self.coming.discard(listener)

    def tell_job(self, job: dict[str, Any] | None) -> None:
        """Say what its row is now, where that is something else; None: it is gone."""
        if job is None and self.job is not None:
            content = frame("gone", {"job": self.number})
        elif job is not None and (self.job is None or _steady(job) != _steady(self.job)):
            content = frame("job", job)
        else:
            return
        self.job = job
        for listener in self.listeners:
            listener.put(content)


class Hub:
    """Everybody who listens. To be used from one event loop."""

    def __init__(self) -> None:
        self._channels: dict[int, Channel] = {}
        self._everybody: set[Listener] = set()
        self._lists: set[Listener] = set()
        self._listing: JobListing | None = None
        self._listed = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._stamp: object = None
        self._closed = False

    async def open(
        self, job: int | None, after: str | None = None, *, log: bool = False, jobs: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """A stream of frames. job: whose news, after a cursor (by default the store's), log: with
        the lines of its log; jobs: changes of the list. Raises UsageError before it begins."""
        news = None
        if job is not None:
            news = await asyncio.to_thread(api.follow, job, after, log=log)
        return self._stream(Listener(log), news, job, jobs)

    async def close(self) -> None:
        """End all streams; later ones end at once."""
        self._closed = True
        for listener in list(self._everybody):
            listener.end()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def listening(self) -> int:
        """Streams that are open."""
        return len(self._everybody)

    async def _stream(
        self, listener: Listener, news: "News | None", job: int | None, jobs: bool
    ) -> AsyncGenerator[bytes, None]:
        self._everybody.add(listener)
        listener.over = self._closed
        try:
            if jobs:
                yield await self._list_joined(listener)
            self._wake()
            if news is None or job is None:
                while content := (await listener.take())[0]:
                    yield content
                return
            async for content in self._of_job(listener, news, job):
                yield content
        except HuohouError as error:  # the job is gone, or the store: who comes back is told
            log.warning("%s", error)
        finally:
            self._everybody.discard(listener)
            self._lists.discard(listener)
            self._leave(listener, job)

    async def _of_job(
        self, listener: Listener, news: "News", number: int
    ) -> AsyncGenerator[bytes, None]:
        while not listener.over:
            listener.catch_up()
            channel = self._channels.get(number)
            if channel is None:
                own = news.copy()
                channel = self._channels[number] = Channel(number, own, own.cursor)
            channel.coming.add(listener)
            async for content in _catch_up(channel, listener, news):
                yield content
            if channel.job is None:
                await self._look_at_store([channel])
            cursor = news.cursor
            while not listener.late and not listener.over:
                content, at = await listener.take()
                cursor = at or cursor
                if content:
                    yield content
            channel.leave(listener)
            if listener.late:
                news = await asyncio.to_thread(api.follow, number, str(cursor), log=listener.log)

    def _leave(self, listener: Listener, number: int | None) -> None:
        channel = self._channels.get(number) if number is not None else None
        if channel is not None:
            channel.leave(listener)

    async def _list_joined(self, listener: Listener) -> bytes:
        """The runs that are live now; what changes from here on, the listener is told."""
        async with self._listed:
            if self._listing is None or not self._lists:
                self._listing = api.JobListing()
                await asyncio.to_thread(self._listing.look)
            self._lists.add(listener)
            return frame("jobs", _as_data(self._listing.live()))

    # The task

    def _wake(self) -> None:
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pinged = listed = loop.time()
        try:
            while self._everybody:
                await self._look()
                now = loop.time()
                if now - listed >= LIST:
                    listed = now
                    await self._look_at_list()
                if now - pinged >= PING:
                    pinged = now
                    for listener in self._everybody:
                        listener.put(frame("ping", {}))
                await asyncio.sleep(TICK)
        finally:  # also after a bug: who listens comes back and starts it again
            self._channels.clear()
            for listener in list(self._everybody):
                listener.end()

    async def _look(self) -> None:
        for number, channel in list(self._channels.items()):
            if not channel.listeners and not channel.coming:
                del self._channels[number]
        channels = list(self._channels.values())
        if not channels:
            return
        stirring, stamp = await asyncio.to_thread(_glance, channels)
        for channel in stirring:
            try:
                await channel.look()
            except OSError as error:
                log.warning("%s", error)
        if stamp != self._stamp:
            self._stamp = stamp
            await self._look_at_store(channels)

    async def _look_at_store(self, channels: list[Channel]) -> None:
        try:
            found = await asyncio.to_thread(api.jobs_now, [one.number for one in channels])
        except (HuohouError, OSError) as error:
            log.warning("%s", error)
            return
        for channel in channels:
            channel.tell_job(found.get(channel.number))

    async def _look_at_list(self) -> None:
        if not self._lists or self._listing is None:
            return
        async with self._listed:
            try:
                news = await asyncio.to_thread(self._listing.look)
            except (HuohouError, OSError) as error:
                log.warning("%s", error)
                return
        if news.changed or news.removed:
            content = frame("jobs", _as_data(news))
            for listener in self._lists:
                listener.put(content)


async def _catch_up(
    channel: Channel, listener: Listener, news: "News"
) -> AsyncGenerator[bytes, None]:
    """What the others have been told already, until the listener is one of them."""
    for message in news.said_first():
        yield frame(message.kind, message.data, message.cursor)
    while not await channel.join(listener, news):
        if not channel.head.reaches(news.cursor):  # its cursor is of a moment ago, our look older
            await channel.look()
        before = news.cursor
        if content := await channel.past.piece(news, channel.head):
            yield content
        if news.cursor == before and not channel.stands_at(news.cursor):
            await asyncio.sleep(TICK)


def _glance(channels: list[Channel]) -> tuple[list[Channel], object]:
    """Channels whose files have changed, and what changes whenever the store does."""
    try:
        stamp: object = api.database_stamp()
    except (HuohouError, OSError):
        stamp = None
    if stamp is None:  # that cannot be seen from outside: asked now and then
        stamp = int(time.monotonic() / LIST)
    return [channel for channel in channels if channel.news.stirs()], stamp


def _steady(job: dict[str, Any]) -> dict[str, Any]:
    """Without what passes by itself."""
    return job | {"progress": job["progress"] | {"seconds_left": None}}


def _as_data(news: "ListNews") -> dict[str, Any]:
    return {"changed": news.changed, "removed": news.removed, "total": news.total}
