"""The doctor for any log that is handed in. Nothing is kept after the answer."""

from collections.abc import Iterator
from typing import Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, Response

from huohou import api
from huohou.errors import UsageError
from huohou.web import failures

router = APIRouter(prefix="/api", tags=["doctor"])

AT_ONCE = 2  # logs that are read at the same time: each takes memory and a core
PIECE = 1 << 20
LIMITS = api.Limits()
BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "text": {"type": "string", "description": "A log that was pasted."},
                },
            }
        }
    },
}
_limiter: list[anyio.CapacityLimiter] = []


@router.post("/doctor", openapi_extra={"requestBody": BODY})
async def doctor(request: Request) -> Response:
    """The document of `diagnose --json` for files, a folder (names with their folders) or a text.

    Beside it ``chart``: the series in buckets, ``page``: all as one page of HTML, ``run_file`` and
    ``gates_file``: texts. 413 for more than 64 MB, 422 where nothing can be read.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > LIMITS.size + PIECE:
        raise UsageError("doctor.too_large", most=LIMITS.size >> 20)
    try:
        form = await request.form(max_files=LIMITS.files, max_fields=16, max_part_size=LIMITS.size)
    except (MultiPartException, HTTPException):  # by starlette's parser, and by its request
        return failures.answer(request.scope, 400, "doctor.bad_form")
    try:
        files = [part for part in form.getlist("files") if isinstance(part, UploadFile)]
        texts = [part for part in form.getlist("text") if isinstance(part, str) and part.strip()]
        if not _limiter:
            _limiter.append(anyio.CapacityLimiter(AT_ONCE))
        told = await run_sync(_examine, files, texts, limiter=_limiter[0])
    finally:
        await form.close()
    return JSONResponse(told)


def _examine(files: list[UploadFile], texts: list[str]) -> dict[str, Any]:
    with api.Patient(LIMITS) as patient:
        for file in files:
            patient.add(file.filename or "log", _pieces(file))
        for text in texts:
            patient.add("pasted.md", [api.plain_text(text).encode()])
        return patient.examine()


def _pieces(file: UploadFile) -> Iterator[bytes]:
    while piece := file.file.read(PIECE):
        yield piece
