"""What the server keeps between requests."""

import asyncio
import contextlib
import gzip
import itertools
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from starlette.requests import Request
from starlette.responses import Response

from huohou import api, text
from huohou.errors import HuohouError
from huohou.web.document import Document, dumps
from huohou.web.live import Hub

if TYPE_CHECKING:
    from huohou.api.kept import Kept

GLANCE = 1.0  # seconds between two looks at what runs
TEND = 4  # of them between two looks after jobs whose supervisor died, or that wait
FRESH = 1.0  # seconds an answer may be given again while the store is as it was
MOST = 1 << 25  # bytes of answers that are kept
SMALL = 1000  # bytes below which it is not worth to squeeze them
SQUEEZE = 5

log = logging.getLogger("huohou.web")


class Workspace:
    """The workspace that is shown; entered when the server starts, left when it ends.

    hub: who listens to what happens. Where the application is used without being started (in a
    test) everything works, only nothing is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = Hub()
        self.planner = api.Planner()
        self.answers = Answers()
        self._open = contextlib.ExitStack()
        self._tending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self.folder != api.workspace():
            # The whole facade, and what it starts, reads the workspace here.
            self._open.enter_context(_environment("HUOHOU_HOME", str(self.folder)))
        kept = self._open.enter_context(api.keep())
        self._tending = asyncio.create_task(_tend(kept))
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.hub.close()
        self.planner.close()
        if self._tending is not None:
            self._tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tending
        self._open.close()


async def _tend(kept: "Kept") -> None:
    for count in itertools.count():
        try:
            await asyncio.to_thread(kept.glance if count % TEND else kept.tend)
        except (HuohouError, OSError) as error:  # a full disk, a locked database: the next time
            log.warning("%s", error)
        await asyncio.sleep(GLANCE)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Any:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


Stamp = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in bytes, and small; stamp: of the store it was made of, at: when."""

    raw: bytes
    small: bytes | None
    stamp: object
    at: float

    def is_fresh(self, stamp: object) -> bool:
        """Whether it may be given again."""
        same = stamp is not None and stamp == self.stamp
        return same and time.monotonic() - self.at < FRESH


class Answers:
    """Answers are given again while nothing has changed: many ask the same question.

    Who asks while an answer is made waits for that one. To be used from one event loop.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Answer] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[Answer]] = {}
        self._size = 0

    async def get(self, key: Hashable, make: Callable[[], Any], stamp: Stamp) -> Answer:
        """The JSON of what `make` gives (or its bytes), for this key and the reader's language.

        stamp: gives what changes whenever the answer might, None where that is not known.
        """
        key = (text.language(), key)
        known = self._known.get(key)
        if known is not None and known.is_fresh(stamp()):
            return known
        making = self._making.get(key)
        if making is None:
            making = asyncio.create_task(asyncio.to_thread(_made, make, stamp))
            self._making[key] = making
            making.add_done_callback(lambda done: self._is_made(key, done))
        made = await asyncio.shield(making)
        if made.stamp is not None:
            self._keep(key, made)
        return made

    def _is_made(self, key: Hashable, done: asyncio.Task[Answer]) -> None:
        del self._making[key]
        if not done.cancelled():
            done.exception()  # whoever waits for it is told; if they have all left, nobody is

    def _keep(self, key: Hashable, made: Answer) -> None:
        before = self._known.pop(key, None)
        self._size += len(made.raw) - (len(before.raw) if before else 0)
        self._known[key] = made
        while self._size > MOST and len(self._known) > 1:
            _, old = self._known.popitem(last=False)
            self._size -= len(old.raw)


def _made(make: Callable[[], Any], stamp: Stamp) -> Answer:
    before = stamp()  # asked first: what changes meanwhile makes another answer
    value = make()
    raw = value if isinstance(value, bytes) else dumps(value)
    small = gzip.compress(raw, SQUEEZE, mtime=0) if len(raw) >= SMALL else None
    return Answer(raw, small, before, time.monotonic())


class Json(Document):
    """JSON, from data or from bytes that are JSON already."""

    def render(self, content: Any) -> bytes:
        """The bytes of an answer."""
        return content if isinstance(content, bytes) else super().render(content)


def of(request: Request) -> Workspace:
    """The workspace of the application that a request came to."""
    found: Workspace = request.app.state.workspace
    return found


async def kept_answer(
    request: Request,
    key: Hashable,
    make: Callable[[], Any],
    *,
    folder: int | None = None,
    media_type: str = Json.media_type,
) -> Response:
    """What `make` gives as JSON (or its bytes); for a moment the same is given again while the
    store has not changed, and neither has the folder of the job of that number."""

    def stamp() -> object:
        store = api.database_stamp()
        if store is None or folder is None:
            return store
        return store, api.folder_stamp(folder)

    answer = await of(request).answers.get(key, make, stamp)
    headers = {"vary": "accept-encoding"}
    if answer.small is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(answer.small, media_type=media_type, headers=headers)
    return Response(answer.raw, media_type=media_type, headers=headers)
