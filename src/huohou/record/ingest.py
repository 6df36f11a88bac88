"""Lines of a job's files to rows of its tables.

The live path and the rebuild are this one function, `take_in`: it goes on where the tables
stopped, so it does not matter who calls it, how often, or whether a database is new.
Columns of ``training_jobs`` come each from one file only (states from job.jsonl, numbers from
events.jsonl), so that it does not matter either how the lines of the two files interleave.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from huohou.record import bulk, series, waiting
from huohou.record.events import Event, Follower, dumps
from huohou.record.recorder import FINAL
from huohou.record.schema import events, findings, ingested, metrics, training_jobs
from huohou.record.waiting import Waits
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL

FILES = (JOURNAL, EVENTS)  # in this order: the journal says which job it is
_BIGGEST = 2**53
_LONGEST = 500  # characters of a name: an index of PostgreSQL takes 2,704 bytes
_NOT_VALUES = frozenset({"t", "seg", "kind", "step", "epoch", "line"})

Row = dict[str, Any]


def job_of(folder: Path) -> int | None:
    """Number of the job of a folder; None when it has no readable journal."""
    follower = Follower(folder / JOURNAL)
    return next((number_in(event) for event in _pieces(follower) if number_in(event)), None)


def take_in(connection: Connection, folder: Path) -> int | None:
    """Take in what is new in a job's folder; its number, None when it has no readable journal."""
    job = job_of(folder)
    if job is None:
        return None
    row = _row(connection, job) or _first_row(connection, job, folder)
    before = dict(row)
    if row["folder"] != folder.name:
        if (folder.parent / row["folder"]).exists():  # a copy of another job's folder
            return None
        row["folder"] = folder.name
    offsets = _offsets(connection, job)
    news = {file: _take_in_file(connection, folder / file, row, offsets) for file in FILES}
    _keep_offsets(connection, job, {f: at for f, at in news.items() if at != offsets.get(f, 0)})
    _derive(row, folder)
    if row != before:
        connection.execute(update(training_jobs).where(training_jobs.c.id == job).values(row))
    return job


def number_in(event: Event) -> int | None:
    """Number of the job in a journal's first line."""
    number = event.get("id")
    if event["kind"] != "queued" or not isinstance(number, int) or not 0 < number < 2**31:
        return None
    return number


def _pieces(follower: Follower) -> Iterator[Event]:
    while piece := follower.poll():
        yield from piece


def _row(connection: Connection, job: int) -> Row | None:
    found = connection.execute(select(training_jobs).where(training_jobs.c.id == job)).first()
    return dict(found._mapping) if found else None


def _first_row(connection: Connection, job: int, folder: Path) -> Row:
    row: Row = dict.fromkeys(column.name for column in training_jobs.columns)
    row |= {"id": job, "folder": folder.name, "status": "queued", "progress_percentage": 0.0}
    row |= {"name": "", "recipe": "", "base_model": "", "created_at": 0.0}
    row |= {"device": "", "priority": float(job), "detached": False, "slots": 1}
    connection.execute(insert(training_jobs).values(row))
    return row


def _offsets(connection: Connection, job: int) -> dict[str, int]:
    query = select(ingested.c.file, ingested.c.bytes).where(ingested.c.job_id == job)
    return {file: size for file, size in connection.execute(query)}


def _keep_offsets(connection: Connection, job: int, offsets: Mapping[str, int]) -> None:
    if not offsets:
        return
    values = [{"job_id": job, "file": file, "bytes": at} for file, at in offsets.items()]
    adding = _dialect_insert(connection, ingested).values(values)
    new = {"bytes": adding.excluded.bytes}
    connection.execute(adding.on_conflict_do_update(index_elements=["job_id", "file"], set_=new))


def _take_in_file(connection: Connection, path: Path, row: Row, offsets: Mapping[str, int]) -> int:
    """Take in what is new in a file; how many of its bytes have been taken in now."""
    follower = Follower(path, offsets.get(path.name, 0))
    while lines := follower.lines():
        _insert(connection, row["id"], path.name, lines)
        for _, event in lines:
            (_apply_state if path.name == JOURNAL else _apply_numbers)(row, event)
    return follower.offset


def _apply_state(row: Row, event: Event) -> None:
    kind, t = event["kind"], _real(event.get("t"))
    _apply_waits(row, event)
    if kind == "queued":
        for key in ("name", "recipe", "base_model"):
            row[key] = _text(event.get(key, ""))[:_LONGEST]
        row["created_at"] = t or 0.0
        row["epochs"] = _real(event.get("epochs")) if row["epochs"] is None else row["epochs"]
        row["steps"] = _step(event.get("updates")) if row["steps"] is None else row["steps"]
    elif kind == "state":
        row["status"] = state = _text(event.get("state", "lost"))[:16]
        if state == "starting" and row["started_at"] is None:
            row["started_at"] = t
        row["finished_at"] = t if state in FINAL else None
        row["error"] = _text(event["error"]) if event.get("error") else None


