"""What happens, as it happens: one stream a tab, and the same by asking now and then."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from huohou import api
from huohou.web.models import Changes
from huohou.web.state import Json, of
from huohou.web.stream import EventStream

router = APIRouter(prefix="/api", tags=["live"])
Cursor = Annotated[str | None, Query(max_length=60)]


@router.get("/events", response_class=EventStream)
async def events(
    request: Request,
    *,
    job: Annotated[int | None, Query()] = None,
    after: Cursor = None,
    log: bool = False,
    list_: Annotated[bool, Query(alias="list")] = False,
    last_event_id: Annotated[str | None, Header(max_length=60)] = None,
) -> Response:
    """Server-sent events, without end.

    job: whose ``points``, ``finding``, ``checkpoint``, ``alert`` and ``job`` (its row, whenever
    that changes; ``gone`` when there is none any more), from the cursor ``after`` on; log: and
    ``log``. list: ``jobs``, first those that are live, then each that changed. ``reset``: the job
    has other files now, so it is to be read anew. ``ping`` every 15 seconds.

    The id of an event is the cursor behind it, so a browser goes on where it was, with nothing
    left out and nothing twice. Events of the list have no id: whoever comes back reads the list.
    """
    hub = of(request).hub
    frames = await hub.open(job, last_event_id or after, log=log, jobs=list_)
    return EventStream(frames)


@router.get("/jobs/{job_id}/events", response_model=Changes)
def changes(job_id: int, after: Cursor = None, log: bool = False) -> Response:
    """What came after a cursor, for who cannot keep a stream open: ask again with the cursor of
    the answer, at once while there is ``more``."""
    return Json(api.changes(job_id, after, log=log))
