"""Many jobs at once: a page of the list, and what the doctor said of each."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, String, cast, func, or_, select

from huohou.record.schema import findings, ingested, training_jobs


def listed(
    connection: Connection,
    status: Collection[str],
    text: str,
    limit: int | None,
    before: int | None,
) -> tuple[int, Sequence[Any]]:
    """How many jobs there are in these states with that text, and rows of some of them."""
    c = training_jobs.c
    query = _wanted(select(training_jobs), status, text).order_by(c.id.desc())
    if before is not None:
        query = query.where(c.id < before)
    if limit is not None:
        query = query.limit(limit)
    rows = [row._mapping for row in connection.execute(query)]
    if limit is None and before is None:
        return len(rows), rows
    counted = _wanted(select(func.count()).select_from(training_jobs), status, text)
    return connection.execute(counted).scalar_one(), rows


def _wanted(query: Select[Any], status: Collection[str], text: str) -> Select[Any]:
    c = training_jobs.c
    if status:
        query = query.where(c.status.in_(status))
    if text:
        columns = (c.name, c.recipe, c.base_model, cast(c.id, String))
        low = text.lower()
        query = query.where(
            or_(*(func.lower(one).contains(low, autoescape=True) for one in columns))
        )
    return query


def findings_of(
    connection: Connection, numbers: Collection[int] | None
) -> dict[int, dict[str, str]]:
    """Codes of findings by job, each with its latest severity."""
    c = findings.c
    query = select(c.job_id, c.code, c.severity).order_by(c.t, c.line, c.nth)
    if numbers is not None:
        query = query.where(c.job_id.in_(numbers))
    found: dict[int, dict[str, str]] = {}
    for job, code, severity in connection.execute(query):
        found.setdefault(job, {})[code] = severity
    return found


def counts(connection: Connection) -> dict[str, int]:
    """How many jobs are in each state that any is in."""
    c = training_jobs.c
    query = select(c.status, func.count()).group_by(c.status)
    return {status: count for status, count in connection.execute(query)}


Taken = dict[str, tuple[str, dict[str, int]]]  # folder to state, and file to bytes


def taken(connection: Connection) -> Taken:
    """How far each folder has been taken in, and in which state its job was then."""
    c, i = training_jobs.c, ingested.c
    query = select(c.folder, c.status, i.file, i.bytes)
    query = query.join_from(training_jobs, ingested, c.id == i.job_id, isouter=True)
    found: Taken = {}
    for folder, status, file, size in connection.execute(query):
        files = found.setdefault(folder, (status, {}))[1]
        if file is not None:
            files[file] = size
    return found
