"""Jobs before and after their process: made, and found when their supervisor has died."""

import time
from pathlib import Path

from huohou.errors import StoreError
from huohou.jobs import disk, stopping
from huohou.plan import Plan
from huohou.record import locks
from huohou.record.events import Event, Follower, events_with
from huohou.record.recorder import ACTIVE, Journal
from huohou.record.store import Job, Store
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL, PLAN
from huohou.text import say

SILENT = 60.0  # seconds without heartbeat after which a supervisor is taken for dead


def create(store: Store, plan: Plan) -> tuple[Path, Journal]:
    """A new job in state queued: its folder, and the journal that this process now keeps.

    A name that was used before gets a new number and a new folder. Raises StoreError when the
    workspace cannot be written.
    """
    journals: list[Journal] = []

    def fill(number: int, folder: Path) -> None:
        plan.save(folder / PLAN)
        disk.set_aside(folder)
        (folder / HEARTBEAT).touch()
        journals.append(Journal(folder / JOURNAL, seg=0))
        journals[-1].queued(
            number,
            plan.name,
            plan.recipe,
            plan.model,
            epochs=plan.value("train.num_epochs"),
            updates=plan.prediction.updates,
            plan=plan.as_dict(),
        )

    try:
        folder = store.create(plan.name, fill)
    except OSError as error:
        raise StoreError(
            "job.cannot_create", path=store.workspace, problem=error.strerror or error
        ) from error
    return folder, journals[-1]


def bury(store: Store) -> list[Job]:
    """Jobs whose supervisor died are brought to their end: as their process said, else lost.

    Returns the jobs that were found.
    """
    found = []
    for job in store.jobs():
        folder = store.workspace / job.folder
        if job.status in ACTIVE and folder.is_dir() and not _is_cared_for(folder):
            if _settle(folder):
                found.append(job)
            store.take_in(folder)
    return found


def _is_cared_for(folder: Path) -> bool:
    """Whether a supervisor lives, or the process is about to end by itself."""
    for file in (JOURNAL, EVENTS):
        held = locks.is_held(folder / file)
        if held:
            return True
        if held is None:  # no locks here: the heartbeat must do
            beat = folder / HEARTBEAT
            return beat.exists() and time.time() - beat.stat().st_mtime < SILENT
    return False


def _settle(folder: Path) -> bool:
    try:
        journal = Journal(folder / JOURNAL, seg=0)
    except StoreError:  # another command is doing it at this moment
        return False
    with journal:
        lines = Follower(folder / JOURNAL).poll()
        states = [e["state"] for e in lines if e["kind"] == "state"]
        if not states or states[-1] not in ACTIVE:
            return False
        journal.seg = max((e.get("seg", 0) for e in lines), default=0)
        end = last_end(folder, journal.seg)
        if end is None:
            journal.state("lost", error=say("job.lost"), reason="supervisor-died")
        else:
            journal.state(end["state"], error=end.get("error"), reason=end.get("reason"))
        disk.give_back(folder)
        stopping.forget(folder)
    return True


def last_end(folder: Path, seg: int) -> Event | None:
    """How the process of a segment said it ended; None when it did not get to say."""
    end = None
    for event in events_with(folder / EVENTS, "end"):
        if event["kind"] == "end" and event.get("seg") == seg:
            end = event
    return end
