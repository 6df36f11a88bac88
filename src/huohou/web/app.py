"""The application: every door of ``routes/``, the pages and their static files behind one guard."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from huohou import api
from huohou.web import failures, pages, routes
from huohou.web.access import Access
from huohou.web.assets import Assets
from huohou.web.document import Document
from huohou.web.language import Language
from huohou.web.security import BodyLimit, Guard, Headers
from huohou.web.state import Workspace

STATIC = Path(__file__).parent / "static"


def create_app(
    workspace: Path | None = None,
    *,
    token: str | None = None,
    hosts: Sequence[str] = (),
    access: Access | None = None,
) -> FastAPI:
    """The page of a workspace, by default $HUOHOU_HOME or ./runs.

    token: what each request must carry; None: the application is for loopback only.
    hosts: names beside those of loopback under which it may be called. access: who may do what,
    instead of a token.
    """
    app = FastAPI(
        title="huohou",
        version=version("huohou"),
        docs_url=None,  # FastAPI's own page takes its scripts from a CDN
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=_life,
        default_response_class=Document,
        responses={"4XX": {"model": failures.Failure}},
    )
    app.state.workspace = Workspace(workspace or api.workspace())
    for router in _routers():
        app.include_router(router)
    app.include_router(pages.router)
    failures.install(app)
    # The last one added stands outermost.
    app.add_middleware(failures.Bugs)
    app.add_middleware(BodyLimit)
    app.add_middleware(
        GZipMiddleware,
        compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/octet-stream"),
    )
    app.add_middleware(Assets, folder=STATIC)  # they need nothing of what stands further inside
    app.add_middleware(Guard, access=access or Access(token), hosts=hosts)
    app.add_middleware(Headers)
    app.add_middleware(Language)
    return app


def _routers() -> Iterator[APIRouter]:
    for name in sorted(found.name for found in pkgutil.iter_modules(routes.__path__)):
        router = getattr(importlib.import_module(f"{routes.__name__}.{name}"), "router", None)
        if isinstance(router, APIRouter):
            yield router


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.workspace:
        yield
