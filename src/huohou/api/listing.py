"""Runs of the workspace: look, follow, take in, put away. Nothing heavy is imported early."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import find_run, open_store

if TYPE_CHECKING:
    from huohou.jobs.watching import Watch


def runs() -> dict[str, Any]:
    """All runs of the workspace, the newest first: the document of `runs ls --json`."""
    from huohou.jobs import queue
    from huohou.jobs.lookup import Run

    store = open_store()
    found = [Run(job, store.workspace / job.folder, store) for job in store.jobs()]
    waits = any(run.job.status == "queued" for run in found)
    places = queue.places(queue.Queue(store.workspace).look()) if waits else {}
    return {
        "schema": 1,
        "workspace": str(store.workspace),
        "runs": [run.as_dict() | {"queue_position": places.get(run.job.id)} for run in found],
    }


def run(ref: str) -> dict[str, Any]:
    """One run: the document of `runs show --json`. ref: number, name, `last` or folder."""
    return {"schema": 1, **find_run(ref).details()}


def run_logs(ref: str, lines: int = 50, *, follow: bool = False) -> Iterator[str]:
    """Last lines of what a run printed; follow: and what it prints until it ends."""
    from huohou.jobs import logs
    from huohou.record.recorder import FINAL
    from huohou.record.workspace import TRAIN_LOG

    folder = find_run(ref).folder
    if not follow:
        return iter(logs.last_lines(folder / TRAIN_LOG, lines))
    return logs.follow(folder / TRAIN_LOG, lines, lambda: find_run(str(folder)).job.status in FINAL)


def watch(
    ref: str | None = None, *, reader: str | None = None, idle: float | None = None
) -> "Watch":
    """Look on while a run goes: iterating gives new events, ``view`` is what there is to see.

    ref: number, name, `last`, folder of a run, or a log of any trainer; by default the newest run
    that is active, else that waits, else the last. reader: format of the log; idle: seconds
    without anything new after which a log is left. Raises UsageError, DataError.
    """
    from huohou.jobs import lookup
    from huohou.jobs.sources import ForeignLog, JobFiles
    from huohou.jobs.watching import Watch

    store = open_store()
    found = lookup.to_watch(ref, store)
    if isinstance(found, Path):
        return Watch(ForeignLog(found, reader), str(found), idle=idle)
    return Watch(JobFiles(found.folder), found.job.name, folder=found.folder, settle=open_store)


def import_log(
    path: str | Path, *, name: str | None = None, reader: str | None = None
) -> dict[str, Any]:
    """Take a log of any trainer in as a run: the document of `runs import --json`.

    The log stays as it is; a copy lies in the run's folder. Raises DataError, StoreError.
    """
    from huohou.jobs.importing import import_log

    folder, record = import_log(open_store(), Path(path), name=name, reader=reader)
    points = {series: len(points) for series, points in sorted(record.series.items())}
    told = {"reader": record.source["reader"], "segments": len(record.segments())}
    return {"schema": 1, **find_run(str(folder)).as_dict(), **told, "points": points}


def fetch_run(address: str) -> dict[str, Any]:
    """Bring a run back whose folder is gone, from its folder in a storage (``compute.storage``).

    The answer has the columns of ``training_jobs``. Raises UsageError, DataError, StoreError.
    """
    from huohou.jobs.fetching import fetch

    folder = fetch(open_store(), address)
    return {"schema": 1, **find_run(str(folder)).as_dict()}


def reindex() -> dict[str, Any]:
    """Build the workspace's database anew from the job folders."""
    from huohou.record.store import Store

    store = Store()
    rebuilt = store.rebuild()
    return {
        "schema": 1,
        "workspace": str(store.workspace),
        "jobs": rebuilt.jobs,
        "skipped": list(rebuilt.skipped),
    }


def back_up(ref: str) -> Path:
    """Put a finished run into the workspace's backup folder; where it is then."""
    from huohou.jobs import trash
    from huohou.record.workspace import BACKUP

    found = find_run(ref)
    trash.check(found.store, found)
    return trash.put_away(found.store, found, BACKUP)


def put_away(refs: Sequence[str]) -> dict[str, Any]:
    """Move runs into the trash, all of them or none: `runs rm`. Nothing is deleted."""
    from huohou.jobs import trash
    from huohou.jobs.lookup import find

    store = open_store()
    found = {run.folder: run for run in (find(ref, store) for ref in refs)}.values()
    for run in found:
        trash.check(store, run)
    moved = [{"id": run.job.id, "folder": str(trash.put_away(store, run))} for run in found]
    return {"schema": 1, "trash": str(trash.folder_of(store)), "runs": moved}


def restore(refs: Sequence[str]) -> dict[str, Any]:
    """Bring runs back from the trash: `runs restore`. refs: numbers, names or folders' names."""
    from huohou.jobs import trash
    from huohou.jobs.lookup import Run

    store = open_store()
    back = [trash.bring_back(store, ref) for ref in dict.fromkeys(refs)]
    found = [Run(job, store.workspace / job.folder, store).as_dict() for job in back]
    return {"schema": 1, "runs": found}


def trash() -> dict[str, Any]:
    """Runs that were put away and can be brought back, the newest first."""
    from huohou.jobs import trash

    store = open_store()
    found = trash.listed(store)
    return {"schema": 1, "trash": str(trash.folder_of(store)), "runs": found}
