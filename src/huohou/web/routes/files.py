"""Files of a job's folder, to be kept, never to be run; and its report."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from huohou import api
from huohou.errors import UsageError
from huohou.web.failures import NotFoundError
from huohou.web.models import FileList
from huohou.web.state import kept_answer

router = APIRouter(prefix="/api/jobs", tags=["files"])
TEXTS = frozenset({".txt", ".log", ".md", ".json", ".jsonl", ".yaml", ".yml", ".csv", ".jinja"})
REPORT = "report.html"
# The report is a page of its own: it may look as it wants, and do nothing.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


@router.get("/{job_id}/files", response_model=FileList)
async def files(request: Request, job_id: int) -> Response:
    """Files of the folder, without hidden ones and links that lead out of it."""
    return await kept_answer(
        request, ("files", job_id), lambda: api.job_files(job_id), folder=job_id
    )


@router.get("/{job_id}/files/{path:path}", response_class=FileResponse)
def file(job_id: int, path: str) -> Response:
    """One of them, as a download."""
    found = api.job_file(job_id, path)
    kind = "text/plain" if found.suffix.lower() in TEXTS else "application/octet-stream"
    return FileResponse(found, media_type=kind, filename=found.name)


@router.get("/{job_id}/report", response_class=FileResponse)
def report(job_id: int) -> Response:
    """The report, when it has been written."""
    try:
        found = api.job_file(job_id, REPORT)
    except UsageError as error:
        if error.key != "job.no_file":
            raise
        raise NotFoundError("job.no_report", id=job_id) from error
    return FileResponse(found, media_type="text/html", headers={"content-security-policy": SANDBOX})


@router.post("/{job_id}/report", status_code=201)
def write_report(job_id: int) -> dict[str, Any]:
    """Write the report, or write it anew."""
    api.report(str(job_id))
    return {"schema": 1, "path": REPORT}
