"""One stream of server-sent events: its frames, who it is for, and how it is sent."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from huohou.errors import UsageError
from huohou.web.access import STAYS

if TYPE_CHECKING:
    from huohou.api.series import Cursor

CARE = 5.0  # seconds between two looks at whether who listens still may
ROOM = 100  # frames that wait for a listener; one that is slower goes on by its cursor


def frame(event: str, data: Any, cursor: object = None) -> bytes:
    """One server-sent event. Without a cursor the listener keeps the one it has."""
    head = f"event: {event}\n" if cursor is None else f"id: {cursor}\nevent: {event}\n"
    return head.encode() + b"data: " + orjson.dumps(data) + b"\n\n"


@dataclass(eq=False)
class Listener:
    """Who listens: frames wait here until they are sent.

    log: wants lines of the log too; late: a frame of its job did not fit in any more, so it goes
    on by its cursor; over: nothing more will come.
    """

    log: bool = False
    late: bool = False
    over: bool = False
    _frames: "list[tuple[bytes, Cursor | None]]" = field(default_factory=list)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, content: bytes, cursor: "Cursor | None" = None) -> None:
        """A frame for it."""
        full = len(self._frames) >= ROOM
        if cursor is not None:
            self.late = self.late or full
        elif len(self._frames) >= 2 * ROOM:  # so slow that it has to begin anew
            self.over = True
        if not self.over and not (cursor is not None and self.late):
            self._frames.append((content, cursor))
        self._some.set()

    def end(self) -> None:
        """Its stream is over."""
        self.over = True
        self._some.set()

    def catch_up(self) -> None:
        """What waits of its job is left: it reads that itself."""
        self._frames = [one for one in self._frames if one[1] is None]
        self.late = False

    async def take(self) -> "tuple[bytes, Cursor | None]":
        """What has come, in one piece, and the cursor after it; empty when nothing will come."""
        while not self._frames and not self.over and not self.late:
            self._some.clear()
            await self._some.wait()
        frames, self._frames = self._frames, []
        cursors = [cursor for _, cursor in frames if cursor is not None]
        return b"".join(content for content, _ in frames), cursors[-1] if cursors else None


class EventStream(Response):
    """An answer that goes on until its reader leaves, or may not stay any more."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncGenerator[bytes, None], status_code: int = 200) -> None:
        super().__init__(
            status_code=status_code,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        del self.headers["content-length"]
        self._frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one side has enough."""
        sending = asyncio.ensure_future(self._send(send))
        out = asyncio.ensure_future(_shown_out(scope))
        others = [asyncio.ensure_future(_left(receive)), out]
        try:
            await asyncio.wait({sending, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, *others):
                task.cancel()
            await asyncio.gather(sending, *others, return_exceptions=True)
        if sending.cancelled() and not out.cancelled():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": b"retry: 1000\n\n", "more_body": True})
        async with contextlib.aclosing(self._frames) as frames:
            async for content in frames:
                body = {"type": "http.response.body", "body": content, "more_body": True}
                await send(body)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _shown_out(scope: Scope) -> None:
    """Until the token with which the stream was asked for is good for nothing any more."""
    may_stay = scope.get(STAYS, lambda: True)
    with contextlib.suppress(UsageError):  # who may come in cannot be told: nobody may
        while may_stay():
            await asyncio.sleep(CARE)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
