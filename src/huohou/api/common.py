"""What the parts of the facade share. Nothing heavy is imported early."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huohou.api.kept import Kept
    from huohou.jobs.lookup import Run
    from huohou.record.store import Store

_kept: "list[Kept]" = []  # the last one holds


def need_extra(extra: str, *modules: str) -> None:
    """Raise MissingExtraError when a module of an extra is not installed."""
    from importlib.util import find_spec

    from huohou.errors import MissingExtraError

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise MissingExtraError("api.missing_extra", extra=extra, missing=", ".join(missing))


def workspace() -> Path:
    """The folder of all runs: $HUOHOU_HOME, by default ./runs."""
    from huohou.record.workspace import home

    return home()


def open_store() -> "Store":
    """The workspace's store, jobs of dead supervisors brought to their end first.

    A process that keeps it (see ``keep``) has that done in the background.
    """
    from huohou.jobs.lifecycle import bury
    from huohou.jobs.turns import tend
    from huohou.record.store import Store

    kept = kept_here()
    if kept is not None:
        return kept.tended()
    store = Store()
    bury(store)
    tend(store)
    return store


@contextmanager
def keep() -> "Iterator[Kept]":
    """For a process that answers many calls: what they need in common is kept between them.

    Whoever keeps it calls its ``tend`` every few seconds.
    """
    from huohou.api.kept import Kept

    with Kept(workspace()) as kept:
        _kept.append(kept)
        try:
            yield kept
        finally:
            _kept.remove(kept)


def kept_here() -> "Kept | None":
    """What this process keeps of the workspace as it is set now; None when it keeps nothing."""
    return _kept[-1] if _kept and _kept[-1].is_of(workspace()) else None


def find_run(ref: str) -> "Run":
    """The run that a number, a name, `last` or a folder names. Raises UsageError."""
    from huohou.jobs.lookup import find

    return find(ref, open_store())


def numbered(number: int) -> "Run":
    """The run of that number; unlike ``find_run`` it asks for that one row alone.

    Raises UsageError.
    """
    from huohou.errors import UsageError
    from huohou.jobs.lookup import Run

    store, kept = open_store(), kept_here()
    job = None
    if 0 < number < 2**31:
        job = store.job(number) if kept is None else kept.job(number)
    if job is None:
        raise UsageError("runs.unknown", ref=str(number), hint="", workspace=store.workspace)
    return Run(job, store.workspace / job.folder, store)
