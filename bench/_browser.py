"""A page as a reader's browser sees it: when it has its picture, what it weighs, what it costs.

Every page is measured alike, whoever made it: from the outside, by the pictures that Chromium
shows and by its own counters. Nothing is asked of the page's scripts.
"""

import base64
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

CHROMIUM = os.environ.get("HUOHOU_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",  # root in a container
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEW = {"width": 1400, "height": 1900}  # high enough for all charts of every page
FILM = 700  # pixels of the film's width: half, so that taking it costs the page little
STILL = 3.0  # seconds without a change: the picture is the last one
PATIENCE = 120.0  # seconds until a page is given up
SEEN = 16  # of 255: a pixel that differs by more has changed
SHARE = 0.002  # of a part's pixels; fewer that changed are no other picture
LEAST = 0.003  # of a part's pixels that must not be background, or there is no curve in it
Setup = Callable[[Any], None]


class NoPictureError(Exception):
    """A page did not come to rest with something in all its parts."""


@dataclass(frozen=True)
class Place:
    """An address and what must be seen there: so many elements with something drawn in them."""

    url: str
    parts: str  # CSS selector
    count: int
    begin: str = ""  # script that runs before the page's own, to choose its settings


@dataclass(frozen=True)
class Opening:
    """seconds: from the navigation until all parts look as they do in the end."""

    seconds: float
    kilobytes: float  # all that came over the network until then and while it stayed so
    requests: int
    picture: bytes  # PNG


@dataclass(frozen=True)
class Life:
    """What a page costs while a point a second arrives."""

    share: float  # of the main thread's time, in seconds of processor
    heap: float  # MB of its scripts, the greatest that was seen
    kilobytes: float  # a second


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _tab(browser: Any, place: Place) -> Iterator[tuple[Any, Any, "_Traffic"]]:
    context = browser.new_context(viewport=VIEW, locale="en-GB")  # nothing in its cache
    try:
        page = context.new_page()
        if place.begin:
            page.add_init_script(place.begin)
        session = context.new_cdp_session(page)
        traffic = _Traffic(session)
        yield page, session, traffic
    finally:
        context.close()


class _Traffic:
    """Bytes that came over the network, headers and compression as they are."""

    def __init__(self, session: Any) -> None:
        self.of: dict[str, float] = {}
        session.on("Network.responseReceived", self._begins)
        session.on("Network.dataReceived", self._more)
        session.on("Network.loadingFinished", self._ends)
        session.send("Network.enable")

    def _begins(self, event: Any) -> None:
        self.of[event["requestId"]] = event["response"]["encodedDataLength"]

    def _more(self, event: Any) -> None:
        one = event["requestId"]
        self.of[one] = self.of.get(one, 0) + event["encodedDataLength"]

    def _ends(self, event: Any) -> None:
        self.of[event["requestId"]] = event["encodedDataLength"]

    @property
    def kilobytes(self) -> float:
        return sum(self.of.values()) / 1000


def opening(browser: Any, place: Place) -> Opening:
    """Open a page that the browser does not know yet. Raises NoPictureError."""
    with _tab(browser, place) as (page, session, traffic):
        film = _Film(page, session)
        page.goto(place.url, wait_until="commit", timeout=PATIENCE * 1000)
        boxes = _wait(page, place, film)
        session.send("Page.stopScreencast")
        begun = page.evaluate("performance.timeOrigin") / 1000
        ready = film.ready(boxes, place.url)
        picture = page.screenshot()
        return Opening(ready - begun, traffic.kilobytes, len(traffic.of), picture)


def _wait(page: Any, place: Place, film: "_Film") -> list[Any]:
    """Until all parts are there and nothing in them moves; their boxes."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        page.wait_for_timeout(1000)  # looking takes the processor's time, too
        parts = page.locator(place.parts)
        if parts.count() < place.count:
            continue
        boxes = [parts.nth(n).bounding_box() for n in range(place.count)]
        if all(boxes) and film.is_still(boxes):
            return boxes
    raise NoPictureError(f"{place.url}: {place.count} of {place.parts} did not come to rest")


class _Film:
    """The pictures that the browser shows, each with its time."""

    def __init__(self, page: Any, session: Any) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.session = session
        session.on("Page.screencastFrame", self._take)
        session.send("Page.enable")
        session.send("Page.startScreencast", {"format": "png", "maxWidth": FILM})

    def _take(self, event: Any) -> None:
        self.frames.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        self.session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def is_still(self, boxes: list[Any]) -> bool:
        """Whether there is something in all parts, and has been for some seconds."""
        now = time.time()
        before = [png for t, png in self.frames if t <= now - STILL]
        if not before:
            return False
        last = _parts(self.frames[-1][1], boxes)
        if not all(map(_is_drawn, last)):
            return False
        return _same(_parts(before[-1], boxes), last)

    def ready(self, boxes: list[Any], url: str) -> float:
        """When the parts first looked as in the end and went on to do so (unix seconds)."""
        last = _parts(self.frames[-1][1], boxes)
        found = self.frames[-1][0]
        for t, png in reversed(self.frames):
            if not _same(_parts(png, boxes), last):
                break
            found = t
        else:
            raise NoPictureError(f"{url}: its first picture came too late")
        return found


def _parts(png: bytes, boxes: list[Any]) -> list[Any]:
    """The parts of a picture as arrays (height, width, 3)."""
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        scale = image.width / VIEW["width"]
        pixels = np.asarray(image.convert("RGB"), dtype=np.int16)
    found = []
    for box in boxes:
        left, top = int(box["x"] * scale), int(box["y"] * scale)
        right, low = left + int(box["width"] * scale), top + int(box["height"] * scale)
        found.append(pixels[top:low, left:right])
    return found


def _same(some: list[Any], others: list[Any]) -> bool:
    return all(
        a.shape == b.shape and (abs(a - b).max(axis=2, initial=0) > SEEN).mean() <= SHARE
        for a, b in zip(some, others, strict=True)
    )


def _is_drawn(part: Any) -> bool:
    """Whether there is more in it than its background."""
    import numpy as np

    if not part.size:
        return False
    ground = np.median(part, axis=(0, 1))
    return bool((abs(part - ground).max(axis=2) > SEEN).mean() >= LEAST)


def life(browser: Any, place: Place, seconds: float, beat: Callable[[], None]) -> Life:
    """Keep a page open for so long, with ``beat`` called once a second, and read its counters."""
    with _tab(browser, place) as (page, session, traffic):
        page.goto(place.url, wait_until="commit", timeout=PATIENCE * 1000)
        page.locator(place.parts).nth(place.count - 1).wait_for(timeout=PATIENCE * 1000)
        page.wait_for_timeout(8000)  # it has drawn and settled
        session.send("HeapProfiler.collectGarbage")
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        begin, before, sent = time.monotonic(), _counters(session), traffic.kilobytes
        heap = 0.0
        for second in range(1, int(seconds) + 1):
            beat()
            page.wait_for_timeout(max(begin + second - time.monotonic(), 0) * 1000)
            heap = max(heap, _counters(session)["JSHeapUsedSize"])
        took, after = time.monotonic() - begin, _counters(session)
        busy = after["TaskDuration"] - before["TaskDuration"]
        return Life(busy / took, heap / 1e6, (traffic.kilobytes - sent) / took)


def _counters(session: Any) -> dict[str, float]:
    told = session.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in told}
