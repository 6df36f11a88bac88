"""Questions about a table or documents, what was asked before, and marks."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, JSONResponse, Response

from huohou import api
from huohou.web import failures
from huohou.web.access import role_of
from huohou.web.desks import desk
from huohou.web.telling import collected, streamed

router = APIRouter(prefix="/api", tags=["answers"])

Name = Annotated[str, Field(min_length=1, max_length=200)]
Place = Annotated[str, Field(min_length=1, max_length=4096)]


class Question(BaseModel):
    """A question. job: a run's number, id or name, or the name of a bundled model; table: a path
    that is open to the page, the run's own where none is given; key, value: columns of names and
    values; documents: in mode ``documents``, a file or a folder."""

    question: str = Field(max_length=20_000)
    mode: Literal["grounded", "lookup", "constrained", "closed", "documents"] = "grounded"
    job: Name | int | None = None
    table: Place | None = None
    documents: Place | None = None
    key: Name | None = None
    value: Name | None = None


@router.post("/ask")
async def ask(
    body: Question, request: Request, stream: Annotated[bool, Query()] = False
) -> Response:
    """The document of `ask --json` with its ``id`` in the history.

    A reader asks about what `GET /api/models` lists; another path is 403 for them.
    stream: as events instead: ``opening`` a model or table, ``progress``, ``delta`` {text} of what
    a model writes by itself, ``answer``: the document.
    """
    if body.mode == "documents" and body.documents is None:
        return failures.answer(request.scope, 422, "answers.no_documents")
    place = desk(request)
    if role_of(request.scope) != "operator" and not place.lists(body.table, body.documents):
        return failures.answer(request.scope, 403, "answers.not_listed")
    job = str(body.job) if body.job is not None else None
    question = api.plain_text(body.question)

    def work(caller: api.Caller) -> None:
        if body.mode == "documents":
            assert body.documents is not None
            told = place.ask_documents(question, body.documents, model=job, caller=caller)
        else:
            columns = {"table": body.table, "key": body.key, "value": body.value}
            told = place.ask(question, body.mode, model=job, caller=caller, **columns)
        caller.tell("answer", told)

    if stream:
        return await streamed(work)
    return JSONResponse(
        next(data for event, data in await collected(work, request) if event == "answer")
    )


@router.get("/answers")
def answers(
    q: Annotated[str, Query(max_length=500)] = "",
    before: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """What was asked, the newest first, with marks. q: words that all stand in question, answer or
    mark; before: as the answer before said."""
    return api.asked(q, before=before, limit=limit)


@router.get("/answers/marked")
def marked(request: Request) -> Response:
    """Questions whose right answers are known, as a file that `huohou eval RUN --on` reads."""
    path = api.marked_file()
    if path is None:
        return failures.answer(request.scope, 404, "answers.none_marked")
    return FileResponse(path, media_type="application/x-ndjson", filename=path.name)


class Mark(BaseModel):
    """Whether an answer was right; correct: what is right, where it is known."""

    right: bool
    correct: str | None = Field(None, max_length=20_000)


@router.post("/answers/{id}/mark")
def mark(id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")], body: Mark) -> dict[str, Any]:
    """Mark an answer, in ``answers.jsonl``; ``file`` has all whose right answer is known."""
    correct = api.plain_text(body.correct) if body.correct is not None else None
    return api.mark(id, body.right, correct)
