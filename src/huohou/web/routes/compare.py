"""Runs over one another."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from huohou import api

router = APIRouter(prefix="/api", tags=["compare"])


@router.get("/compare")
def compare(
    jobs: Annotated[str, Query(pattern=r"^\d{1,9}(,\d{1,9})*$", max_length=200)],
    base: Annotated[int | None, Query(ge=0, le=999_999_999)] = None,
) -> dict[str, Any]:
    """Up to ten jobs side by side: settings that differ, scorecards, and what changed from one.

    jobs: numbers with commas between; base: the one the others are held against, the first of
    them when not given.
    """
    return api.compare_runs(jobs.split(","), str(base) if base is not None else None)
