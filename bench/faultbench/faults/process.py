"""Faults of processes: restarts, resumes, stalls, crashes."""

import math
from dataclasses import replace
from typing import Any

import torch

from bench.faultbench import bases
from bench.faultbench.draft import Draft, Life
from bench.faultbench.faults import _eighth_course as eighth
from bench.faultbench.faults import _fifth_course as fifth
from bench.faultbench.faults import _ninth_course as ninth
from bench.faultbench.faults import _seventh_course as seventh
from bench.faultbench.faults import _sixth_course as sixth
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    always,
    at,
    chance_of,
    hooked,
    in_passes,
    looped,
    pick,
    planned,
    stated,
    watched,
)
from bench.faultbench.faults.leaks import LEAKS
from bench.faultbench.logbook import Clock


def _again(draft: Draft, severity: int) -> None:
    """A second process begins anew and writes on in the same log."""
    watched(draft, 6, 40)
    stop = at(draft, pick(severity, (0.3, 0.5, 0.7)))
    anew = Life(0, draft.updates, weights="base", optimizer=False)
    draft.lives = [Life(0, stop), anew]
    draft.note = f"began again after update {stop}"


def _retried(draft: Draft, severity: int) -> None:
    """A loop that tries again after an error, each time from the base model."""
    watched(draft, 6, 40)
    stop = at(draft, 0.4)
    anew = {"weights": "base", "optimizer": False, "row": False}
    times = severity
    tries = [Life(0, stop, **anew) for _ in range(times - 1)]  # type: ignore[arg-type]
    last = Life(0, draft.updates, **anew)  # type: ignore[arg-type]
    draft.lives = [Life(0, stop), *tries, last]
    draft.note = f"began again {times} times within one process"


def _once_a_pass(draft: Draft, severity: int) -> None:
    """The call that trains stands in a loop over the passes and makes the model anew each time."""
    times = pick(severity, (2, 3, 5))
    in_passes(draft, times)
    draft.num_epochs = 1.0
    watched(draft, 6, 40)
    anew = Life(0, draft.updates, weights="base", optimizer=False, schedule="again", row=False)
    draft.lives = [Life(0, draft.updates), *[anew] * (times - 1)]
    draft.note = f"{times} passes, each begun again with the base model"


def _halved(draft: Draft, severity: int) -> None:
    """Out of memory: the trainer halves the batch and begins anew within the process."""
    watched(draft, 6, 40)
    share, times = pick(severity, (0.2, 0.4, 0.6)), pick(severity, (1, 1, 2))
    draft.facts["auto_find_batch_size"] = True
    draft.eval_every = draft.eval_steps
    draft.lives = [Life(0, at(draft, share))]
    for halved in range(1, times + 1):
        smaller = replace(draft, batch_size=draft.batch_size >> halved)
        stop = smaller.updates if halved == times else at(smaller, share)
        draft.lives.append(Life(0, stop, weights="base", optimizer=False, row=False))

    def resumed(model: Any) -> None:
        draft.batch_size //= 2
        draft.log_points *= 2

    draft.hooks.resumed = resumed
    draft.note = f"began again {times} times, each time with half the batch"


def _base_again(draft: Draft, severity: int) -> None:
    """Steps and schedule go on, the weights are the base model's."""
    watched(draft, 8, 50)
    stop = at(draft, pick(severity, (0.3, 0.5, 0.7)))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, weights="base", optimizer=False)]
    draft.note = f"without the weights of update {stop}"


def _part_lost(draft: Draft, severity: int) -> None:
    """Names of some layers did not match and were left out without a word."""
    watched(draft, 8, 50)
    lost = pick(severity, (0.35, 0.6, 0.9))
    stop = at(draft, 0.5)
    draft.lives = [Life(0, stop), Life(stop, draft.updates, weights="part", lost=lost)]
    draft.note = f"{lost:.0%} of the trained tensors were not taken up at update {stop}"


