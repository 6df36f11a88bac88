"""Jobs: train, resume, branch, stop, order. Nothing heavy is imported early."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou import config
from huohou.api.common import find_run, need_extra, open_store
from huohou.api.spreading import can_reach
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.jobs.lookup import Run
    from huohou.jobs.supervisor import OnEvent
    from huohou.plan import Plan


def train(
    plan: "Plan",
    on_event: "OnEvent | None" = None,
    *,
    slots: int | None = None,
    detach: bool = False,
    stop_on: str | None = None,
) -> dict[str, Any]:
    """Carry out a plan when it is its turn, in a process of its own; the job as it ended.

    on_event: shown each event as it comes, with the progress so far; slots: jobs that may train
    on the device at once, by default $HUOHOU_SLOTS or 1; detach: it trains without this process,
    and the answer is the job as it is queued; stop_on: severity of a finding that ends the job
    early, with a checkpoint: "error", or "warning" for both. The answer has the columns of
    ``training_jobs``; status says whether it completed, was stopped or failed.
    """
    from huohou.jobs import lifecycle
    from huohou.jobs.carry_out import carry_out
    from huohou.jobs.detach import check
    from huohou.jobs.lookup import Run
    from huohou.jobs.slots import wanted

    count = wanted(slots)
    can_compute(plan)
    store = open_store()
    if detach:
        check(store.workspace)
    folder, journal = lifecycle.create(store, plan)
    how: dict[str, Any] = {"slots": count, "detached": detach, "on_event": on_event}
    how["stop_on"] = stop_on
    job = carry_out(store, plan, folder, journal, **how)
    return {"schema": 1, **Run(job, folder, store).as_dict()}


def resume(
    ref: str,
    *,
    extend_epochs: float | None = None,
    compute: Mapping[str, Any] | None = None,
    plan: "Plan | None" = None,
    detach: bool = False,
    stop_on: str | None = None,
    on_event: "OnEvent | None" = None,
    on_note: "Callable[[str], None]" = lambda _: None,
) -> dict[str, Any]:
    """Go on with a run where its last whole checkpoint stands; the job as it then ended.

    extend_epochs: passes beyond the plan; compute: settings of ``compute`` that change, by dotted
    name, for other workers than it began with; plan: what it should be the same run as, made anew
    from the files as they are now when not given; detach, stop_on: as in ``train``; on_note: told
    what a person should know before it goes on. Raises UsageError where it is not the same run any
    more, or there is nothing to go on with.
    """
    from huohou.jobs import resume as resuming
    from huohou.jobs.carry_out import carry_out
    from huohou.jobs.detach import check
    from huohou.jobs.lookup import Run
    from huohou.text import say

    run = find_run(ref)
    old = _resumable(run)
    resuming.refuse_while_active(run.job)
    if detach:
        check(run.folder.parent)
    if run.job.status == "completed" and not extend_epochs:
        raise UsageError("resume.completed", id=run.job.id, epochs=f"{run.job.epochs:g}")
    epochs = old.value("train.num_epochs") + (extend_epochs or 0)
    others = [f"{name}={value}" for name, value in (compute or {}).items()]
    plan = plan or _plan_again(old, [f"train.num_epochs={epochs}", *others])
    can_compute(plan)
    point = resuming.point(run.folder, None, on_note, plan)
    resuming.refuse_differences(point, old, plan, run.job.id)
    if point.checkpoint is None:
        on_note(say("resume.nothing_saved"))
    longer = plan if extend_epochs or compute else None
    journal, notes = resuming.begin_again(run.folder, point.damaged, longer)
    for note in notes:
        on_note(note)
    if extend_epochs:
        on_note(say("resume.extended", epochs=f"{epochs:g}"))
    start = resuming.start_at(run.folder, point.checkpoint)
    how: dict[str, Any] = {"detached": detach, "on_event": on_event, "start": start}
    job = carry_out(run.store, plan, run.folder, journal, stop_on=stop_on, **how)
    return {"schema": 1, **Run(job, run.folder, run.store).as_dict()}


def branch(
    ref: str,
    name: str,
    *,
    checkpoint: str | None = None,
    extend_epochs: float = 0,
    flags: Sequence[str] = (),
    given: Mapping[str, Any] | None = None,
    detach: bool = False,
    stop_on: str | None = None,
    on_event: "OnEvent | None" = None,
    on_note: "Callable[[str], None]" = lambda _: None,
) -> dict[str, Any]:
    """Start a new job from a checkpoint of a run; the job as it ended.

    Where nothing was changed it goes on exactly; else it begins anew from the weights.
    checkpoint: its name, the last whole one when not given; flags, given: settings to change, as
    after -s and as the page gives them; detach, stop_on: as in ``train``; on_note: told
    what is fetched from the run's storage.
    Raises UsageError where the weights do not fit what is asked for.
    """
    from huohou.jobs import lifecycle
    from huohou.jobs import resume as resuming
    from huohou.jobs.carry_out import carry_out
    from huohou.jobs.detach import check
    from huohou.jobs.lookup import Run
    from huohou.recipes import Start

    run = find_run(ref)
    old = _resumable(run)
    # Who wants no storage does not want it to be asked either.
    asks = "compute.storage=null" not in flags
    point = resuming.point(run.folder, checkpoint, on_note if asks else None)
    if point.checkpoint is None:
        raise UsageError("resume.nothing_to_branch", id=run.job.id)
    epochs = old.value("train.num_epochs") + extend_epochs
    if given is None:
        flags = [f"name={name}", *flags]
    else:  # as it is: a name is a text, whatever YAML would make of it
        given = {"name": name, **given}
    plan = _plan_again(old, [f"train.num_epochs={epochs}", *flags], given)
    can_compute(plan)
    weights_only = resuming.refuse_other_shape(point.checkpoint, plan)
    if detach:
        check(run.store.workspace)
    folder, journal = lifecycle.create(run.store, plan)
    copied = resuming.copy_into(point.checkpoint, folder, weights_only=weights_only)
    start = Start(copied.resolve(), weights_only=weights_only)
    how: dict[str, Any] = {"detached": detach, "on_event": on_event, "start": start}
    job = carry_out(run.store, plan, folder, journal, stop_on=stop_on, **how)
    return {"schema": 1, **Run(job, folder, run.store).as_dict()}


def can_compute(plan: "Plan") -> None:
    """Raise MissingExtraError or UsageError where a plan's workers cannot be started from here, or
    its storage cannot be written to."""
    from huohou.jobs import stored

    stored.check(plan)
    setting = plan.settings.get("compute.on")
    on = str(setting.value) if setting else "local"
    can_reach(on)
    if on == "torchrun" and plan.device.value.startswith("cuda"):
        _need_gpus(int(plan.value("compute.workers")))


def _need_gpus(workers: int) -> None:
    """Workers of this machine have a GPU each."""
    from huohou.models.device import devices

    gpus = sum(name.startswith("cuda") for name in devices())
    if workers > gpus:
        raise UsageError("jobs.too_few_gpus", workers=workers, gpus=gpus)


def same_name(run_file: Path | None, flags: Sequence[str] = ()) -> dict[str, Any] | None:
    """The newest job that has the name a run file gives, when there is one."""
    return named(config.load(run_file, flags).run.name)


def named(name: str) -> dict[str, Any] | None:
    """The newest job of ours that has a name; None where there is none."""
    from huohou.jobs.lookup import Run

    store = open_store()
    for job in store.jobs():
        if job.name == name and job.recipe != "import":
            return Run(job, store.workspace / job.folder, store).as_dict()
    return None


def stop(
    ref: str, *, now: bool = False, wait: bool = True, on_event: "OnEvent | None" = None
) -> dict[str, Any]:
    """Ask a run to stop, after the running step with a checkpoint, or now without.

    wait: until it has ended, showing on_event what it says meanwhile. The answer has the columns
    of the run, ``was``: its state before, ``checkpoint``: the last whole one, or None.
    """
    from huohou.jobs import halt
    from huohou.jobs.lookup import Run

    run = find_run(ref)
    over = halt.has_ended(run.folder)
    job = before = halt.as_it_is(run.store, run.folder, run.job)
    if not over:
        job = halt.stop(run.store, run.folder, before, now=now, wait=wait, on_event=on_event)
    checkpoint = halt.checkpoint_of(run.folder)
    told = {"was": before.status, "checkpoint": str(checkpoint) if checkpoint else None}
    return {"schema": 1, **Run(job, run.folder, run.store).as_dict(), **told}


def move(ref: str, before: str | None = None) -> dict[str, Any]:
    """Put a queued run before another one, or first of those that wait for the same device."""
    from huohou.jobs import turns

    run = find_run(ref)
    other = find_run(before).job.id if before is not None else None
    return {"schema": 1, "id": run.job.id, "moved": turns.move(run.store, run.job.id, other)}


def _resumable(run: "Run") -> "Plan":
    """The plan of a run of ours. Raises UsageError for a record of another program's run."""
    from huohou.plan import Plan
    from huohou.record.workspace import PLAN

    if not (run.folder / PLAN).is_file():
        raise UsageError("resume.not_trained_here", id=run.job.id)
    return Plan.load(run.folder / PLAN)


def _plan_again(
    old: "Plan", changed: Sequence[str], given: Mapping[str, Any] | None = None
) -> "Plan":
    """The plan of a run made anew from the files as they are now."""
    from huohou import plan
    from huohou.jobs.resume import flags_of
    from huohou.recipes import recipes

    need_extra("train", "torch", "transformers", "peft")
    settings = config.again(old.settings, flags_of(old, changed), given)
    recipe = recipes.get(settings.run.recipe)
    return plan.make_plan(settings, recipe.predict, recipe.reads)
