"""What is done to jobs: start, stop, go on, branch off, order, put away."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from huohou import api
from huohou.errors import HuohouError
from huohou.web.routes.plans import Settings, planner, refusal, shown

router = APIRouter(prefix="/api", tags=["actions"])

# A name of one line: letters of every script, signs and blanks, nothing that is not printed.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Grave = Literal["error", "warning"]


class Start(BaseModel):
    """A job to start. if_exists: what to do with an earlier job of its name, as on the command
    line; stop_on: severity of a finding that ends it early."""

    settings: Settings
    if_exists: Literal["new", "backup", "continue", "cancel"] | None = None
    stop_on: Grave | None = None


@router.post("/jobs", status_code=201)
def start(body: Start, request: Request) -> Response:
    """Start a job as `train --detach` does: it goes on when this server ends.

    The plan is the one that was shown for these settings. 409 with ``error.same_name`` where a
    job has the name already and ``if_exists`` does not say what to do.
    """
    if body.if_exists == "cancel":
        return JSONResponse({"schema": 1, "cancelled": True}, 200)
    try:
        plan = shown(request).take(body.settings)
        job = api.start(plan, body.if_exists, stop_on=body.stop_on)
    except HuohouError as error:
        if error.key == "start.exists":
            return _exists(error)
        return refusal(error, body.settings)
    return JSONResponse(job, 201)


def _exists(error: HuohouError) -> Response:
    there = api.named(str(error.fields["name"]))
    told = {"key": error.key, "message": str(error), "same_name": there}
    return JSONResponse({"schema": 1, "error": told}, 409)


class Stop(BaseModel):
    """now: without finishing the step and without a checkpoint."""

    now: bool = False


@router.post("/jobs/{job_id}/stop")
def stop(job_id: int, body: Stop) -> dict[str, Any]:
    """Ask a job to stop, with a checkpoint unless ``now``; one that waits is cancelled."""
    return api.stop(str(job_id), now=body.now, wait=False)


class Resume(BaseModel):
    """extend_epochs: passes beyond the plan."""

    extend_epochs: float | None = Field(None, gt=0, le=1e6, allow_inf_nan=False)


@router.post("/jobs/{job_id}/resume")
def resume(job_id: int, body: Resume, request: Request) -> dict[str, Any]:
    """Go on with a job where its last whole checkpoint stands; ``notes`` say what to know."""
    return planner(request).resume(str(job_id), body.extend_epochs)


class Branch(BaseModel):
    """A new job from a checkpoint (the last whole one where none is named), settings changed."""

    name: Name
    checkpoint: str | None = Field(None, max_length=100)
    extend_epochs: float = Field(0, ge=0, le=1e6, allow_inf_nan=False)
    settings: Settings = Field(default_factory=dict)


@router.post("/jobs/{job_id}/branch", status_code=201)
def branch(job_id: int, body: Branch, request: Request) -> dict[str, Any]:
    """Start a new job from a checkpoint of this one."""
    return planner(request).branch(
        str(job_id),
        body.name,
        checkpoint=body.checkpoint,
        extend_epochs=body.extend_epochs,
        given=api.allowed_settings(body.settings),
    )


class Move(BaseModel):
    """before: the waiting job to go before; None: first of all."""

    before: int | None = None


@router.post("/jobs/{job_id}/move")
def move(job_id: int, body: Move) -> dict[str, Any]:
    """Put a waiting job before another one, or first of those that wait for the same device."""
    return api.move(str(job_id), str(body.before) if body.before is not None else None)


class Dismiss(BaseModel):
    """A finding by its code; dismissed: false brings it back."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,99}$")
    dismissed: bool = True


@router.post("/jobs/{job_id}/dismiss")
def dismiss(job_id: int, body: Dismiss) -> dict[str, Any]:
    """Put a finding aside, or bring it back; the job's codes that are put aside."""
    return api.dismiss(str(job_id), body.code, dismissed=body.dismissed)


@router.post("/jobs/{job_id}/put-away")
def put_away(job_id: int) -> dict[str, Any]:
    """Move an ended job into the trash. Nothing is deleted."""
    return api.put_away([str(job_id)])


@router.post("/jobs/{job_id}/restore")
def restore(job_id: int) -> dict[str, Any]:
    """Bring a job back from the trash or the backups."""
    return api.restore([str(job_id)])


@router.get("/trash")
def trash() -> dict[str, Any]:
    """Jobs that were put away, the newest first."""
    return api.trash()