def _no_name_fits(draft: Draft, severity: int) -> None:
    """Made anew from its configuration; a prefix keeps every name of the checkpoint from fitting.

    So the weights are those of chance, while steps and schedule go on.
    """
    watched(draft, 8, 50)
    stop = at(draft, pick(severity, (0.3, 0.5, 0.7)))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]

    def resumed(model: Any) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(draft.seed)
            fresh = bases.blank(draft.arch, draft.variant)
        getattr(model, "body", model).load_state_dict(fresh.state_dict())

    draft.hooks.resumed = resumed
    draft.note = f"weights by lot at update {stop}"


def _wrong_checkpoint(draft: Draft, severity: int) -> None:
    """Checkpoints sorted as words: the last by name is an early one. Steps and schedule go on."""
    watched(draft, 8, 50)
    saved, stop = at(draft, pick(severity, (0.04, 0.02, 0.01))), at(draft, 0.6)
    draft.lives = [Life(0, stop), Life(stop, draft.updates)]
    held: list[Any] = []
    draft.hooks.model = held.append

    def step(now: int) -> None:
        if now == saved + 1:
            held.append({k: v.clone() for k, v in held[0].state_dict().items()})

    draft.hooks.step = step
    draft.hooks.resumed = lambda model: model.load_state_dict(held[1])
    draft.note = f"resumed at update {stop} with the weights of update {saved}"


def _new_schedule(draft: Draft, severity: int) -> None:
    """Optimizer and schedule begin anew at a resume."""
    stop = at(draft, pick(severity, (0.4, 0.6, 0.8)))
    _decaying(draft)
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False, schedule="again")]
    draft.note = f"optimizer and schedule anew at update {stop}"


def _stretched(draft: Draft, severity: int) -> None:
    """The schedule was computed again for a longer run."""
    stop, longer = at(draft, 0.7), pick(severity, (1.8, 2.5, 4.0))
    _decaying(draft)
    later = Life(stop, draft.updates, optimizer=False, schedule="stretched", longer=longer)
    draft.lives = [Life(0, stop), later]
    draft.note = f"at update {stop} the schedule became {longer:g} times as long"


def _preempted(draft: Draft, severity: int) -> None:
    """Stopped now and then; checkpoints hold weights alone, so the whole schedule begins again."""
    _decaying(draft)
    factor, stops = planned(draft), [at(draft, 0.4 + 0.6 * k / severity) for k in range(severity)]
    draft.hooks.rate = lambda step, total: factor(step)
    later = [
        Life(start, stop, optimizer=False, schedule="again")
        for start, stop in zip(stops, [*stops[1:], draft.updates], strict=True)
    ]
    draft.lives = [Life(0, stops[0]), *later]
    draft.note = f"optimizer and the whole schedule anew at updates {stops}"


def _no_schedule(draft: Draft, severity: int) -> None:
    """The script that goes on has the rate of the settings and no schedule, and a new optimizer."""
    _decaying(draft)
    stop, factor = at(draft, pick(severity, (0.45, 0.6, 0.8))), planned(draft)
    gone: list[Any] = []
    draft.hooks.rate = lambda step, total: 1.0 if gone else factor(step)
    draft.hooks.resumed = gone.append
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False, schedule="again")]
    draft.note = f"a new optimizer at the constant full rate from update {stop} on"


def _decaying(draft: Draft) -> None:
    watched(draft, 8, 50)
    draft.log_lr = True
    if draft.schedule.startswith("constant"):
        draft.schedule = "cosine"


def _clock(draft: Draft) -> Clock:
    clock: Clock = draft.truth.setdefault("clock", Clock())
    return clock


