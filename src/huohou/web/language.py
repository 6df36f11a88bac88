"""In which language a request is answered: ``?lang=``, then the cookie, then the browser's own."""

import re

from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from huohou import text

COOKIE = "huohou_lang"


class Language:
    """Chooses the language for one request, its handlers in threads and its streams included.

    A plain ASGI layer: what it sets in the request's context holds in everything that the request
    calls, because tasks and worker threads start with a copy of that context.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wish = chosen(scope) if scope["type"] == "http" else None
        with text.speaking(wish or text.language()):
            await self.app(scope, receive, send)


def chosen(scope: Scope) -> str | None:
    """The request's language; None where it asks for none that there is."""
    headers = Headers(scope=scope)
    asked = QueryParams(scope["query_string"]).get("lang")
    for wish in (asked, cookie(headers, COOKIE)):
        if wish in text.LANGUAGES:
            return wish
    return accepted(headers.get("accept-language", ""))


def accepted(header: str) -> str | None:
    """The language of ours that an Accept-Language header likes best.

    >>> accepted("fr;q=0.9, zh-CN;q=0.8, en;q=0.3"), accepted("de"), accepted("en;q=x")
    ('zh', None, None)
    """
    likes: list[tuple[float, str]] = []
    for wish in header.split(","):
        found = re.fullmatch(
            r"\s*([a-zA-Z]{1,8})(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d*)?)\s*)?", wish
        )
        if found and found[1].lower() in text.LANGUAGES:
            likes.append((float(found[2] or 1), found[1].lower()))
    best = max(likes, key=lambda like: like[0], default=None)  # the first among equals
    return best[1] if best and best[0] > 0 else None


def cookie(headers: Headers, name: str) -> str | None:
    """A cookie's value; None when it is not there."""
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
    return None
