"""What the parts of the facade share. Nothing heavy is imported early."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huohou.jobs.lookup import Run
    from huohou.record.store import Store


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
    """The workspace's store, jobs of dead supervisors brought to their end first."""
    from huohou.jobs.lifecycle import bury
    from huohou.jobs.turns import tend
    from huohou.record.store import Store

    store = Store()
    bury(store)
    tend(store)
    return store


def find_run(ref: str) -> "Run":
    """The run that a number, a name, `last` or a folder names. Raises UsageError."""
    from huohou.jobs.lookup import find

    return find(ref, open_store())
