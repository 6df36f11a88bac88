"""Jobs by what people call them: a number, a name, `last`, a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huohou.errors import DataError, UsageError
from huohou.record.events import plain
from huohou.record.recorder import ACTIVE
from huohou.record.store import Job, Store, alone
from huohou.record.workspace import EVENTS, JOURNAL, SCORECARD
from huohou.text import nearest

LAST = "last"


@dataclass(frozen=True, slots=True)
class Run:
    """A job that was found: its row, its folder, and the store that knows its series."""

    job: Job
    folder: Path
    store: Store

    def as_dict(self) -> dict[str, Any]:
        """Columns of ``training_jobs`` as JSON; folder as it can be opened from here."""
        columns: dict[str, Any] = plain(self.job.as_dict() | {"folder": str(self.folder)})
        return columns

    def details(self) -> dict[str, Any]:
        """The columns, findings, and the scorecard (None as long as there is none)."""
        findings = plain(self.store.findings(self.job.id))
        return self.as_dict() | {"findings": findings, "scorecard": self._scorecard()}

    def _scorecard(self) -> Any:
        try:
            return json.loads((self.folder / SCORECARD).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None


def find(ref: str, store: Store) -> Run:
    """The job that ref names: a folder, its number, `last`, or a name (the newest of that name).

    Raises UsageError that names the nearest.
    """
    if (Path(ref) / JOURNAL).is_file():
        return _by_folder(Path(ref), store)
    jobs = store.jobs()
    # In this order: a job may be called "7" or "last".
    for names in (lambda j: str(j.id), lambda j: LAST, lambda j: j.name, lambda j: j.folder):
        for job in jobs:
            if names(job) == ref:
                return Run(job, store.workspace / job.folder, store)
    if not jobs:
        raise UsageError("runs.unknown_none", ref=ref, workspace=store.workspace)
    hint = nearest(ref, (job.name for job in jobs))
    raise UsageError("runs.unknown", ref=ref, hint=hint, workspace=store.workspace)


def to_watch(ref: str | None, store: Store) -> Run | Path:
    """What somebody wants to look on at: a job, or the path of a log.

    Without a ref the newest job that is active, else the newest that waits, else the last one.
    Raises UsageError, DataError.
    """
    if ref is None:
        jobs = store.jobs()
        wanted = [job for states in (ACTIVE, {"queued"}) for job in jobs if job.status in states]
        return find(str(wanted[0].id) if wanted else LAST, store)
    path = Path(ref)
    if path.name in (EVENTS, JOURNAL) and (path.parent / JOURNAL).is_file():
        return find(str(path.parent), store)
    looks_like_path = path.name != ref or bool(path.suffix)
    if path.exists() and looks_like_path and not (path / JOURNAL).is_file():
        return path
    try:
        return find(ref, store)
    except UsageError:
        if _is_log(path):
            return path
        if looks_like_path:
            raise DataError("reader.missing", path=path) from None
        raise


def _is_log(path: Path) -> bool:
    """Whether there is such a file or folder, also with the name of a run in it ("a.db#run")."""
    from huohou.record.readers import candidates

    return path.exists() or any(map(Path.exists, candidates(path)))


def _by_folder(folder: Path, store: Store) -> Run:
    if folder.resolve().parent == store.workspace.resolve():
        for job in store.jobs():
            if job.folder == folder.resolve().name:
                return Run(job, folder, store)
    its_own, number = alone(folder)
    job_there = its_own.job(number) if number is not None else None
    if job_there is None:
        raise UsageError("runs.not_a_run", path=folder)
    return Run(job_there, folder, its_own)
