"""Going on with a job: from which checkpoint, and whether it is still the same run."""

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huohou.errors import UsageError
from huohou.jobs import disk, stopping, stored
from huohou.plan import Difference, Plan, contract, differences
from huohou.recipes import Start
from huohou.record import checkpoints
from huohou.record.checkpoints import Checkpoint, Damaged
from huohou.record.events import Follower
from huohou.record.recorder import ACTIVE, Journal
from huohou.record.store import Job
from huohou.record.workspace import JOURNAL, PLAN
from huohou.text import nearest, say

# What a new run may not differ in from the checkpoint whose weights it begins with.
SHAPES = (
    "recipe",
    "base_weights",
    "lora.rank",
    "lora.targets",
    "embed.head",
    "embed.head_dim",
    "embed.variance",
)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a job goes on: its checkpoint (None: there is none), and later, damaged ones."""

    checkpoint: Checkpoint | None
    damaged: Sequence[Damaged] = ()


def point(
    folder: Path, name: str | None = None, tell: stored.Tell | None = None, plan: Plan | None = None
) -> Point:
    """The last whole checkpoint of a job, or the one of that name.

    tell: told what is fetched from the job's storage (of that plan, by default its own), where that
    has a later one; None: only what is here. Raises UsageError when there is no such checkpoint, or
    it is damaged, and StoreError where the storage cannot be reached.
    """
    place = folder / checkpoints.FOLDER
    if name is None:
        found, damaged = checkpoints.newest(place)
        if tell is not None:
            newer = stored.bring_newer(folder, found.step if found else None, tell, plan)
            return Point(newer, _left(damaged)) if newer else Point(found, damaged)
        return Point(found, damaged)
    names = [path.name for path in checkpoints.listed(place)]
    if name not in names and tell is not None:
        stored.bring_named(folder, name, tell, plan)
        names = [path.name for path in checkpoints.listed(place)]
    if name not in names:
        known = ", ".join(names) or "-"
        hint = nearest(name, names)
        raise UsageError("resume.no_such", name=name, folder=place, hint=hint, known=known)
    opened = checkpoints.open_checkpoint(place / name)
    if isinstance(opened, Damaged):
        raise UsageError("checkpoint.damaged", path=opened.path, problem=opened.problem)
    return Point(opened)


def _left(damaged: Sequence[Damaged]) -> list[Damaged]:
    """Those that did not make room for a fetched one of the same name."""
    found = (checkpoints.open_checkpoint(one.path) for one in damaged)
    return [one for one in found if isinstance(one, Damaged) and one.path.is_dir()]


def refuse_while_active(job: Job) -> None:
    """Raise UsageError for a job that is running or waits for its turn."""
    if job.status in ACTIVE or job.status == "queued":
        raise UsageError("resume.active", id=job.id, state=say(f"state.{job.status}"))


def refuse_differences(at: Point, old: Plan, plan: Plan, job: int) -> None:
    """Raise UsageError that names every field in which the plan is not the checkpoint's.

    Where no checkpoint was saved, the old plan stands for it; where all are damaged, UsageError.
    """
    found = at.checkpoint
    if found is None and at.damaged:
        lines = "\n".join(f"  {one.path.name}: {one.problem}" for one in at.damaged)
        raise UsageError("resume.none_whole", id=job, lines=lines)
    changed = differences(found.contract if found else contract(old), contract(plan))
    if changed:
        lines = "\n".join(f"  {describe(one)}" for one in changed)
        name = found.path.name if found else PLAN
        raise UsageError("resume.differs", run=job, checkpoint=name, lines=lines)


def refuse_other_shape(found: Checkpoint, plan: Plan) -> bool:
    """Whether a branch keeps the optimizer too (nothing changed), or takes the weights alone.

    Raises UsageError where even the weights do not fit.
    """
    changed = differences(found.contract, contract(plan))
    unfit = [one for one in changed if one.field in SHAPES]
    if unfit:
        lines = "\n".join(f"  {describe(one)}" for one in unfit)
        raise UsageError("resume.unfit", checkpoint=found.path.name, lines=lines)
    return bool(changed)


def describe(one: Difference) -> str:
    """A difference in a line; fingerprints by their beginnings."""
    name = say(f"resume.field.{one.field}") if one.field in FINGERPRINTS else one.field
    return say("resume.difference", field=name, before=_short(one.before), now=_short(one.now))


FINGERPRINTS = ("data.train", "data.eval", "template", "tokenizer", "base_weights")


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text


def reopen(folder: Path) -> Journal:
    """The journal of a job that goes on, at its next segment. Raises StoreError when it is held."""
    journal = Journal(folder / JOURNAL, seg=0)
    last = 0
    follower = Follower(folder / JOURNAL)
    while news := follower.poll():
        last = max([last, *(event.get("seg", 0) for event in news)])
    journal.seg = last + 1
    stopping.forget(folder)
    disk.set_aside(folder)
    return journal


def begin_again(
    folder: Path, damaged: Sequence[Damaged], longer: Plan | None = None
) -> tuple[Journal, list[str]]:
    """The journal of a job that goes on, and notes: damaged checkpoints are put aside.

    longer: the plan of a run that is extended.
    """
    journal = reopen(folder)
    with contextlib.ExitStack() as given_back:
        given_back.push(journal)
        notes = put_aside(damaged)
        for note in notes:
            journal.alert(note)
        if longer is not None:
            replace_plan(folder, longer)
        given_back.pop_all()
    return journal, notes


def put_aside(damaged: Sequence[Damaged]) -> list[str]:
    """Give damaged checkpoints other names, so that the Trainer does not trip over them; notes."""
    notes = []
    for one in damaged:
        aside = checkpoints.set_aside(one.path, "damaged")
        notes.append(
            say("resume.skipped", name=one.path.name, problem=one.problem, aside=aside.name)
        )
    return notes


def copy_into(found: Checkpoint, folder: Path, *, weights_only: bool) -> Path:
    """A copy of a checkpoint in a new job's folder, which is then whole in itself.

    weights_only: the new job counts its updates from 0. Among its own checkpoints the copy would
    pass for the newest until as many updates were done, so it lies elsewhere.
    """
    place = folder / (checkpoints.ORIGIN if weights_only else checkpoints.FOLDER)
    place.mkdir(parents=True, exist_ok=True)
    target = place / found.path.name
    staging = place / checkpoints.STAGING
    shutil.copytree(found.path, staging)
    staging.rename(target)
    return target


def start_at(folder: Path, found: Checkpoint | None) -> Start:
    """How a job goes on: from its checkpoint; where it has none, as it began."""
    if found is not None:
        return Start(found.path.resolve())
    origin = checkpoints.listed(folder / checkpoints.ORIGIN)
    return Start(origin[-1].resolve(), weights_only=True) if origin else Start()


def replace_plan(folder: Path, plan: Plan) -> None:
    """Write the plan of a run that was extended; the earlier one is kept as ``plan.1.json``."""
    n = 1
    while (earlier := folder / f"plan.{n}.json").exists():
        n += 1
    staged = folder / f".{PLAN}"
    staged.unlink(missing_ok=True)
    plan.save(staged)
    shutil.copyfile(folder / PLAN, earlier)
    staged.replace(folder / PLAN)


def flags_of(plan: Plan, changed: Sequence[str]) -> list[str]:
    """Settings that make a new plan of the same run wherever it is made, and what is changed."""
    fixed: Mapping[str, Any] = {
        "model": plan.model,
        "data.train": plan.train.path,
        "data.eval": plan.eval.path if plan.eval else None,
        "data.format": plan.train.format,
        "train.dtype": plan.dtype.value,
    }
    # YAML reads JSON, but not JSON's pairs of escapes for one sign.
    told = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in fixed.items())
    return [*told, *changed]
