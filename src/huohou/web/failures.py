"""The edge where errors become answers: a message in the reader's language, and the right status.

``{"schema": 1, "error": {"key", "message"}}`` under ``/api``, OpenAI's own shape under ``/v1``, a
page for people elsewhere. A route raises what ``huohou.api`` raises; what only a page can get wrong
is ``NotFoundError`` or ``ConflictError`` with a key of its own.
"""

import logging
import traceback
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from huohou.errors import (
    ConfigError,
    DataError,
    HuohouError,
    MissingExtraError,
    RunFailedError,
    StoreError,
    UsageError,
)
from huohou.text import say
from huohou.web import html
from huohou.web.document import Document

log = logging.getLogger("huohou.web")
DEPTH = 6  # frames of a bug that its line in the log names


class NotFoundError(UsageError):
    """There is no such thing: 404."""


class ConflictError(UsageError):
    """It cannot be done as things are now: 409."""


# By key, where the class does not tell.
STATUS = {
    "runs.unknown": 404,
    "runs.unknown_none": 404,
    "runs.not_a_run": 404,
    "resume.no_such": 404,
    "trash.unknown": 404,
    "job.no_file": 404,
    "explain.unknown": 404,
    "answers.unknown_id": 404,
    "chat.no_model": 404,
    "chat.busy": 429,
    "doctor.too_large": 413,
    "resume.active": 409,
    "resume.completed": 409,
    "resume.differs": 409,
    "resume.none_whole": 409,
    "resume.not_trained_here": 409,
    "resume.nothing_to_branch": 409,
    "resume.unfit": 409,
    "checkpoint.damaged": 409,
    "queue.not_waiting": 409,
    "queue.no_room": 409,
    "report.exists": 409,
    "trash.active": 409,
    "trash.queued": 409,
}
CLASSES: tuple[tuple[type[HuohouError], int], ...] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (ConfigError, 422),
    (DataError, 422),
    (MissingExtraError, 409),
    (RunFailedError, 409),
    (StoreError, 503),
)


class Error(BaseModel):
    """What is wrong: the sentence's key, and the sentence."""

    key: str
    message: str


class Failure(BaseModel):
    """The answer to a request that cannot be met."""

    schema_: Literal[1] = Field(1, alias="schema")
    error: Error


def status_of(error: HuohouError) -> int:
    """The HTTP status of an error of ours."""
    if error.key in STATUS:
        return STATUS[error.key]
    return next((status for kind, status in CLASSES if isinstance(error, kind)), 400)


def answer(scope: Scope, status: int, key: str, **fields: object) -> Response:
    """The answer that says a sentence of ours."""
    return told(scope, status, key, say(key, **fields))


def told(scope: Scope, status: int, key: str, message: str) -> Response:
    """The answer to a failed request, in the form that its caller reads."""
    path: str = scope["path"]
    if path.startswith("/v1/"):
        kind = "server_error" if status >= 500 else "invalid_request_error"
        shape: dict[str, Any] = {"message": message, "type": kind, "param": None, "code": key}
        return Document({"error": shape}, status)
    if path.startswith("/api/") or "text/html" not in Headers(scope=scope).get("accept", ""):
        return Document({"schema": 1, "error": {"key": key, "message": message}}, status)
    request = Request(scope)
    kept = [one for one in request.query_params.multi_items() if one[0] != "token"]
    facts: dict[str, Any] = {"message": message, "status": status, "kept": kept}
    page = html.render(request, "error", refused=key == "web.security.token_unknown", **facts)
    return HTMLResponse(page, status)


def install(app: FastAPI) -> None:
    """Give the application its handlers of errors that are meant to happen."""
    app.add_exception_handler(HuohouError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, HuohouError)
    return told(request.scope, status_of(error), error.key, str(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    lines = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return answer(request.scope, 422, "web.invalid", lines="; ".join(lines))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    keys = {404: "web.not_found", 405: "web.not_allowed", 413: "web.too_large"}
    key = keys.get(error.status_code)
    if key is None:
        response = told(request.scope, error.status_code, "web.http", str(error.detail))
    else:
        fields = {"path": request.url.path, "method": request.method}
        response = answer(request.scope, error.status_code, key, **fields)
    response.headers.update(error.headers or {})
    return response


class Bugs:
    """The outermost edge: what nobody expected is one line in the log and a 500 that says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is there to be told
        except Exception as error:  # noqa: BLE001 - the outermost edge: a bug of ours
            _note(scope, error)
            if not started:
                await answer(scope, 500, "web.bug")(scope, receive, send)


def _note(scope: Scope, error: Exception) -> None:
    told = " ".join(str(error).split())
    frames = reversed(traceback.extract_tb(error.__traceback__)[-DEPTH:])
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    kind = type(error).__name__
    log.error("%s %s: %s: %s (%s)", scope["method"], scope["path"], kind, told, where)
    log.debug("traceback", exc_info=error)
