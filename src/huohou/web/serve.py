"""``huohou serve``: the page on a port of this machine."""

import asyncio
import contextlib
import errno
import logging
import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from huohou import api
from huohou.errors import HuohouError, UsageError
from huohou.text import say
from huohou.web import html
from huohou.web.access import Access
from huohou.web.app import STATIC, create_app
from huohou.web.security import is_loopback, own_names, plain

SHORTEST = 16  # characters of a token that a person chose
EVERYWHERE = ("0.0.0.0", "::")
PATIENCE = 3  # seconds that requests have to end when the server does
_Say = Callable[[str], None]


def run(
    host: str,
    port: int,
    *,
    open_: bool = False,
    token_file: Path | None = None,
    names: Sequence[str] = (),
    read_only: bool = False,
    note: _Say = print,
) -> None:
    """Serve until Ctrl-C, which is a KeyboardInterrupt here. Raises UsageError.

    names: names beside those of loopback under which it is called; read_only: nobody changes
    anything. note: tells the person.
    """
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # strangers' malformed forms
    team = api.people()
    token = _token(host, token_file, has_people=bool(team.all()))
    for secret in filter(None, (token_file, team.file)):
        api.keep_secret(secret)
    listener = _listen(host, port)
    access = Access(token, lambda: team, read_only, closed=not is_loopback(plain(host)))
    app = create_app(access=access, hosts=_hosts(host, names))
    address = _address(host, listener.getsockname()[1], token)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # it would write the token of the first address
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=PATIENCE,
    )
    with listener:
        _Server(app, config, lambda: _begin(address, access, open_, note)).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells that it is ready, and ends its streams before it waits for requests to end."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._ready = app, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._app.state.workspace.hub.close()
        self._app.state.workspace.planner.close()
        await super().shutdown(sockets)


def _begin(address: str, access: Access, open_: bool, note: _Say) -> None:
    note(say("web.serve.ready", address=address))
    if access.token is not None:
        note(say("web.serve.token"))
    if access.people is not None and access.people().all():
        note(say("web.serve.people", n=len(access.people().all()), path=access.people().file))
    if access.read_only:
        note(say("web.serve.read_only"))
    for folder in _homes():
        note(say("web.serve.home", folder=folder))
    if not (STATIC / "lib" / "uPlot.iife.min.js").is_file():
        note(say("web.serve.no_charts"))
    note(say("web.serve.end"))
    if open_ and not _open(address):
        note(say("web.serve.no_browser"))
    asyncio.get_running_loop().run_in_executor(None, _warm)


def _homes() -> list[Path]:
    """Folders that the page may read although the person's whole home lies in them."""
    try:
        home = Path.home().resolve()
    except RuntimeError:  # nobody's
        return []
    return [root for root in api.roots() if home.is_relative_to(root)]


def _warm() -> None:
    """What the first page would wait for: templates, and what is imported when it is needed."""
    html.prepare()
    with contextlib.suppress(HuohouError):  # a workspace that cannot be read: the page tells
        for job in api.job_list(limit=1)["jobs"]:
            api.job_details(job["id"])


def _open(address: str) -> bool:
    """Open the desktop's browser; False where there is no desktop (only browsers in a terminal)."""
    has_desktop = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if sys.platform.startswith("linux") and not has_desktop and "BROWSER" not in os.environ:
        return False
    asyncio.get_running_loop().run_in_executor(None, webbrowser.open, address)
    return True


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise UsageError("web.serve.bad_host", host=host, problem=error.strerror) from error
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":  # there it would share a port that is taken
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _refused(error, host, port) from error
    return listener


def _refused(error: OSError, host: str, port: int) -> UsageError:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        return UsageError("web.serve.port_taken", port=port, host=shown(host), other=_free(host))
    if error.errno == errno.EACCES:
        return UsageError("web.serve.port_forbidden", port=port)
    return UsageError("web.serve.bad_host", host=host, problem=error.strerror)


def _free(host: str) -> int:
    """A port that is free now, the first from 3000 on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(3000, 3100):
        with socket.socket(family, socket.SOCK_STREAM) as one:
            if one.connect_ex((shown(host).strip("[]"), port)):
                return port
    return 0


def _token(host: str, file: Path | None, *, has_people: bool = False) -> str | None:
    """What requests must carry: of that file, which is made when it is not there; else a new one
    for addresses that others can reach, unless there are people with tokens of their own."""
    if file is None:
        is_safe = is_loopback(plain(host)) or has_people
        return None if is_safe else secrets.token_urlsafe(32)
    try:
        token = file.read_text(encoding="utf-8").strip() if file.exists() else _new_token(file)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("web.serve.token_file", path=file, problem=error) from error
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("web.serve.bad_token", path=file, least=SHORTEST)
    return token


def _new_token(file: Path) -> str:
    token = secrets.token_urlsafe(32)
    # readable by its owner alone from the first moment
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(token + "\n")
    return token


def _hosts(host: str, names: Sequence[str]) -> list[str]:
    if host in EVERYWHERE:
        return [*names, *own_names()]
    return [*names, host]


def _address(host: str, port: int, token: str | None) -> str:
    name = _reachable(host) if host in EVERYWHERE else shown(host)
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def _reachable(host: str) -> str:
    """An address of this machine that others can call, where it is in a network; else its name."""
    family, other = (
        (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    )
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((other, 9))  # of the documentation's own range; nothing is sent
            return shown(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def shown(host: str) -> str:
    """A host as it stands in an address.

    >>> shown("127.0.0.1"), shown("::1"), shown("0.0.0.0")
    ('localhost', '[::1]', 'localhost')
    """
    if host in ("127.0.0.1", *EVERYWHERE):
        return "localhost"
    return f"[{host}]" if ":" in host else host
