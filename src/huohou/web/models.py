"""Shapes of answers, for ``/api/openapi.json``. Numbers that are none are words: "NaN",
"Infinity", "-Infinity"; times are unix seconds."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = float | Literal["NaN", "Infinity", "-Infinity"]
Status = Literal[
    "queued", "starting", "running", "stopping", "completed", "stopped", "failed", "lost"
]
Verdict = Literal["healthy", "watch", "faulty", "cannot-judge"]


class Document(BaseModel):
    """Every answer says which form it has."""

    model_config = ConfigDict(populate_by_name=True)
    schema_: Literal[1] = Field(1, alias="schema")


class Columns(BaseModel):
    """Columns of ``training_jobs``, the place in line, and a word on its health."""

    id: int
    name: str
    recipe: str
    base_model: str
    status: Status
    current_epoch: Number | None
    epochs: Number | None
    progress_percentage: Number
    train_loss: Number | None
    val_loss: Number | None
    created_at: Number
    started_at: Number | None
    finished_at: Number | None
    heartbeat_at: Number | None
    error: str | None
    folder: str
    step: int | None
    steps: int | None
    queue_position: int | None
    verdict: Verdict | None


class JobList(Document):
    """A page of the list of jobs; total: on all its pages."""

    workspace: str
    total: int
    jobs: list[Columns]


class Progress(BaseModel):
    """Where a run stands; finish_at and seconds_left are None while they cannot be told; at: the
    last thing it said; phase: what that was, before its first step."""

    step: int | None
    steps: int | None
    epoch: Number | None
    epochs: Number | None
    finish_at: Number | None
    seconds_left: Number | None
    tokens_per_s: Number | None
    at: Number | None
    phase: str | None


class Checkpoint(BaseModel):
    """path: in the job's folder; there: on the disk now; whole: by the sizes of its files; None
    where that is not known."""

    path: str
    step: int | None
    epoch: Number | None
    best: bool
    there: bool | None
    whole: bool | None


class Epoch(BaseModel):
    """Seconds planned and taken; ended_at, or expected_at while it is to come."""

    epoch: int
    planned: Number | None
    actual: Number | None
    ended_at: Number | None
    expected_at: Number | None


class Moment(BaseModel):
    """Something that happened."""

    t: Number
    text: str


class Timeline(BaseModel):
    """What was planned and what came of it."""

    planned_seconds: Number | None
    epochs: list[Epoch]
    moments: list[Moment]


class Action(BaseModel):
    """Whether something may be done now; needs: what has to be given for it."""

    allowed: bool
    why: str | None
    needs: str | None = None


class JobDetails(Columns, Document):
    """A job for its page. findings, scorecard and plan are the documents of the command line."""

    findings: list[dict[str, Any]]
    dismissed: list[str]
    scorecard: dict[str, Any] | None
    plan: dict[str, Any] | None
    series: dict[str, int]
    checkpoints: list[Checkpoint]
    timeline: Timeline
    progress: Progress
    actions: dict[str, Action]
    has: dict[str, bool]
    disk_free: int | None


class Buckets(BaseModel):
    """A series in buckets by seg and step: step and value of a bucket's last point, the smallest
    and the largest value (None where every bucket is one point), the mean of the finite values,
    how many points it has and how many of them are NaN."""

    seg: list[int]
    step: list[int]
    min: list[Number] | None
    max: list[Number] | None
    last: list[Number]
    mean: list[Number]
    n: list[int]
    nans: list[int]


class SeriesAnswer(Document):
    """Series of one moment; cursor: where ``events`` goes on from; total: points of each."""

    cursor: str
    series: dict[str, Buckets]
    total: dict[str, int]


class Clock(Document):
    """Knots, between which time and epoch go on in a straight line."""

    seg: list[int]
    step: list[int]
    t: list[Number | None]
    epoch: list[Number | None]


class Event(BaseModel):
    """points, finding, checkpoint, alert, log, reset, job: with the data the stream has."""

    event: str
    data: dict[str, Any]


class Changes(Document):
    """What came after a cursor; more: the next call finds more at once."""

    cursor: str
    events: list[Event]
    more: bool


class FoundLine(BaseModel):
    """A line that has the text, and the byte it begins at."""

    byte: int
    text: str


class LogPage(Document):
    """Whole lines of a log from byte begin to byte end of size; partial: what a line that has no
    end yet shows by now. A search finds lines with their bytes, the last one first."""

    begin: int
    end: int
    size: int
    lines: list[str] | list[FoundLine]
    partial: str


class FileEntry(BaseModel):
    """A file in a job's folder."""

    path: str
    bytes: int
    mtime: float


class FileList(Document):
    """Files of a job's folder, by path; left_out: how many more there are."""

    files: list[FileEntry]
    left_out: int
