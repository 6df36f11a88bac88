"""Curves of a job, and its clock."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from huohou import api
from huohou.web.models import Clock, SeriesAnswer
from huohou.web.state import kept_answer

router = APIRouter(prefix="/api/jobs", tags=["series"])
Step = Annotated[int | None, Query(ge=0, le=2**53)]


@router.get("/{job_id}/series", response_model=SeriesAnswer)
async def series(
    request: Request,
    job_id: int,
    *,
    names: Annotated[str | None, Query(max_length=5000)] = None,
    points: Annotated[int, Query(ge=1, le=10_000)] = 600,
    lo: Step = None,
    hi: Step = None,
) -> Response:
    """Series in about so many buckets each, from step lo to step hi. names: with commas between
    them, all by default."""
    wanted = None if names is None else tuple(dict.fromkeys(n for n in names.split(",") if n))
    if wanted is not None:
        wanted = tuple(name.replace("\0", "") for name in wanted)

    def make() -> bytes:
        return orjson.dumps(api.series(job_id, wanted, points=points, lo=lo, hi=hi))

    return await kept_answer(request, ("series", job_id, wanted, points, lo, hi), make)


@router.get("/{job_id}/clock", response_model=Clock)
async def clock(
    request: Request, job_id: int, points: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> Response:
    """When each step was done, for axes of time and of epochs: about so many knots."""
    return await kept_answer(request, ("clock", job_id, points), lambda: api.clock(job_id, points))
