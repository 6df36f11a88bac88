"""The pages for people. Each begins with its first data, so that it reads without scripts."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from huohou import api, text
from huohou.web import html, language
from huohou.web.desks import desk

router = APIRouter(include_in_schema=False)
FEW, POINTS = 8, 500  # as in board.js and job.js
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")  # names that Python and a browser write alike in an address
YEAR = 365 * 24 * 3600
RECIPES = {"sft": 0, "embed": 1, "align": 2}  # the order in which they are offered
# States that are looked for together.
GROUPS = {"active": ("starting", "running", "stopping"), "failed": ("failed", "lost")}


def page(
    request: Request, name: str, first: Mapping[str, Any] | None = None, **context: object
) -> HTMLResponse:
    """``templates/NAME.html`` as an answer; ``?lang=`` and ``?theme=`` are remembered."""
    response = HTMLResponse(html.render(request, name, first=first, **context))
    response.headers["cache-control"] = "no-cache"
    choices = (
        (language.COOKIE, "lang", text.LANGUAGES),
        (html.THEME_COOKIE, "theme", (*html.THEMES, "auto")),
    )
    for cookie, parameter, known in choices:
        if request.query_params.get(parameter) in known:
            value = request.query_params[parameter]
            response.set_cookie(cookie, value, max_age=YEAR, path="/", samesite="strict")
    return response


@router.get("/")
def jobs(request: Request, q: str = "", status: str = "") -> HTMLResponse:
    found = api.job_list(GROUPS.get(status, (status,) if status else ()), q[:200])
    told = {"q": q, "status": status, "filtered": bool(q or status)}
    return page(
        request,
        "jobs",
        found,
        jobs=found["jobs"],
        total=found["total"],
        **told,
        workspace=found["workspace"],
    )


@router.get("/jobs/{job_id:int}")
def job(request: Request, job_id: int) -> HTMLResponse:
    found = api.job_details(job_id)
    return page(request, "job", found, job=found, curves=_curves(job_id, found["series"]))


def _curves(job_id: int, names: Collection[str]) -> str | None:
    """What the page of a job asks for first, so that it comes while scripts are still loaded."""
    if not 0 < len(names) <= FEW or not all(map(_PLAIN.fullmatch, names)):
        return None
    query = urlencode({"names": ",".join(sorted(names)), "points": POINTS})
    return f"/api/jobs/{job_id}/series?{query}"


@router.get("/new")
def new(request: Request) -> HTMLResponse:
    schema = api.settings_schema()
    recipes = sorted(schema["recipes"], key=lambda name: RECIPES.get(name, len(RECIPES)))
    return page(
        request, "new", {"schema": schema}, schema=schema, recipes=recipes, folder=Path.cwd()
    )


@router.get("/compare")
def compare(request: Request) -> HTMLResponse:
    return page(request, "compare")


@router.get("/doctor")
def doctor(request: Request) -> HTMLResponse:
    return page(request, "doctor")


@router.get("/answers")
def answers(request: Request) -> HTMLResponse:
    listed, history = desk(request).listed(), api.asked(limit=25)
    return page(
        request,
        "answers",
        {**listed, "history": history},
        models=listed["models"],
        history=history,
    )