def _apply_waits(row: Row, event: Event) -> None:
    """How it waits for its turn, by a line of the journal."""
    if event["kind"] == "queued" and number_in(event) == row["id"]:
        waits = waiting.first(event)
    elif event["kind"] in ("queue", "state"):
        known = Waits(row["id"], row["device"], row["priority"], row["detached"], row["slots"])
        waits = waiting.then(known, event)
    else:
        return
    row["device"], row["priority"] = _text(waits.device)[:64], waits.priority
    row["detached"], row["slots"] = waits.detached, waits.slots


def _apply_numbers(row: Row, event: Event) -> None:
    if event["kind"] == "start":
        epochs, steps = _real(event.get("epochs")), _step(event.get("updates"))
        row["epochs"] = row["epochs"] if epochs is None else epochs
        row["steps"] = row["steps"] if steps is None else steps
    if event["kind"] not in ("metrics", "eval"):
        return
    epoch, step = _real(event.get("epoch")), _step(event.get("step"))
    row["current_epoch"] = row["current_epoch"] if epoch is None else epoch
    row["step"] = row["step"] if step is None else step
    for column, name in (("train_loss", "loss"), ("val_loss", "eval_loss")):
        value = _real(event.get(name))
        row[column] = row[column] if value is None else value


def _derive(row: Row, folder: Path) -> None:
    done, whole = row["step"], row["steps"]
    if not whole:
        done, whole = row["current_epoch"], row["epochs"]
    part = 100.0 * done / whole if done and whole else 0.0
    row["progress_percentage"] = 100.0 if row["status"] == "completed" else min(part, 100.0)
    beat = folder / HEARTBEAT
    row["heartbeat_at"] = beat.stat().st_mtime if beat.exists() else None


def _insert(connection: Connection, job: int, file: str, lines: list[tuple[int, Event]]) -> None:
    points: list[Row] = []
    others: list[Row] = []
    found: list[Row] = []
    for line, event in lines:
        place = {"job_id": job, "file": file, "line": line, "t": _real(event.get("t"))}
        if file == EVENTS and event["kind"] in ("metrics", "eval"):
            points += points_of(job, line, event)
            continue
        body = dumps({k: v for k, v in event.items() if k not in ("t", "seg", "kind", "plan")})
        seg = _step(event.get("seg"))
        kind = _text(event["kind"])
        others.append(place | {"seg": seg, "kind": kind, "body": body.decode().rstrip()})
        found += [place | {"nth": i} | f for i, f in enumerate(_findings(event))]
    for table, rows in ((metrics, points), (events, others), (findings, found)):
        if rows:
            bulk.insert(connection, table, rows, "DO NOTHING")
    series.raise_pyramid(connection, points)


def points_of(job: int, line: int, event: Event) -> Iterator[Row]:
    """Rows of ``metrics`` for an event of numbers that begins at that byte of events.jsonl."""
    # An imported log that counts no steps is drawn over its lines.
    at = event.get("line") if event.get("step") is None else event["step"]
    step, seg = _step(at), _step(event.get("seg", 0))
    if step is None or seg is None:
        return
    place: Row = {"job_id": job, "seg": seg, "step": step, "line": line}
    place |= {"epoch": _real(event.get("epoch")), "t": _real(event.get("t"))}
    for name, raw in event.items():
        value = None if name in _NOT_VALUES else _real(raw)
        if value is not None:
            yield {**place, "name": _series_name(name), **series.pack(value)}


def _findings(event: Event) -> Iterator[Row]:
    inside = event.get("plan")
    if event["kind"] == "finding":
        candidates: list[Any] = [event]
    elif event["kind"] == "queued" and isinstance(inside, dict):
        candidates = list(inside.get("findings") or ())
    else:
        return
    for one in candidates:
        if isinstance(one, dict) and isinstance(one.get("code"), str):
            body = {k: v for k, v in one.items() if k not in ("t", "seg", "kind")}
            yield {
                "code": _text(one["code"]),
                "severity": _text(one.get("severity", "info")),
                "body": dumps(body).decode().rstrip(),
            }


@lru_cache(maxsize=1000)
def _series_name(name: str) -> str:
    return _text(name)[:_LONGEST]


def _real(value: Any) -> float | None:
    if type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond every float
        return None


def _step(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = isinstance(value, int) or value.is_integer()
    return int(value) if whole and 0 <= value < _BIGGEST else None


def _text(value: Any) -> str:
    # What came from a file may hold characters that no database takes.
    return str(value).replace("\0", "").encode("utf-8", "backslashreplace").decode()


def _dialect_insert(connection: Connection, table: Table) -> Any:
    # Both have the same methods; SQLAlchemy has no common type for them.
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
