"""Work beside trainings that a Ray cluster may share. Nothing heavy is imported early."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from huohou import config
from huohou.api.common import need_extra
from huohou.errors import UsageError
from huohou.text import say

if TYPE_CHECKING:
    from huohou.jobs.spread import Spread

Note = Callable[[str], object]


def can_reach(on: str) -> None:
    """Raise MissingExtraError or UsageError where a cluster cannot be asked from here.

    on: as ``compute.on`` has it; nothing is asked of what is no cluster.
    """
    if not on.startswith("ray"):
        return
    from huohou.jobs.address import address_of, check_address

    need_extra("scale", "ray")
    address = address_of(on)
    if address is not None:
        check_address(address)


@contextmanager
def spread(
    on: str,
    workers: int | None,
    gpus_per_worker: float | None,
    device: str,
    note: Note,
) -> "Iterator[Spread | None]":
    """A cluster that is connected, large enough and of our versions; None for one process.

    on: local, ray or ray://HOST:PORT; what else is asked of it stands in ``compute`` of the
    settings for all runs. device: where one process would compute. Raises MissingExtraError,
    UsageError, RunFailedError.
    """
    if on == "local":  # one process, whatever trainings are set to
        if workers not in (None, 1):
            raise UsageError("spread.local", workers=workers)
        yield None
        return
    if on == "torchrun":
        raise UsageError("spread.torchrun")
    flags = {"on": on, "workers": workers, "gpus_per_worker": gpus_per_worker}
    told = [f"compute.{key}={value}" for key, value in flags.items() if value is not None]
    asked = config.load(None, told).run.compute
    can_reach(asked.on)
    from huohou.jobs.claim import claim_of
    from huohou.jobs.connection import connected
    from huohou.jobs.nodes import check_versions
    from huohou.jobs.room import wait_for_room
    from huohou.jobs.spread import Spread

    claim = claim_of(asked, device)
    note(say("spread.connects"))
    with connected(asked.on, quiet=True):
        wait_for_room(claim, note, lambda: False)
        check_versions()
        note(say("spread.starts", workers=claim.workers))
        yield Spread(claim)
