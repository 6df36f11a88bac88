"""The storage of a job: whether it can be used, and what it has that the job's folder lacks."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from huohou.errors import HuohouError
from huohou.jobs.copying import Copier
from huohou.plan import Plan
from huohou.recipes import Start
from huohou.record import checkpoints
from huohou.record.checkpoints import Checkpoint
from huohou.record.copies import Copies, Told
from huohou.record.storage import Storage
from huohou.record.workspace import PLAN
from huohou.text import say

EVERY = 5.0  # seconds between two words about what is fetched
Tell = Callable[[str], None]


def address_of(plan: Plan) -> str | None:
    """Where a plan's checkpoints are copied to; None for nowhere."""
    setting = plan.settings.get("compute.storage")
    return str(setting.value) if setting is not None and setting.value else None


def check(plan: Plan) -> None:
    """Write, read and delete a file there. Raises UsageError or MissingExtraError where a plan's
    storage cannot be used."""
    address = address_of(plan)
    if address is not None:
        Storage(address).check()


def copies_of(folder: Path, plan: Plan | None = None) -> Copies | None:
    """The copies of the job in a folder; None where it keeps none. Raises as ``Storage``."""
    if plan is None:
        try:
            plan = Plan.load(folder / PLAN)
        except (OSError, ValueError, KeyError, TypeError):  # told by who needs the plan
            return None
    address = address_of(plan)
    return Copies(Storage(address), folder) if address is not None else None


def copier_of(folder: Path, plan: Plan, seg: int) -> Copier | None:
    """A copier for a training in its process life seg.

    Where the first cannot write to its storage it ends there, with UsageError; a later one goes on
    as it would where the network fails in the middle. Raises MissingExtraError.
    """
    copies = copies_of(folder, plan)
    if copies is None:
        return None
    if seg == 0:
        check(plan)
    # As many as transformers' Trainer keeps in the job's folder.
    return Copier(copies, int(plan.value("train.keep_checkpoints")) + (plan.eval is not None))


def bring_newer(
    folder: Path, after: int | None, tell: Tell, plan: Plan | None = None
) -> Checkpoint | None:
    """Fetch the newest whole checkpoint of a job's storage into the job's folder, where it is of a
    later update than after; and that of the best evaluation with it, which may still be chosen.

    after: of the newest whole one that is here, None where there is none. Raises StoreError where
    the storage cannot be reached, else as ``Storage``.
    """
    copies = copies_of(folder, plan)
    if copies is None:
        return None
    unwanted = suspects(folder / checkpoints.FOLDER)
    found, notes = copies.bring(after, _meter(tell, copies.address), unwanted)
    for note in notes:
        tell(note)
    if found is not None:
        tell(say("storage.fetched", name=found.path.name, address=copies.address))
    return found


def bring_named(folder: Path, name: str, tell: Tell, plan: Plan | None = None) -> None:
    """Fetch the checkpoint of that name, where the storage has it. Raises DataError where it is
    damaged there, StoreError."""
    copies = copies_of(folder, plan)
    for one in copies.whole() if copies is not None else ():
        if checkpoints.name(one.step) == name and copies is not None:
            copies.fetch(one, _meter(tell, copies.address))
            tell(say("storage.fetched", name=name, address=copies.address))


def newest(folder: Path, seg: int, start: Start, tell: Tell) -> Start:
    """Where a process life begins: later than was said, where the storage has a later checkpoint.

    Where it cannot be asked, as was said.
    """
    if seg == 0 or start.weights_only:
        return start
    here = start.checkpoint if start.checkpoint and start.checkpoint.is_dir() else None
    try:
        found = bring_newer(folder, checkpoints.step_of(here) if here else None, tell)
    except HuohouError as error:
        tell(str(error))
        return start
    return replace(start, checkpoint=found.path.resolve()) if found is not None else start


def _meter(tell: Tell, address: str) -> Told:
    """Says now and then how much is fetched and how long it will take."""
    began = said = time.monotonic()

    def told(done: int, whole: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < EVERY or not done:
            return
        said = now
        left = (now - began) * (whole - done) / done
        percent, seconds = f"{100 * done / whole:.0f}", f"{left:.0f}"
        tell(say("storage.fetching", address=address, percent=percent, seconds=seconds))

    return told


def suspects(place: Path) -> set[int]:
    """Updates whose checkpoints were put aside here: saved with lost weights."""
    names = (one.name.partition("-")[2] for one in place.glob("suspect-checkpoint-*"))
    found = (checkpoints.step_of(Path("-".join(name.split("-")[:2]))) for name in names)
    return {step for step in found if step is not None}


def disown(folder: Path, names: list[str]) -> None:
    """Copies of checkpoints with lost weights are never taken for good ones. Raises StoreError."""
    copies = copies_of(folder)
    if copies is not None:
        steps = (checkpoints.step_of(Path(name)) for name in names)
        copies.disown([step for step in steps if step is not None])
