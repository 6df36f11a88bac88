"""What a job can be started with: the settings, and the files there are to choose from."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from huohou import api

router = APIRouter(prefix="/api", tags=["settings"])


@router.get("/settings/schema")
def schema() -> dict[str, Any]:
    """Every setting of a run file: its words, kind, limits and defaults; recipes and models."""
    return api.settings_schema()


@router.get("/places")
def places(
    path: Annotated[str | None, Query(max_length=4096)] = None,
    documents: Annotated[bool, Query()] = False,
) -> dict[str, Any]:
    """Folders and files of rows in a folder that the page may read; without one, where to begin.

    documents: files that questions are answered from, in place of rows.
    """
    return api.browse(path, api.DOCUMENTS) if documents else api.browse(path)


@router.post("/uploads", status_code=201)
async def upload(
    request: Request, name: Annotated[str, Query(min_length=1, max_length=255)]
) -> dict[str, Any]:
    """Keep a file of rows, the body as it is, in the workspace; where it lies now."""
    taken = await run_in_threadpool(api.Upload, name)
    try:
        async for piece in request.stream():
            await run_in_threadpool(taken.write, piece)
        return await run_in_threadpool(taken.keep)
    finally:
        taken.drop()


@router.post("/examples/{name}")
def example(name: str) -> dict[str, Any]:
    """Settings of an example whose files are then in the workspace."""
    return api.take_example(name)


class Split(BaseModel):
    """A file whose rows are divided; share: part of them that is only watched."""

    path: str = Field(max_length=4096)
    share: float = Field(0.1, gt=0, lt=1, allow_inf_nan=False)


@router.post("/data/split")
def split(body: Split) -> dict[str, Any]:
    """Divide a file into rows to train on and rows to watch; settings that name both."""
    return api.keep_aside(body.path, body.share)
