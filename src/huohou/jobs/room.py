"""The wait until a Ray cluster has room for all workers, each of them whole on one machine.

What a cluster has in all tells neither that it is free nor that a machine can hold a worker, and
Ray Train waits for either without a word. So the workers' places are reserved as Ray Train will
reserve them, and given back.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from huohou.errors import RunFailedError
from huohou.jobs.claim import Claim
from huohou.text import say

if TYPE_CHECKING:
    from ray.util.placement_group import PlacementGroup

SLICE = 1  # whole seconds, as Ray wants them, between two looks at the clock and at who stops us


def wait_for_room(
    claim: Claim, tell: Callable[[str], object], asked_to_stop: Callable[[], bool]
) -> None:
    """Until the cluster could begin all workers at once; what is lacking is said, and how long it
    is waited for.

    Raises RunFailedError when the time is up.
    """
    until = time.monotonic() + claim.wait
    seconds, told = f"{claim.wait:g}", False
    with _reserved(claim) as places:
        while not asked_to_stop() and not places.wait(SLICE):
            lacking = lacks(claim)
            if time.monotonic() >= until:
                raise RunFailedError("cluster.too_small", lacking=lacking, seconds=seconds)
            if not told:
                tell(say("cluster.waits", lacking=lacking, seconds=seconds))
                told = True


def lacks(claim: Claim) -> str:
    """Why there is no room now: too little in all, on no machine enough, or others have it."""
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return (
        claim.lacking(ray.cluster_resources())
        or claim.not_whole(machines)
        or claim.taken(ray.available_resources())
    )


@contextmanager
def _reserved(claim: Claim) -> "Iterator[PlacementGroup]":
    """Places for the workers, asked for where Ray Train would have them."""
    from ray.util import placement_group, remove_placement_group

    bundles = [dict(claim.each) for _ in range(claim.workers)]
    places = placement_group(bundles, strategy="PACK")
    try:
        yield places
    finally:
        remove_placement_group(places)
