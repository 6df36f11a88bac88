"""What a job told before, read once for all who missed it.

Who comes when others are listening already reads the files up to where those are. Many come at the
same place (a page that is opened by a class, every page after the server was started again), so
the pieces are kept, ready to be sent.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from huohou.web.stream import frame

if TYPE_CHECKING:
    from huohou.api.series import Cursor, News

MOST = 1 << 22  # bytes that are kept of a job


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames, and where one stands after them."""

    content: bytes
    end: "Cursor"


class Past:
    """Pieces by the cursor they begin at. To be used from one event loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[Cursor, Piece] = OrderedDict()
        self._reading: dict[Cursor, asyncio.Task[Piece]] = {}
        self._size = 0

    async def piece(self, news: "News", until: "Cursor") -> bytes:
        """What comes next for this reader, who has it then; empty where there is nothing.

        until: where the others are. Lines of the log are read anew for each: the last one may
        change as long as it has no end.
        """
        if news.cursor.log is not None:
            return (await asyncio.to_thread(_read, news, until)).content
        begin = news.cursor
        piece = self._known.get(begin)
        if piece is None:
            piece = await asyncio.shield(self._asked(news, until))
        if piece.end != begin:
            news.go_on(piece.end)
        return piece.content

    def forget(self) -> None:
        """The files are others now."""
        self._known.clear()
        self._reading.clear()
        self._size = 0

    def _asked(self, news: "News", until: "Cursor") -> asyncio.Task[Piece]:
        begin = news.cursor
        reading = self._reading.get(begin)
        if reading is None:
            reading = asyncio.create_task(asyncio.to_thread(_read, news.copy(), until))
            self._reading[begin] = reading
            reading.add_done_callback(lambda done: self._is_read(begin, done))
        return reading

    def _is_read(self, begin: "Cursor", done: asyncio.Task[Piece]) -> None:
        if self._reading.get(begin) is not done:
            return  # of files that are gone
        del self._reading[begin]
        if done.cancelled() or done.exception() is not None:
            return
        piece = done.result()
        if piece.end == begin or not piece.end.reaches(begin):  # nothing, or files that are others
            return
        self._known[begin] = piece
        self._size += len(piece.content)
        while self._size > MOST:
            _, old = self._known.popitem(last=False)
            self._size -= len(old.content)


def _read(news: "News", until: "Cursor") -> Piece:
    told = news.poll(until)
    return Piece(b"".join(frame(one.kind, one.data, one.cursor) for one in told), news.cursor)
