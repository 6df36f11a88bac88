"""The trash of a workspace: folders of jobs that were put away, and can be brought back.

Nothing is deleted here; whoever wants the space empties the folder.
"""

from pathlib import Path
from typing import Any

from huohou.errors import StoreError, UsageError
from huohou.jobs import queue
from huohou.jobs.lookup import Run
from huohou.record.recorder import FINAL, Journal
from huohou.record.store import Job, Store
from huohou.record.workspace import BACKUP, JOURNAL, TRASH, job_folders, keep_numbers, number_of


def folder_of(store: Store) -> Path:
    """Where the trash is."""
    return store.workspace / TRASH


def check(store: Store, run: Run) -> None:
    """Raise UsageError when a job cannot be put away now."""
    if run.store is not store:
        raise UsageError("trash.elsewhere", path=run.folder, workspace=store.workspace)
    if run.job.status == "queued":
        raise UsageError("trash.queued", job=run.job.id)
    if run.job.status not in FINAL:
        raise UsageError("trash.active", job=run.job.id)


def put_away(store: Store, run: Run, into: str = TRASH) -> Path:
    """Move a job's folder into the trash (or the backups), its rows with it; where it is then.

    Raises StoreError when it cannot be moved.
    """
    place = store.workspace / into / run.folder.name
    if place.exists():
        raise StoreError("trash.taken", path=place)
    with Journal(run.folder / JOURNAL, 0):  # nobody goes on with it meanwhile
        try:
            keep_numbers(store.workspace)
            place.parent.mkdir(exist_ok=True)
            store.drop(run.job.id, lambda: run.folder.rename(place))
        except OSError as error:
            raise _cannot_move(run.folder, place, error) from error
    return place


def bring_back(store: Store, ref: str) -> Job:
    """Move a job's folder back by its number, name or folder, and take it in again.

    Raises UsageError when it is not in the trash, StoreError when it cannot be moved.
    """
    there = sorted(_there(store), key=lambda path: number_of(path) or 0)
    found = [path for path in there if ref in _names(path)]
    if not found:
        known = ", ".join(path.name for path in there) or "-"
        raise UsageError("trash.unknown", ref=ref, known=known, path=folder_of(store))
    place = store.workspace / found[-1].name
    number = number_of(place)
    # A run of its number may have been fetched meanwhile: one would hide the other.
    taken = [one for one in job_folders(store.workspace) if number_of(one) == number]
    if taken or place.exists():
        raise StoreError("trash.taken", path=taken[0] if taken else place)
    try:
        found[-1].rename(place)
    except OSError as error:
        raise _cannot_move(found[-1], place, error) from error
    number = store.take_in(place)
    job = store.job(number) if number is not None else None
    if job is None:
        raise StoreError("runs.not_a_run", path=place)
    return job


def listed(store: Store) -> list[dict[str, Any]]:
    """Jobs in the trash and in the backups, the newest first: id, name, folder, where."""
    there = sorted(_there(store), key=lambda path: number_of(path) or 0, reverse=True)
    return [
        {"id": number_of(path), "name": _called(path), "folder": path.name, "in": path.parent.name}
        for path in there
    ]


def _called(path: Path) -> str:
    """The job's own name; its folder's where the journal does not tell."""
    found = queue.read(path)
    return found.name if found is not None else path.name


def _there(store: Store) -> list[Path]:
    places = [store.workspace / name for name in (TRASH, BACKUP)]
    there = [p for place in places if place.is_dir() for p in place.iterdir()]
    return [p for p in there if (p / JOURNAL).is_file()]


def _names(path: Path) -> tuple[str, ...]:
    return str(number_of(path)), path.name, path.name.partition("-")[2]


def _cannot_move(source: Path, place: Path, error: OSError) -> StoreError:
    return StoreError(
        "trash.cannot_move", source=source, place=place, problem=error.strerror or error
    )
