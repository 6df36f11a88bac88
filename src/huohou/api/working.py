"""A worker of this machine for a queue. Nothing heavy is imported early."""

from collections.abc import Callable, Sequence

from huohou.api.common import open_store


def work(
    devices: Sequence[str] = (),
    *,
    slots: int | None = None,
    until_empty: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
) -> str | None:
    """Take jobs without a terminal off the queue, and carry them out on this machine.

    devices: jobs for these alone, by default for any; slots: jobs that may train on a device at
    once, by default $HUOHOU_SLOTS or 1; until_empty: end when none waits and none of ours runs.
    Ends at SIGINT or SIGTERM, whose name is the answer; what runs then goes on by itself. Raises
    UsageError where the workspace is not the one of the other workers.
    """
    from huohou.jobs.detach import check
    from huohou.jobs.slots import wanted
    from huohou.jobs.worker import serve_here

    store = open_store()
    check(store.workspace)
    return serve_here(store, devices, wanted(slots), on_note, until_empty=until_empty)
