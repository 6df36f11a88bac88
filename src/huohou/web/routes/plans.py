"""Plans: everything a job will do is shown before it can be started."""

from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from huohou import api, text
from huohou.errors import ConfigError, DataError, HuohouError, ModelError
from huohou.web import failures

router = APIRouter(prefix="/api", tags=["plans"])

LARGEST = 2**53  # what scripts can count to
KEPT = 16  # plans that have been shown and can be started as they are
Value = (
    bool
    | Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[str, Field(max_length=20_000)]
    | None
)
Settings = Annotated[dict[str, Value], Field(max_length=200)]


class Wanted(BaseModel):
    """Settings of a job by dotted name; what is left out is as the defaults have it."""

    settings: Settings


class Shown:
    """Plans that were shown, by their settings: what is started is what was seen."""

    def __init__(self, planner: api.Planner) -> None:
        self._plans: OrderedDict[bytes, Any] = OrderedDict()
        self._planner = planner

    def make(self, settings: dict[str, Any]) -> Any:
        """The plan of these settings, made now."""
        plan = self._planner.plan(settings)
        self._plans[_key(settings)] = plan
        while len(self._plans) > KEPT:
            self._plans.popitem(last=False)
        return plan

    def take(self, settings: dict[str, Any]) -> Any:
        """The plan of these settings that was shown, made anew where none was."""
        return self._plans.pop(_key(settings), None) or self.make(settings)


def planner(request: Request) -> api.Planner:
    """The process that makes this server's plans."""
    found: api.Planner = request.app.state.workspace.planner
    return found


def shown(request: Request) -> Shown:
    """The plans that this server has shown."""
    state = request.app.state
    if not hasattr(state, "shown_plans"):
        state.shown_plans = Shown(planner(request))
    found: Shown = state.shown_plans
    return found


@router.post("/plan")
def plan(body: Wanted, request: Request) -> Response:
    """The plan of these settings: what, on what, where, how long, and what is wrong with it.

    ``findings`` are of the checks of the data; ``same_name``: the job that has the name already.
    422 with ``error.field`` where a setting, a file or the model cannot be used.
    """
    try:
        made = shown(request).make(body.settings)
    except HuohouError as error:
        return refusal(error, body.settings)
    document = api.plan_document(made)
    grave = [one for one in document["findings"] if one["severity"] != "info"]
    return JSONResponse(
        {
            "schema": 1,
            "plan": document,
            "findings": document["findings"],
            "warnings": [one["title"] for one in grave],
            "same_name": api.named(made.name),
        }
    )


@router.get("/plan/progress")
def progress(request: Request) -> dict[str, Any]:
    """What the plan that is being made waits for, such as a model that is fetched."""
    return {"schema": 1, "text": planner(request).progress}


def refusal(error: HuohouError, settings: dict[str, Any]) -> Response:
    """The answer that says which field of the form is to be mended."""
    status = failures.status_of(error)
    if status == 400:
        status = 422
    told = {"key": error.key, "message": str(error), "field": field_of(error, settings)}
    return JSONResponse({"schema": 1, "error": told}, status)


def field_of(error: HuohouError, settings: dict[str, Any]) -> str | None:
    """The setting that an error is about; None where it cannot be told."""
    key = error.fields.get("key")
    if isinstance(key, str):
        return key
    if isinstance(error, DataError):
        path = str(error.fields.get("path", ""))
        named = ((k, str(v)) for k, v in settings.items() if k.startswith("data.") and v)
        found = (k for k, v in named if path.startswith(str(Path(v).expanduser().resolve())))
        return next(found, "data.train")
    if isinstance(error, ModelError):
        return "train.device" if error.key == "models.no_device" else "model"
    if isinstance(error, ConfigError) and error.key.startswith("plan.no"):
        return "data.train"
    return None


def _key(settings: dict[str, Any]) -> bytes:
    return orjson.dumps([text.language(), settings], option=orjson.OPT_SORT_KEYS)
