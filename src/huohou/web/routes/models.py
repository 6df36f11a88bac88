"""Models that can be asked, and the tables and documents there are for it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from huohou.web.desks import desk

router = APIRouter(prefix="/api", tags=["answers"])

Ref = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("/models")
def models(request: Request) -> dict[str, Any]:
    """Runs whose models can be asked, the newest first, and bundled models; ``state`` says what is
    open in memory now. ``tables`` and ``documents``: what can be asked about."""
    return desk(request).listed()


@router.get("/models/{model}")
def model(model: Ref, request: Request) -> dict[str, Any]:
    """One model by its id, number or name, with the system prompt that it was trained with."""
    return desk(request).about(model)