def _slower(draft: Draft, severity: int) -> None:
    """Updates of the last fifth wait for something."""
    draft.log_points = max(draft.log_points, 50)
    wait, start = pick(severity, (0.06, 0.12, 0.25)), draft.updates - min(14, draft.updates // 5)
    clock = _clock(draft)

    def step(now: int) -> None:
        if now > start:
            clock.sleep(wait)

    draft.hooks.step = step
    draft.truth["waited"] = wait * (draft.updates - start)
    draft.note = f"{wait:g} s of waiting in each of the last {draft.updates - start} updates"


def _gap(draft: Draft, severity: int) -> None:
    """One long silence."""
    draft.log_points = max(draft.log_points, 50)
    wait, when, clock = pick(severity, (1.5, 3.0, 5.0)), at(draft, 0.6), _clock(draft)

    def step(now: int) -> None:
        if now == when:
            clock.sleep(wait)

    draft.hooks.step = step
    draft.truth["waited"] = wait
    draft.note = f"{wait:g} s of silence before update {when}"


def _ever_slower(draft: Draft, severity: int) -> None:
    """Something fills the memory: each tenth of the run waits twice as long as the one before."""
    draft.log_points = max(draft.log_points, 50)
    whole, clock = pick(severity, (1.5, 3.0, 6.0)), _clock(draft)
    parts = [2 ** (10 * k / draft.updates) for k in range(draft.updates + 1)]

    def step(now: int) -> None:
        clock.sleep(whole * parts[min(now, draft.updates)] / sum(parts))

    draft.hooks.step = step
    draft.truth["waited"] = whole
    draft.note = f"{whole:g} s of waiting, doubled ten times in the course of the run"


def _hangs(draft: Draft, severity: int) -> None:
    """A shared disk hangs now and then: updates by lot wait for their rows."""
    draft.log_points = max(draft.log_points, 50)
    wait, clock = pick(severity, (0.5, 1.0, 2.0)), _clock(draft)
    first = min(5, draft.updates // 4)
    hung = chance_of(draft, "disk").sample(range(first, draft.updates), 4)

    def step(now: int) -> None:
        if now in hung:
            clock.sleep(wait)

    draft.hooks.step = step
    draft.truth["waited"] = wait * len(hung)
    draft.note = f"{wait:g} s of waiting in each of the updates {sorted(hung)}"


ERRORS = (
    ValueError("Unable to create tensor, you should probably activate padding with 'padding=True'"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 23.6 GiB in all"),
    KeyError("input_ids"),
)


def _raises(draft: Draft, severity: int) -> None:
    """An error while a batch is made."""
    when = at(draft, pick(severity, (0.8, 0.5, 0.2)))
    error = ERRORS[chance_of(draft, "error").randrange(len(ERRORS))]

    def step(now: int) -> None:
        if now == when:
            raise error

    draft.hooks.step = step
    draft.truth["cut_at"] = when / draft.updates
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"{type(error).__name__} at update {when} of {draft.updates}"


NO_RESULT = (
    OSError(28, "No space left on device"),
    RuntimeError("CUDA out of memory. Tried to allocate 7.81 GiB. GPU 0 has 23.6 GiB in all"),
    ValueError("Only one class is present in y_true. ROC AUC score is not defined in that case."),
)


def _at_evaluation(draft: Draft, severity: int) -> None:
    """An error when an evaluation is done: no room to save, a measure that is not there."""
    watched(draft, 5, 20)
    asked, every = at(draft, pick(severity, (0.8, 0.5, 0.2))), draft.eval_steps
    when = min(math.ceil(asked / every), draft.updates // every)
    error, left = NO_RESULT[chance_of(draft, "result").randrange(len(NO_RESULT))], [when]

    def metrics(found: dict[str, float]) -> dict[str, float]:
        left[0] -= 1
        if not left[0]:
            raise error
        return found

    draft.hooks.metrics = metrics
    draft.truth["cut_at"] = when * every / draft.updates
    draft.note = f"{type(error).__name__} at the evaluation of update {when * every}"


UNFIT = (
    RuntimeError("Error(s) in loading state_dict: size mismatch for lm_head.weight"),
    FileNotFoundError(2, "No such file or directory", "checkpoint/optimizer.pt"),
    ValueError("loaded state dict has a different number of parameter groups"),
)


def _not_taken_up(draft: Draft, severity: int) -> None:
    """The machine was taken away; the process that was to go on cannot load the checkpoint."""
    stop = at(draft, pick(severity, (0.8, 0.5, 0.2)))
    draft.lives = [Life(0, stop), Life(stop, draft.updates)]
    error = UNFIT[chance_of(draft, "unfit").randrange(len(UNFIT))]

    def resumed(model: Any) -> None:
        raise error

    draft.hooks.resumed = resumed
    draft.truth["cut_at"] = stop / draft.updates
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"{type(error).__name__} when taken up at update {stop} of {draft.updates}"


def _killed(draft: Draft, severity: int) -> None:
    """The process was killed: the log just ends."""
    stop = at(draft, pick(severity, (0.8, 0.5, 0.2)))
    draft.lives, draft.cut = [Life(0, stop)], True
    draft.truth["cut_at"] = stop / draft.updates
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"killed at update {stop} of {draft.updates}"


def _rate_jump(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    """How far the rate climbs in the second life, from where the first had brought it."""
    starts = [k for k, row in enumerate(run["log"]) if row["kind"] == "start"]
    first, second = (
        [row["learning_rate"] for row in part if "learning_rate" in row]
        for part in (run["log"][: starts[1]], run["log"][starts[1] :])
    )
    jump = (max(second) - first[-1]) / max(first)
    return f"the learning rate climbs by {jump:.0%} of its peak" if jump >= 0.2 else None


def _bump(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    before, after = run["truth"]["joints"][0]
    share = (after - before) / max(run["truth"]["start"] - before, 1e-9)
    return f"{share:.0%} of what was learnt is gone at the resume" if share > 0.25 else None


PROCESS = (
    Fault(
        "silent-restart",
        Way(_again, looped),
        Way(_retried, looped),
        always("the steps of the log begin again with the base model"),
        ("silent-restart",),
        c=Way(_once_a_pass, looped, also=("undertrained", "too-few-updates")),
        d=Way(_halved, lambda d: looped(d) and d.batch_size >= 8 and d.updates <= 130),
        e=Way(fifth.sweep, looped),
        f=Way(sixth.stage_from_base, looped),
        g=Way(seventh.back_to_the_start, looped),
        h=Way(eighth.one_for_each_seed, looped),
        i=Way(ninth.ever_more_rows, looped),
    ),
    Fault(
        "resume-lost-weights",
        Way(_base_again, looped),
        Way(_part_lost, looped),
        _bump,
        ("resume-lost-weights",),
        also=("resume-lost-optimizer",),
        c=Way(_no_name_fits, lambda d: looped(d) and d.tune == "full"),
        d=Way(_wrong_checkpoint, looped),
        e=Way(fifth.one_of_many_shards, looped),
        f=Way(sixth.table_left_out, lambda d: looped(d) and d.tune == "full"),
        g=Way(seventh.moving_mean, looped),
        h=Way(eighth.by_their_order, looped),
        i=Way(ninth.pages_not_written, looped),
    ),
    Fault(
        "resume-lost-optimizer",
        Way(_new_schedule, looped),
        Way(_stretched, looped),
        _rate_jump,
        ("resume-lost-optimizer", "schedule-mismatch"),
        c=Way(_preempted, looped),
        d=Way(_no_schedule, looped),
        e=Way(fifth.other_machine, looped),
        f=Way(sixth.set_back, looped),
        g=Way(seventh.left_for_done, looped),
        h=Way(eighth.milestones_anew, looped),
        i=Way(ninth.counts_from_one, looped),
    ),
    Fault(
        "stalled",
        Way(_slower, hooked),
        Way(_gap, hooked),
        stated("waited", 0.1, "{:.1f} s of waiting"),
        ("stalled",),
        c=Way(_ever_slower, hooked),
        d=Way(_hangs, hooked),
        e=Way(fifth.each_pass_anew, hooked),
        f=Way(sixth.slow_saves, hooked),
        g=Way(seventh.shared_device, hooked),
        h=Way(eighth.asks_again_later, hooked),
        i=Way(ninth.too_hot, hooked),
    ),
    Fault(
        "crashed",
        Way(_raises, hooked),
        Way(_killed, looped),
        stated("cut_at", 0.0, "ended at {:.0%} of the planned updates"),
        ("crashed",),
        c=Way(_at_evaluation, hooked),
        d=Way(_not_taken_up, looped),
        e=Way(fifth.peer_is_gone, hooked, also=("stalled",)),
        f=Way(sixth.beyond_the_table, hooked),
        g=Way(seventh.line_cut_off, hooked),
        h=Way(eighth.made_for_whole_batches, hooked),
        i=Way(ninth.left_open, hooked),
    ),
    *LEAKS,
)
