"""A queued job is carried out: by this command when its turn comes, or without a terminal."""

import contextlib
from pathlib import Path
from typing import Any

from huohou.errors import StoreError
from huohou.jobs import detach, turns
from huohou.jobs.progress import Progress
from huohou.jobs.slots import wanted
from huohou.jobs.supervisor import OnEvent, Supervisor
from huohou.plan import Plan
from huohou.recipes import Start
from huohou.record.recorder import Journal
from huohou.record.store import Job, Store


def carry_out(
    store: Store,
    plan: Plan,
    folder: Path,
    journal: Journal,
    *,
    slots: int | None = None,
    detached: bool = False,
    on_event: OnEvent | None = None,
    start: Start | None = None,
    stop_on: str | None = None,
) -> Job:
    """Train when it is the job's turn; the job as it ended (stopped, if cancelled before).

    journal: held by us; slots: jobs that may train on the device at once, by default $HUOHOU_SLOTS
    or 1; detached: leave it to the runner, and return the job as it is queued; on_event: shown each
    event, and as a log line what the job waits for; start: where it goes on from; stop_on: as in
    ``Supervisor``.
    """

    def tell(text: str) -> None:
        if on_event is not None:
            with contextlib.suppress(OSError):  # the terminal is gone; the job is not
                on_event({"kind": "log", "level": "info", "text": text}, Progress())

    if detached:
        detach.enqueue(folder, journal, wanted(slots), start, stop_on)
        job = _job(store, folder)  # workers find it in the database
        turns.wake(store)
        return job
    slot = turns.wait(store, folder, journal, wanted(slots), tell)
    if slot is None:
        return _job(store, folder)
    size = plan.prediction.checkpoint_bytes
    with slot:
        how: dict[str, Any] = {"checkpoint_bytes": size, "on_event": on_event, "stop_on": stop_on}
        return Supervisor(store, folder, journal, **how).run(start)


def _job(store: Store, folder: Path) -> Job:
    number = store.take_in(folder)
    job = store.job(number) if number is not None else None
    if job is None:
        raise StoreError("runs.not_a_run", path=folder)
    return job
