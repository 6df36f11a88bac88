"""Sweeps. Nothing heavy is imported early."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou import config
from huohou.api.common import open_store
from huohou.api.jobs import can_compute
from huohou.api.plans import make_plan

if TYPE_CHECKING:
    from huohou.jobs.supervisor import OnEvent
    from huohou.jobs.sweep import Combination
    from huohou.plan import Plan


def plan_sweep(
    run_file: Path | None, flags: Sequence[str], wanted: Sequence[str]
) -> "tuple[str, list[tuple[Plan, Combination]]]":
    """Name of a sweep, and a plan for each combination of ``margin=0.05,0.1`` and the like.

    Raises UsageError for settings that are not known, and what ``make_plan`` raises.
    """
    from huohou.jobs.sweep import combinations, job_name

    settings = config.load(run_file, flags)
    found = []
    for one in combinations(wanted, settings.table(), settings.run.recipe):
        name = job_name(settings.run.name, one)
        own = [f"{key}={value}" for key, value in one.items()]
        found.append((make_plan(run_file, [*flags, *own, f"name={name}"]), one))
    return settings.run.name, found


def sweep(
    name: str,
    plans: "Sequence[tuple[Plan, Combination]]",
    on_event: "OnEvent | None" = None,
    *,
    slots: int | None = None,
    detach: bool = False,
    stop_on: str | None = None,
) -> dict[str, Any]:
    """Queue all plans as jobs of the sweep of that name and carry them out in turn.

    Returns the document of `runs sweep NAME --json`; detached, it says of each job that it waits.
    Where one is stopped, those that still wait are cancelled. Options as in ``train``.
    """
    from huohou.jobs import detach as detaching
    from huohou.jobs import lifecycle, turns
    from huohou.jobs.carry_out import carry_out
    from huohou.jobs.slots import wanted as wanted_slots
    from huohou.jobs.sweep import marked

    count, at = wanted_slots(slots), time.time()
    for plan, _ in plans[:1]:  # all are computed in the same place
        can_compute(plan)
    store = open_store()
    if detach:
        detaching.check(store.workspace)
    how: dict[str, Any] = {"slots": count, "detached": detach, "on_event": on_event}
    with contextlib.ExitStack() as held:
        jobs = []
        for plan, combination in plans:
            own = marked(plan, name, combination, at)
            folder, journal = lifecycle.create(store, own)
            held.enter_context(journal)
            jobs.append((own, folder, journal))
        stopped = False
        for plan, folder, journal in jobs:
            if stopped:
                turns.cancel(store, folder, journal)
                continue
            job = carry_out(store, plan, folder, journal, stop_on=stop_on, **how)
            stopped = job.status == "stopped"
    return compare_sweep(name)


def compare_sweep(name: str) -> dict[str, Any]:
    """The runs of the newest sweep of that name on the validation split: `runs sweep NAME`."""
    from huohou.jobs.sweep import compare, members

    return compare(name, members(open_store(), name))
