"""Parts of a job's log."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from huohou import api
from huohou.web.models import LogPage
from huohou.web.state import Json

router = APIRouter(prefix="/api/jobs", tags=["logs"])


@router.get("/{job_id}/log", response_model=LogPage)
def log(
    job_id: int,
    end: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    size: Annotated[int, Query(alias="bytes", ge=1, le=2_000_000)] = 20_000,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Whole lines that end at byte ``end`` or before, by default the last; q: instead the lines
    that have this text in them. What stands before comes with end=begin of the answer."""
    return Json(api.log_page(job_id, end=end, size=size, text=q))
