"""Workers find no room on a Ray cluster that has what was asked for: told, waited for, given up."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from huohou import api
from huohou.config import ComputeSettings
from huohou.errors import RunFailedError
from huohou.jobs import stopping
from huohou.jobs.claim import Claim, claim_of
from huohou.jobs.connection import connected
from huohou.jobs.room import wait_for_room
from teams import begin, events, nodes, sft_flags, shared
from waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two machines of one core, and this process connected to them."""
    with nodes({"num_cpus": 1}) as address, connected(f"ray://{address}", quiet=True):
        yield address


def claim(**settings: Any) -> Claim:
    return claim_of(ComputeSettings(on="ray", **settings), "cpu")


@contextmanager
def busy(cores: int = 1) -> Iterator[Any]:
    """Others have so many of the cluster's two cores."""
    import ray

    class Other:  # in here, so that Ray sends it along: its workers cannot import a test
        def begun(self) -> None:
            """Answers once it has its core."""

    actor = ray.remote(Other).options(num_cpus=1)
    others = [actor.remote() for _ in range(cores)]
    ray.get([other.begun.remote() for other in others])
    wait_until(lambda: ray.available_resources().get("CPU", 0.0) == 2 - cores)
    try:
        yield others
    finally:
        for other in others:
            ray.kill(other)
        wait_until(all_free)


def all_free() -> bool:
    import ray

    return bool(ray.available_resources().get("CPU") == 2)


def never() -> bool:
    return False


def test_what_is_free_is_not_waited_for(cluster: str) -> None:
    told: list[str] = []
    wait_for_room(claim(workers=2, wait=0), told.append, never)
    assert told == []
    wait_until(all_free)  # the workers get it, not the wait


def test_a_busy_cluster_is_told_and_waited_for_so_long(cluster: str) -> None:
    told: list[str] = []
    with busy(), pytest.raises(RunFailedError, match="Nothing was started after 3 s") as caught:
        wait_for_room(claim(workers=2, wait=3), told.append, never)
    assert "2 CPU asked for, 1 free" in str(caught.value)
    (words,) = told
    assert "2 CPU asked for, 1 free" in words and "up to 3 s" in words
    wait_until(all_free)


def test_it_goes_on_as_soon_as_the_others_are_done(cluster: str) -> None:
    import ray

    with busy(2) as others:
        wait_for_room(claim(workers=2), lambda _: [ray.kill(one) for one in others], never)


def test_a_worker_that_fits_no_machine_is_told(cluster: str) -> None:
    """Two machines of one core have two, and no worker of two fits either."""
    told: list[str] = []
    with pytest.raises(RunFailedError, match="takes 2 CPU of one machine, and the machines hold 0"):
        wait_for_room(claim(cpus_per_worker=2, wait=2), told.append, never)
    assert "takes 2 CPU of one machine" in told[0]


def test_who_waits_for_room_can_be_stopped(cluster: str, tmp_path: Path) -> None:
    """A whole run, whose driver is told by the file that ``huohou stop`` writes."""
    folder = tmp_path / "job"
    plan = api.make_plan(None, sft_flags(tmp_path))
    with busy():
        process = begin(shared(plan, f"ray://{cluster}", 2), folder)
        wait_until(lambda: any(e["kind"] == "alert" for e in waited(folder)))
        stopping.request(folder)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out
    assert [e["kind"] for e in events(folder)] == ["alert", "end"]
    assert events(folder)[-1]["state"] == "stopped"


def waited(folder: Path) -> list[dict[str, Any]]:
    return events(folder) if (folder / "events.jsonl").exists() else []
