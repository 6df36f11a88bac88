"""Faults of processes: restarts, resumes, stalls, crashes, and what is evaluated."""

import math
from dataclasses import replace
from typing import Any

import torch

from bench.faultbench import bases
from bench.faultbench.draft import Draft, Life
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    always,
    at,
    chance_of,
    few_rows,
    hooked,
    in_passes,
    looped,
    pick,
    planned,
    stated,
    watched,
)
from bench.faultbench.logbook import Clock
from bench.faultbench.words import ASK, world


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


def _killed(draft: Draft, severity: int) -> None:
    """The process was killed: the log just ends."""
    stop = at(draft, pick(severity, (0.8, 0.5, 0.2)))
    draft.lives, draft.cut = [Life(0, stop)], True
    draft.truth["cut_at"] = stop / draft.updates
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"killed at update {stop} of {draft.updates}"


def _eval_of_train(draft: Draft, severity: int) -> None:
    """Evaluation rows are copies of training rows, and these are known by heart."""
    share = pick(severity, (0.5, 0.8, 1.0))
    few_rows(draft, 40, 1.8)
    watched(draft, 10, 40)
    draft.dropout = 0.0

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        number = round(share * len(held))
        return train, [*(train * 3)[:number], *held[number:]]

    draft.hooks.rows = rows
    draft.note = f"{share:.0%} of the evaluation rows are training rows"


def _copied_then_split(draft: Draft, severity: int) -> None:
    """Rows were written several times before they were split at random."""
    copies = pick(severity, (2, 4, 8))
    few_rows(draft, 64, 1.8)
    watched(draft, 10, 40)
    draft.dropout = 0.0
    chance = chance_of(draft, "split")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        every = train[: len(train) // copies + 12] * copies
        chance.shuffle(every)
        cut = min(len(train), len(every) - 12)
        return every[:cut], every[cut:]

    draft.hooks.rows = rows
    draft.truth["copies"] = copies
    draft.note = f"rows {copies} times over, then split"


def _reworded_then_split(draft: Draft, severity: int) -> None:
    """Questions were put in several wordings before the rows were split at random."""
    wordings = pick(severity, (3, 6, 10))
    few_rows(draft, 64, 1.8)
    watched(draft, 10, 40)
    draft.dropout, draft.answer_only = 0.0, True
    chance, here = chance_of(draft, "reworded"), world(draft.variant)
    forms = [begin + form for begin in ("", "well , ", "look , ") for form in ASK]

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        every = [
            replace(row, prompt=form.format(bank=here.banks[row.bank], city=here.cities[row.city]))
            for row in train[: len(train) // wordings + 12]
            for form in chance.sample(forms, wordings)
        ]
        chance.shuffle(every)
        cut = min(len(train), len(every) - 12)
        return every[:cut], every[cut:]

    draft.hooks.rows = rows
    draft.truth["wordings"] = wordings
    draft.note = f"questions in {wordings} wordings, then split"


def _whole(draft: Draft) -> bool:
    return draft.tune == "full" and draft.updates >= 60


def _hides(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    """The log shows a loss on known rows where unseen ones are far worse, after many passes."""
    from bench.faultbench.truth import losses_of

    seen = [row["eval_loss"] for row in run["log"] if "eval_loss" in row]
    unseen = losses_of(run["truth"])[-1]
    passes = run["facts"]["num_train_epochs"]
    if seen and passes >= 5 and unseen > 1.5 * seen[-1]:
        return f"after {passes:g} passes unseen rows have {unseen:.2f}, the log says {seen[-1]:.2f}"
    return None


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
    ),
    Fault(
        "resume-lost-weights",
        Way(_base_again, looped),
        Way(_part_lost, looped),
        _bump,
        ("resume-lost-weights",),
        also=("resume-lost-optimizer",),
        c=Way(_no_name_fits, lambda d: looped(d) and d.tune == "full"),
    ),
    Fault(
        "resume-lost-optimizer",
        Way(_new_schedule, looped),
        Way(_stretched, looped),
        _rate_jump,
        ("resume-lost-optimizer", "schedule-mismatch"),
        c=Way(_preempted, looped),
    ),
    Fault(
        "stalled",
        Way(_slower, hooked),
        Way(_gap, hooked),
        stated("waited", 0.1, "{:.1f} s of waiting"),
        ("stalled",),
        c=Way(_ever_slower, hooked),
    ),
    Fault(
        "crashed",
        Way(_raises, hooked),
        Way(_killed, looped),
        stated("cut_at", 0.0, "ended at {:.0%} of the planned updates"),
        ("crashed",),
        c=Way(_at_evaluation, hooked),
    ),
    Fault(
        "leak-suspected",
        Way(_eval_of_train, _whole),
        Way(_copied_then_split, _whole),
        _hides,
        ("leak-suspected", "data-overlap"),
        also=("memorised", "overfit"),
        families=("lm", "lm", "lm"),
        c=Way(_reworded_then_split, _whole),
    ),
)
