"""The list of runs as a page shows it. Nothing heavy is imported early."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import kept_here, numbered, open_store
from huohou.api.dismissals import FILE as DISMISSED
from huohou.api.dismissals import dismissals

if TYPE_CHECKING:
    from huohou.jobs.standing import Standing
    from huohou.record.store import Job, Store

PAGE = 50  # runs of a page
MOST = 1000


def job_list(
    status: Collection[str] = (), text: str = "", *, limit: int = PAGE, before: int | None = None
) -> dict[str, Any]:
    """Runs in these states that have a text in their name, recipe, model or number.

    The newest first, at most `limit` of those with a number below `before`. The answer: ``total``
    of all pages, ``jobs`` with the columns of ``training_jobs`` and ``queue_position`` and
    ``verdict``: faulty, watch or healthy by the worst finding so far that was not put aside, None
    where there are no numbers to judge yet.
    """
    store = open_store()
    total, found = store.listed(status, text, limit=min(max(limit, 1), MOST), before=before)
    rows = _rows(store, found, *_context(store, found))
    return {"schema": 1, "workspace": str(store.workspace), "total": total, "jobs": rows}


def job_counts() -> dict[str, int]:
    """How many runs there are in each state, 0 where none is."""
    from huohou.record.recorder import ACTIVE, FINAL

    states = dict.fromkeys(["queued", *sorted(ACTIVE), *sorted(FINAL)], 0)
    return states | open_store().counts()


def jobs_now(numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Runs by number, each as in ``job_list``, and with ``progress`` as ``job_details`` has it;
    those that are gone are left out."""
    store = open_store()
    found = store.jobs(list(numbers))
    rows = _rows(store, found, *_context(store, found))
    return {
        job.id: row | {"progress": standing(store, job).look(job)}
        for job, row in zip(found, rows, strict=True)
    }


@dataclass(frozen=True, slots=True)
class ListNews:
    """changed: rows as in ``job_list``; removed: numbers; total: of all runs."""

    changed: list[dict[str, Any]]
    removed: list[int]
    total: int


class JobListing:
    """The whole list, looked at again and again; only what changed is told."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, ...]] = {}
        self._rows: dict[int, dict[str, Any]] = {}

    def look(self) -> ListNews:
        """What changed since the last look; everything at the first."""
        store = open_store()
        jobs = store.jobs()
        said, aside, places = _context(store, jobs, everything=True)
        now = {
            job.id: (job, said.get(job.id), aside.get(job.id), places.get(job.id)) for job in jobs
        }
        changed = [key[0] for number, key in now.items() if not _same(self._known.get(number), key)]
        removed = [number for number in self._known if number not in now]
        rows = _rows(store, changed, said, aside, places)
        self._rows |= {row["id"]: row for row in rows}
        for number in removed:
            del self._rows[number]
        self._known = now
        return ListNews(rows, removed, len(now))

    def live(self) -> ListNews:
        """The runs that may change by themselves, as they were at the last look."""
        from huohou.jobs.standing import is_live

        rows = [self._rows[number] for number, key in self._known.items() if is_live(key[0])]
        return ListNews(rows, [], len(self._known))


def _same(before: tuple[Any, ...] | None, now: tuple[Any, ...]) -> bool:
    # NaN is another value than itself, so a row with one would be told for ever.
    return before is not None and (before == now or repr(before) == repr(now))


def standing(store: "Store", job: "Job") -> "Standing":
    """Where a run stands: as this process knows it, else read now."""
    from huohou.jobs.standing import Standing

    kept = kept_here()
    if kept is not None:
        return kept.standing(job)
    return Standing(store.workspace / job.folder, job)


def database_stamp() -> tuple[Any, ...] | None:
    """Changes whenever the store does, or what was put aside; None where that cannot be seen.

    Costs next to nothing.
    """
    store = open_store()
    stamp = store.stamp()
    return None if stamp is None else (*stamp, _changed(store.workspace / DISMISSED))


def folder_stamp(number: int) -> tuple[Any, ...]:
    """Changes whenever a file or a checkpoint of a run comes or goes. Raises UsageError."""
    folder = numbered(number).folder
    return _changed(folder), _changed(folder / "checkpoints")


def _changed(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_size, seen.st_mtime_ns


_Context = tuple[dict[int, dict[str, str]], dict[int, set[str]], dict[int, int]]


def _context(store: "Store", found: Collection["Job"], *, everything: bool = False) -> _Context:
    """Of these runs: what was found, what was put aside, and their places in line."""
    wanted = None if everything else [job.id for job in found]
    said = store.findings_of(wanted) if found else {}
    return said, dismissals(), places_of(store, found)


def _rows(
    store: "Store",
    found: Iterable["Job"],
    said: Mapping[int, Mapping[str, str]],
    aside: Mapping[int, Collection[str]],
    places: Mapping[int, int],
) -> list[dict[str, Any]]:
    from huohou.jobs.lookup import Run

    return [
        Run(job, store.workspace / job.folder, store).as_dict()
        | {
            "queue_position": places.get(job.id),
            "verdict": verdict(job, said.get(job.id, {}), aside.get(job.id, ())),
        }
        for job in found
    ]


def places_of(store: "Store", found: Iterable["Job"]) -> dict[int, int]:
    """Number of a job that waits to its place in line; asked only where one of these waits."""
    from huohou.jobs.queue import Queue, places

    if not any(job.status == "queued" for job in found):
        return {}
    kept = kept_here()
    return kept.places() if kept is not None else places(Queue(store.workspace).look())


def verdict(job: "Job", said: Mapping[str, str], aside: Collection[str] = ()) -> str | None:
    """What there is to think of a run in a word; said: codes of its findings to severities."""
    severities = {severity for code, severity in said.items() if code not in aside}
    if "error" in severities or job.status == "failed":
        return "faulty"
    if "warning" in severities or job.status == "lost":
        return "watch"
    return None if job.train_loss is None and job.val_loss is None else "healthy"
