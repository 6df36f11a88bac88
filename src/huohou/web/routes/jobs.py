"""The list of jobs, and one job."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from huohou import api
from huohou.web.models import JobDetails, JobList
from huohou.web.state import kept_answer

router = APIRouter(prefix="/api", tags=["jobs"])


@router.get("/jobs", response_model=JobList)
async def jobs(
    request: Request,
    status: Annotated[str, Query(max_length=200)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> Response:
    """Jobs, the newest first. status: states with commas between them; q: text in the name,
    recipe, model or number; before: the lowest number of the page before."""
    states = tuple(sorted({state for state in status.split(",") if state}))
    text = q.replace("\0", "")

    def make() -> object:
        return api.job_list(states, text, limit=limit, before=before)

    return await kept_answer(request, ("jobs", states, text, limit, before), make)


@router.get("/jobs/{job_id}", response_model=JobDetails)
async def job(request: Request, job_id: int) -> Response:
    """Everything of a job but its curves, its log and its files."""
    return await kept_answer(
        request, ("job", job_id), lambda: api.job_details(job_id), folder=job_id
    )
