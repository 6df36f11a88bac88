"""Scripts, styles and pictures of the page, each read and squeezed once.

A page asks for some thirty of them at once, so an answer costs a look at the file's time and no
more. A browser keeps them but asks about each time: after an update no old one is used.
"""

import gzip
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/static/"
# Names of ours; nothing hidden, nothing that leads elsewhere.
_NAME = re.compile(r"(?:[a-z0-9][\w-]*/)*[a-zA-Z0-9][\w-]*(?:\.[\w-]+)+", re.ASCII)
_TEXTS = ("text/", "image/svg")
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
# No more than these, for they come thirty times: what keeps foreign scripts out stands on the page.
_HEADERS = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was read. seen: its time and size then; small: squeezed, where that is less."""

    seen: tuple[int, int]
    kind: str
    raw: bytes
    small: bytes | None


class Assets:
    """Answers what is asked of a folder; everything else, and what is not there, is passed on."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app, self.folder = app, folder
        self._files: dict[str, File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        asked = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        found = None
        if asked and scope["method"] in ("GET", "HEAD"):
            found = self.file(scope["path"].removeprefix(PREFIX))
        if found is None:
            await self.app(scope, receive, send)
        else:
            await _answer(found, Headers(scope=scope))(scope, receive, send)

    def file(self, name: str) -> File | None:
        """The file of that name below the folder, as it is now."""
        if not _NAME.fullmatch(name):
            return None
        path = self.folder / name
        try:
            stat = path.stat()
            seen = stat.st_mtime_ns, stat.st_size
            known = self._files.get(name)
            if known is None or known.seen != seen:
                known = self._files[name] = _read(path, seen)
        except OSError:
            return None
        return known


def _read(path: Path, seen: tuple[int, int]) -> File:
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    raw = path.read_bytes()
    small = gzip.compress(raw, 9, mtime=0) if kind.startswith(_TEXTS) else raw
    return File(seen, kind, raw, small if len(small) < len(raw) else None)


def _answer(file: File, asked: Headers) -> Response:
    squeezes = file.small is not None and "gzip" in asked.get("accept-encoding", "")
    tag = f'"{file.seen[0]:x}-{file.seen[1]:x}{"-z" if squeezes else ""}"'
    headers = {**_HEADERS, "etag": tag, "vary": "accept-encoding"}
    if tag in asked.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if squeezes and file.small is not None:
        headers["content-encoding"] = "gzip"
        return Response(file.small, headers=headers, media_type=file.kind)
    return Response(file.raw, headers=headers, media_type=file.kind)
