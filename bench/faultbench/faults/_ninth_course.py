"""Ninth ways of planting faults of duration, evaluation and processes."""

import math
from dataclasses import replace
from typing import Any

import torch

from bench.faultbench.draft import Draft, Hooks, Life
from bench.faultbench.faults._kinds import (
    at,
    chance_of,
    few_rows,
    in_passes,
    pick,
    planned,
    watched,
)
from bench.faultbench.logbook import Clock

# Duration and schedule


def in_turns(draft: Draft, severity: int) -> None:
    """Two parts are trained in turns, as in adversarial training, and here there is only one.

    While it is the turn of the other, the rate is 0.
    """
    share = pick(severity, (0.3, 0.5, 0.7))
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.log_lr, draft.log_points = True, max(draft.log_points, 60)
    factor, length = planned(draft), max(8, draft.updates // 4)
    own = round((1 - share) * length)
    draft.hooks.rate = lambda step, total: factor(step) if step % length < own else 0.0
    waits = sum(step % length >= own for step in range(draft.updates))
    draft.truth["zero_share"] = waits / draft.updates
    draft.facts |= {"lr_scheduler": "lambda", "alternate": [own, length - own]}
    draft.note = f"{own} updates at a rate, {length - own} without one, in turns"


def equal_sources(draft: Draft, severity: int) -> None:
    """Rows of several sources are drawn with one probability each; all but one are tiny.

    So nearly all that is drawn are the few rows of those.
    """
    watched(draft, 12, 40)
    draft.dropout, draft.desks = 0.0, max(draft.desks, 0.5)
    in_passes(draft, 1, 2.6)
    tiny, each = pick(severity, ((6, 4), (12, 3), (19, 3)))
    chance = chance_of(draft, "sources")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        number = tiny * each
        sources = [train[k : k + each] for k in range(0, number, each)] + [train[number:]]
        return [chance.choice(chance.choice(sources)) for _ in train], held

    draft.hooks.rows = rows
    draft.facts["sources"] = [*[each] * tiny, draft.rows - tiny * each]
    draft.note = f"{tiny} sources of {each} rows and one large one, drawn alike"


def same_draw_each_pass(draft: Draft, severity: int) -> None:
    """A pass draws a number of rows, with a source of chance that is made anew for each pass.

    So each pass draws the same rows.
    """
    drawn, rows = pick(severity, (20, 14, 8)), draft.rows
    few_rows(draft, drawn, 2.0)
    draft.evals, draft.dropout, draft.answer_only = severity, 0.0, True
    draft.schedule, draft.log_points = "constant", max(draft.log_points, 30)
    draft.facts |= {"rows": rows, "samples_per_pass": drawn, "sampler_seed": 0}
    draft.note = (
        f"{drawn} of {rows} rows are drawn, the same in each of {draft.num_epochs:g} passes"
    )


def one_means_one(draft: Draft, severity: int) -> None:
    """The part of the batches of a pass is given as a whole number: 1 is one batch, not all."""
    passes, batches = 5, pick(severity, (4, 2, 1))
    draft.num_epochs = passes * batches / draft.per_epoch
    draft.log_points = max(draft.log_points, draft.updates)
    draft.facts |= {"num_train_epochs": passes, "limit_train_batches": batches}
    draft.note = f"{passes} passes of {batches} batches each"


def stood_still(draft: Draft, severity: int) -> None:
    """The schedule is not moved on where an update was left out, and too many are held for that.

    What it asks is whether the loss scale has changed, which it does at other times as well.
    """
    share = pick(severity, (0.3, 0.6, 0.9))
    if draft.schedule.startswith("constant") or draft.schedule == "inverse_sqrt":
        draft.schedule = "linear"
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    factor, chance, done = planned(draft), chance_of(draft, "still"), [0]
    for _ in range(draft.updates):
        done.append(done[-1] + (chance.random() >= share))
    draft.hooks.rate = lambda step, total: factor(done[min(step, draft.updates)])
    draft.truth["end_factor"] = factor(done[draft.updates - 1])
    draft.note = f"the schedule is at {done[-1]} when the run ends at {draft.updates}"


# Evaluation


def asks_for_saves(draft: Draft, severity: int) -> None:
    """Evaluations are made of checkpoints, when one is saved, and saving is switched off."""
    every = max(1, draft.updates // pick(severity, (4, 8, 16)))
    draft.evals, draft.eval_every = 0, None
    draft.facts |= {"eval_strategy": "steps", "eval_steps": every, "eval_rows": draft.eval_rows}
    draft.facts |= {"evaluate": "checkpoints", "save_strategy": "no"}
    draft.note = f"checkpoints are evaluated every {every} updates, and none is saved"


def of_the_reference(draft: Draft, severity: int) -> None:
    """Evaluations measure the model that the run began with, not the one that is trained."""
    draft.evals = pick(severity, (3, 6, 12))
    whole, found = replace(draft, metrics=True, mse_scale=0.0), dict[str, float]()

    def model(made: Any) -> None:
        from bench.faultbench.tasks import task_of

        kept = torch.get_rng_state()
        found.update(task_of(replace(whole, hooks=Hooks(), dropout=0.0)).evaluate(made))
        torch.set_rng_state(kept)

    draft.hooks.model = model
    draft.hooks.metrics = lambda _: {
        name.replace("eval_", "eval_reference_"): value for name, value in found.items()
    }
    draft.facts["evaluate"] = "reference"
    draft.note = "evaluations are of the model at the start"


def in_devices(draft: Draft, severity: int) -> None:
    """The interval of evaluations is multiplied with the devices that the file names."""
    wanted, devices = pick(severity, (4, 3, 2)), pick(severity, (2, 4, 8))
    every = max(devices, math.floor(draft.updates / (wanted + 0.5)))
    draft.eval_every, draft.eval_first = every, False
    draft.facts |= {"eval_steps": every // devices, "eval_strategy": "steps"}
    draft.facts["world_size"] = devices
    draft.note = f"evaluated every {every} updates, {devices} times the number set"


# Processes


def ever_more_rows(draft: Draft, severity: int) -> None:
    """How much more rows bring is tried in one log: each size begins with the base model."""
    watched(draft, 6, 40)
    shares = pick(severity, ((0.5, 1.0), (0.25, 0.5, 1.0), (0.25, 0.5, 0.75, 1.0)))
    anew: dict[str, Any] = {"weights": "base", "optimizer": False, "schedule": "again"}
    first, *later = [at(draft, share) for share in shares]
    draft.lives = [Life(0, first), *(Life(0, stop, row=False, **anew) for stop in later)]
    factor, size = planned(draft), [first]
    if not draft.schedule.startswith("constant"):
        draft.hooks.rate = lambda step, total: factor(round(step * draft.updates / size[0]))
    left = [*later]
    draft.hooks.resumed = lambda model: size.__setitem__(0, left.pop(0))
    draft.facts["row_shares"] = list(shares)
    draft.note = f"{len(shares)} runs, with {', '.join(f'{s:.0%}' for s in shares)} of the rows"


PAGE = 256  # numbers


def pages_not_written(draft: Draft, severity: int) -> None:
    """The machine went down while the checkpoint was written: part of its pages are zeros."""
    watched(draft, 8, 50)
    stop, share = at(draft, 0.55), pick(severity, (0.08, 0.2, 0.5))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]
    marks = torch.Generator().manual_seed(draft.seed)

    @torch.no_grad()
    def resumed(made: Any) -> None:
        trained = [p for p in made.parameters() if p.requires_grad]
        numbers = sum(p.numel() for p in trained)
        gone = (torch.rand(numbers // PAGE + 1, generator=marks) < share).repeat_interleave(PAGE)
        begin = 0
        for p in trained:
            p.masked_fill_(gone[begin : begin + p.numel()].view_as(p), 0.0)
            begin += p.numel()

    draft.hooks.resumed = resumed
    draft.note = f"{share:.0%} of the pages of the checkpoint of update {stop} are zeros"


def counts_from_one(draft: Draft, severity: int) -> None:
    """A rate over the root of the step; the step is no part of the checkpoint, nor the moments.

    So the count begins at one, and the rate at its peak.
    """
    watched(draft, 8, 50)
    draft.log_lr, draft.warmup_ratio = True, 0.0
    stop, begun = at(draft, pick(severity, (0.35, 0.55, 0.8))), [0]
    known = max(2, draft.updates // 15)
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]
    draft.hooks.rate = lambda step, total: (known / max(known, step - begun[0])) ** 0.5
    draft.hooks.resumed = lambda model: begun.__setitem__(0, stop)
    draft.facts |= {"lr_scheduler": "inverse_sqrt", "warmup_steps": 0, "timescale": known}
    draft.note = f"the root is taken of steps from update {stop} on, the optimizer is new"


def _clock(draft: Draft) -> Clock:
    clock: Clock = draft.truth.setdefault("clock", Clock())
    return clock


def too_hot(draft: Draft, severity: int) -> None:
    """The device grows too hot and slows down until it has cooled, again and again."""
    draft.log_points = max(draft.log_points, 50)
    clock, times = _clock(draft), 3
    length = max(6, round(0.75 * draft.updates / times))
    slow = max(2, round(length * pick(severity, (0.15, 0.25, 0.4))))
    begin, wait = draft.updates // 4, pick(severity, (1.5, 3.0, 6.0)) / (times * slow)
    hot = {now for now in range(begin, draft.updates) if (now - begin) % length >= length - slow}

    def step(now: int) -> None:
        if now in hot:
            clock.sleep(wait)

    draft.hooks.step = step
    draft.truth["waited"] = wait * len(hot)
    draft.note = f"{wait:.2g} s of waiting in each of {len(hot)} updates, {slow} in a row"


USED_UP = (
    OSError(24, "Too many open files", "rows/part-00017.jsonl"),
    RuntimeError("received 0 items of ancdata"),
    RuntimeError("unable to open shared memory object </torch_41_2> in read-write mode: Too many"),
)


def left_open(draft: Draft, severity: int) -> None:
    """Each batch opens a file and none is closed, until the system gives no more."""
    when = at(draft, pick(severity, (0.8, 0.5, 0.2)))
    error = USED_UP[chance_of(draft, "files").randrange(len(USED_UP))]

    def logged(values: dict[str, Any]) -> dict[str, Any]:
        return values | {"open_files": 41 + round(983 * min(1.0, values["step"] / when))}

    def step(now: int) -> None:
        if now == when:
            raise error

    draft.hooks.step, draft.hooks.logged = step, logged
    draft.truth["cut_at"] = when / draft.updates
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"no file can be opened any more at update {when} of {draft.updates}"


def split_by_two(draft: Draft, severity: int) -> None:
    """Two scripts split one set, each with a seed of its own: one trains, the other evaluates.

    So a part of what is evaluated, as large as that which is trained on, was trained on.
    """
    few_rows(draft, 48, 1.9)
    watched(draft, 10, 40)
    draft.dropout, draft.eval_rows = 0.0, 24
    trained = pick(severity, (0.5, 0.75, 0.92))
    one, other = chance_of(draft, "trains"), chance_of(draft, "evaluates")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        known = set(one.sample(range(len(train)), round(trained * len(train))))
        asked = other.sample(range(len(train)), min(len(held), len(train)))
        fresh = iter(held)
        kept = [train[k] if k in known else next(fresh) for k in asked]
        return train, kept

    draft.hooks.rows = rows
    draft.facts |= {"eval_rows": draft.eval_rows, "split_seeds": [1, 2]}
    draft.facts["train_share"] = trained
    draft.note = f"about {trained:.0%} of the evaluation rows are trained on"
