"""Numbers of the jobs for Prometheus: text format 0.0.4."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from huohou import api
from huohou.web.state import kept_answer, of

router = APIRouter(tags=["metrics"])
KIND = "text/plain; version=0.0.4; charset=utf-8"
MOST = 100  # jobs that are told one by one, the newest
# Name of the metric: column, and what it is.
GAUGES = {
    "progress_ratio": ("progress_percentage", "Part of the job that is done, 0 to 1."),
    "step": ("step", "Optimizer updates done."),
    "steps": ("steps", "Optimizer updates in all."),
    "epoch": ("current_epoch", "Passes over the rows done."),
    "train_loss": ("train_loss", "Training loss, as it was said last."),
    "val_loss": ("val_loss", "Evaluation loss, as it was said last."),
    "heartbeat_timestamp_seconds": ("heartbeat_at", "When its supervisor was seen last."),
}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Jobs by state, and of the newest ones progress, steps and losses."""
    streams = of(request).hub.listening

    def make() -> bytes:
        jobs = api.job_list(limit=MOST)["jobs"]
        lines = [*_counts(api.job_counts()), *_jobs(jobs), *_streams(streams), ""]
        return "\n".join(lines).encode()

    return await kept_answer(request, "metrics", make, media_type=KIND)


def _counts(counts: Mapping[str, int]) -> Iterator[str]:
    yield "# HELP huohou_jobs Jobs in each state."
    yield "# TYPE huohou_jobs gauge"
    for status, count in counts.items():
        yield f'huohou_jobs{{status="{label(status)}"}} {count}'


def _jobs(jobs: list[dict[str, Any]]) -> Iterator[str]:
    for name, (column, told) in GAUGES.items():
        yield f"# HELP huohou_job_{name} {told}"
        yield f"# TYPE huohou_job_{name} gauge"
        for job in jobs:
            value = job[column]
            if value is not None:
                part = 100 if column == "progress_percentage" else 1
                labels = f'job="{job["id"]}",name="{label(job["name"])}"'
                yield f"huohou_job_{name}{{{labels}}} {number(float(value) / part)}"


def _streams(listening: int) -> Iterator[str]:
    yield "# HELP huohou_streams Event streams that are open."
    yield "# TYPE huohou_streams gauge"
    yield f"huohou_streams {listening}"


def label(text: str) -> str:
    """Text as a label's value.

    >>> label('a "b"')
    'a \\\\"b\\\\"'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """A number as Prometheus reads it.

    >>> number(0.25), number(float("nan")), number(float("-inf"))
    ('0.25', 'NaN', '-Inf')
    """
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
