"""Who may call: what a page on this machine must refuse because browsers carry foreign wishes.

Any web page can make a browser send requests to localhost, and a name of its own can be made to
point there (DNS rebinding). So a request must name a host of ours, a changing one must come from
our own page, and off loopback each one carries a token.
"""

import socket
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers as RequestHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from huohou.errors import UsageError
from huohou.web import failures
from huohou.web.access import ROLE, SAFE, STAYS, Access, below, may
from huohou.web.language import cookie

MB = 2**20
BODY_LIMIT = 8 * MB
UPLOAD_LIMIT = 256 * MB
UPLOADS = ("/api/doctor", "/api/uploads")  # what is sent to these, and below, are files
HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' data:",
            "style-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            # scripts cannot turn text into HTML, even by a slip
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
PARTS_OF_OURS = "/static"
PARTS = (b"text/javascript", b"text/css")  # of a page, by the kinds that a browser goes by


class Headers:
    """Puts the headers that keep foreign scripts out on every answer that has none of its own.

    Scripts and styles of ours are left as they are: a policy is that of the page they stand in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = dict(message.get("headers", ()))
                # "Not modified" changes no header of what the browser keeps.
                is_part = own.get(b"content-type", b"").startswith(PARTS)
                if not is_part and message["status"] != 304:
                    more = [pair for pair in RAW if pair[0] not in own]
                    message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Ends requests whose body is too large with 413, also where its length is not told."""

    def __init__(self, app: ASGIApp) -> None:
        self.usual = RequestBodyLimitMiddleware(app, BODY_LIMIT)
        self.upload = RequestBodyLimitMiddleware(app, UPLOAD_LIMIT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = scope["type"] == "http" and below(scope["path"], UPLOADS)
        limit = self.upload if is_upload else self.usual
        if scope["type"] == "http" and told_length(scope) > limit.max_body_size:
            refusal = failures.answer(scope, 413, "web.too_large", path=scope["path"])
            refusal.headers["connection"] = "close"  # nobody reads what is still to come
            await refusal(scope, receive, send)
        else:
            await limit(scope, receive, send)


def told_length(scope: Scope) -> int:
    """Bytes of the body by the request's header; 0 where it does not say."""
    length = RequestHeaders(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


class Guard:
    """Refuses what does not come from our own page or a program that the user started."""

    def __init__(self, app: ASGIApp, *, access: Access, hosts: Sequence[str]) -> None:
        self.app, self.access = app, access
        self.hosts = {plain(host) for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if scope["type"] == "websocket":  # there are none here
            await send({"type": "websocket.close", "code": 1008})
        elif refusal is None:
            await self.app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = RequestHeaders(scope=scope)
        if not self._is_ours(headers.get("host", "")):
            return failures.answer(scope, 403, "web.security.host", host=headers.get("host", ""))
        if not from_our_page(scope["method"], headers):
            return failures.answer(scope, 403, "web.security.origin")
        try:
            return self._unless_allowed(scope, headers)
        except UsageError as error:  # who may come in cannot be told: nobody may
            return failures.told(scope, 503, error.key, str(error))

    def _is_ours(self, header: str) -> bool:
        host = plain(header)
        # A page that rebinds its name to this machine still sends that name: an address is safe,
        # but without a token only the addresses of loopback can be meant.
        return is_loopback(host) or host in self.hosts or (is_address(host) and self._is_asked())

    def _is_asked(self) -> bool:
        try:
            return self.access.is_asked()
        except UsageError:  # the request is refused for that further on
            return True

    def _unless_allowed(self, scope: Scope, headers: RequestHeaders) -> Response | None:
        name = cookie_name(scope)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        in_address = dict(query).get("token")
        asked = self.access.is_asked()
        has_one = scope["method"] == "GET" and in_address is not None and asked
        if has_one and self.access.role(in_address) is not None:
            rest = [one for one in query if one[0] != "token"]
            return _welcome(scope, name, str(in_address), rest)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else cookie(headers, name)
        role = self.access.role(given)
        if role is None and is_part(scope):
            scope[ROLE] = "reader"
            return None  # how the page that asks for a token looks
        if role is None:
            without = given is None and in_address is None
            key = "web.security.token" if without else "web.security.token_unknown"
            refused = failures.answer(scope, 401, key)
            refused.headers["www-authenticate"] = "Bearer"
            return refused
        scope[ROLE] = role
        scope[STAYS] = lambda: self.access.role(given) is not None
        if may(role, scope["method"], scope["path"]):
            return None
        key = "web.security.read_only" if self.access.read_only else "web.security.reader"
        return failures.answer(scope, 403, key)


def is_part(scope: Scope) -> bool:
    """Whether a request asks for a script, style or picture of huohou itself: nobody's secret."""
    return scope["method"] in SAFE and below(scope["path"], (PARTS_OF_OURS,))


def _welcome(
    scope: Scope, name: str, token: str, query: Iterable[tuple[str, str]]
) -> RedirectResponse:
    """The same address without the token, which a cookie carries from now on."""
    rest = urlencode(list(query))
    path = "/" + Request(scope).url.path.lstrip("/")  # "//name" would be another host
    response = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
    secure = scope["scheme"] == "https"
    response.set_cookie(name, token, path="/", httponly=True, samesite="strict", secure=secure)
    return response


def from_our_page(method: str, headers: RequestHeaders) -> bool:
    """Whether a request is one of our page's own, of a program, or a link that was followed.

    Browsers tell by Sec-Fetch-Site (on loopback and https) and by Origin (when something is
    changed); a script in a page can forge neither. Programs send none of them.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if method in SAFE:
        followed = headers.get("sec-fetch-mode") == "navigate"
        return site in (None, "same-origin", "none") or followed
    if site not in (None, "same-origin", "none"):
        return False
    # With "no-referrer" a form of our own page sends "null"; then the site has told.
    if origin is None or (origin == "null" and site is not None):
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == headers["host"].lower()


def cookie_name(scope: Scope) -> str:
    """The token's cookie: browsers share cookies among the ports of a host, servers must not."""
    server = scope.get("server")
    return f"huohou_token_{server[1]}" if server else "huohou_token"


def plain(host: str) -> str:
    """The name or address in a Host header, without its port.

    >>> plain("LocalHost:3000"), plain("[::1]:3000"), plain("::1"), plain("10.0.0.1.")
    ('localhost', '::1', '::1', '10.0.0.1')
    """
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rstrip(".") if host.count(":") > 1 else host.partition(":")[0].rstrip(".")


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine.

    >>> [is_loopback(h) for h in ("localhost", "127.0.0.2", "::1", "127.0.0.1.example.org", "")]
    [True, True, True, False, False]
    """
    if is_address(host):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def is_address(host: str) -> bool:
    """Whether a host is an address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def own_names() -> Iterator[str]:
    """Names of this machine, for a server that listens on all its addresses."""
    name = socket.gethostname()
    yield name
    yield f"{name}.local"  # as machines beside it find it; DNS is not asked, that can take long
