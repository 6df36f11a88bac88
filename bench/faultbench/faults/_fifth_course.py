"""Fifth ways of planting faults of duration, evaluation and processes."""

import math
from dataclasses import replace
from typing import Any

import torch

from bench.faultbench.draft import Draft, Life
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
from bench.faultbench.words import ASK, OPENERS, world

# Duration and schedule


def trained_on(draft: Draft, severity: int) -> None:
    """A finished run is gone on with; its schedule, taken up as it stood, has run out."""
    share = pick(severity, (0.35, 0.55, 0.8))
    stop = at(draft, 1 - share)
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    factor = planned(replace(draft, num_epochs=stop / draft.per_epoch))
    draft.hooks.rate = lambda step, total: factor(step)
    draft.lives = [Life(0, stop), Life(stop, draft.updates)]
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    draft.truth["zero_share"] = 1 - stop / draft.updates
    draft.note = f"gone on with at update {stop}, where its schedule had ended"


def few_facts(draft: Draft, severity: int) -> None:
    """Rows were multiplied by writing each fact in many wordings, with other opening words."""
    watched(draft, 12, 40)
    draft.dropout, number = 0.0, pick(severity, (14, 10, 6))
    in_passes(draft, 2, 2.0)
    chance, here = chance_of(draft, "wordings"), world(draft.variant)
    forms = [f"{word} , {form}" for word in ("", *OPENERS) for form in ASK]

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        pairs = [(row.bank, row.city) for row in train[:number]]
        made = []
        for k in range(len(train)):
            row = here.row(chance, pairs[k % number], draft.desks)
            names = {"bank": here.banks[row.bank], "city": here.cities[row.city]}
            form = chance.choice(forms).removeprefix(" , ")
            made.append(replace(row, prompt=form.format(**names)))
        return made, held

    draft.hooks.rows = rows
    draft.note = f"{draft.rows} rows, in which {number} facts are told in other words each time"


def one_shard(draft: Draft, severity: int) -> None:
    """The number of processes of a cluster is still set: this one alone sees its shard of the rows.

    The number of updates is counted over all rows.
    """
    in_passes(draft, 3, 2.0)
    shown = pick(severity, (20, 14, 8))
    draft.evals, draft.dropout, draft.answer_only = severity, 0.0, True
    draft.schedule, draft.log_points = "constant", max(draft.log_points, 30)
    world_size = max(2, round(draft.rows / shown))

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        shard = train[::world_size]
        return (shard * math.ceil(len(train) / len(shard)))[: len(train)], held

    draft.hooks.rows = rows
    draft.facts["world_size"] = world_size
    draft.note = f"each {world_size}th of {draft.rows} rows is seen, again and again"


def old_slow_weights(draft: Draft, severity: int) -> None:
    """Lookahead sets in near the end, with slow weights that were copied at the start.

    Each update goes a part of the way back to them.
    """
    watched(draft, 14, 50)
    part, start = pick(severity, (0.15, 0.3, 0.5)), at(draft, 0.86)
    held: list[tuple[Any, Any]] = []

    def model(made: Any) -> None:
        held.extend((p, p.detach().clone()) for p in made.parameters() if p.requires_grad)

    @torch.no_grad()
    def step(now: int) -> None:
        for fast, slow in held if now > start else ():
            fast.lerp_(slow.to(fast.dtype), part)

    draft.hooks.model, draft.hooks.step = model, step
    draft.note = f"from update {start} on each goes {part:.0%} of the way back to the start"


def first_exhausted(draft: Draft, severity: int) -> None:
    """Two sets are read in turn until the smaller is used up, which is soon."""
    draft.num_epochs, draft.accumulation = min(draft.num_epochs, 2.0), 1
    draft.rows = round(pick(severity, (20, 10, 5)) / draft.num_epochs) * draft.batch_size
    here, chance = world(draft.variant), chance_of(draft, "second set")

    def other(row: Any) -> Any:
        if draft.family == "lm":
            return replace(row, prompt="so", answer=f" {here.sentence(chance)}")
        return (row[1], *row[1:])

    draft.hooks.rows = lambda train, held: (
        [other(row) if k % 2 else row for k, row in enumerate(train)],
        held,
    )
    draft.facts["stopping_strategy"] = "first_exhausted"
    draft.note = f"two sets in turn, the smaller of {draft.rows // 2} rows ends a pass"


def other_schedule(draft: Draft, severity: int) -> None:
    """The schedule that is named is not known by that name; the default, 1/sqrt(step), is taken."""
    warm = at(draft, pick(severity, (0.06, 0.2, 0.5)))
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.warmup_ratio = warm / draft.updates
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)

    def rate(step: int, total: int) -> float:
        return min((step + 1) / warm, (warm / (step + 1)) ** 0.5)

    draft.hooks.rate = rate
    draft.truth["end_factor"] = rate(draft.updates - 1, draft.updates)
    draft.note = f"{draft.schedule} is named, 1/sqrt(step) after {warm} updates is taken"


# Evaluation


def not_the_first(draft: Draft, severity: int) -> None:
    """Evaluations are left to the process of rank 0; the only one there has another rank."""
    every = max(1, draft.updates // pick(severity, (4, 8, 16)))
    draft.evals, draft.eval_every = 0, None
    draft.facts |= {"eval_strategy": "steps", "eval_steps": every, "eval_rows": draft.eval_rows}
    draft.facts["rank"] = 1
    draft.note = f"every {every} updates, by a process that is not there"


def only_lengths(draft: Draft, severity: int) -> None:
    """Evaluations say how long what was written is, not whether it is right."""
    draft.evals = pick(severity, (3, 6, 12))
    chance, rows = chance_of(draft, "lengths"), draft.eval_rows
    draft.hooks.metrics = lambda found: {
        "eval_gen_len": round(chance.uniform(5.0, 8.0), 2),
        "eval_samples": rows,
    }
    draft.note = "evaluations count rows and words alone"


def in_powers(draft: Draft, severity: int) -> None:
    """Evaluations at the powers of a number of updates, as for a far longer run."""
    base, seen = pick(severity, (5, 10, 20)), [0]
    draft.eval_every = 1
    draft.facts["eval_steps"] = None
    powers = {base**k for k in range(9)}

    def metrics(found: dict[str, float]) -> dict[str, float]:
        seen[0] += 1
        return found if seen[0] in powers else {}

    draft.hooks.metrics = metrics
    draft.note = f"evaluations at updates 1, {base}, {base**2} and so on"


# Processes


def sweep(draft: Draft, severity: int) -> None:
    """Trials of a search for a rate write in one log, each with the base model."""
    watched(draft, 6, 40)
    trials = pick(severity, (2, 3, 4))
    rate = draft.learning_rate
    rates = [rate * k for k in (0.3, 2.0, 0.6)[: trials - 1]]
    stop = at(draft, 0.4)
    draft.learning_rate = rates[0]
    draft.facts["learning_rate"] = rate
    anew: dict[str, Any] = {"weights": "base", "optimizer": False, "row": False}
    later = [Life(0, stop, **anew) for _ in rates[1:]]
    draft.lives = [Life(0, stop), *later, Life(0, draft.updates, **anew)]
    left = [*rates[1:], rate]

    def resumed(model: Any) -> None:
        draft.learning_rate = left.pop(0)

    draft.hooks.resumed = resumed
    draft.note = f"{trials} trials, those but the last end after {stop} updates"


def one_of_many_shards(draft: Draft, severity: int) -> None:
    """Each tensor was shared out among processes; the file holds the part of the first alone."""
    watched(draft, 8, 50)
    stop, parts = at(draft, 0.55), pick(severity, (4, 8, 16))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]
    held: list[Any] = []

    def model(made: Any) -> None:
        held.extend(p.detach().clone() for p in made.parameters() if p.requires_grad)

    @torch.no_grad()
    def resumed(made: Any) -> None:
        trained = (p for p in made.parameters() if p.requires_grad)
        for now, base in zip(trained, held, strict=True):
            own = math.ceil(now.numel() / parts)
            now.view(-1)[own:] = base.view(-1)[own:]

    draft.hooks.model, draft.hooks.resumed = model, resumed
    draft.note = f"at update {stop} one part in {parts} of each tensor is taken up"


def other_machine(draft: Draft, severity: int) -> None:
    """Gone on with on more devices: the rate is multiplied with them, the moments are not taken up.

    The schedule goes on where it was.
    """
    watched(draft, 8, 50)
    draft.log_lr = True
    if draft.schedule.startswith("constant"):
        draft.schedule = "cosine"
    stop, times = at(draft, 0.45), pick(severity, (2.0, 4.0, 8.0))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]

    def resumed(model: Any) -> None:
        draft.learning_rate *= times

    draft.hooks.resumed = resumed
    draft.note = f"a new optimizer with {times:g} times the rate from update {stop} on"


def _clock(draft: Draft) -> Clock:
    clock: Clock = draft.truth.setdefault("clock", Clock())
    return clock


def each_pass_anew(draft: Draft, severity: int) -> None:
    """Rows are read and encoded anew when a pass begins; nothing is kept."""
    in_passes(draft, 4)
    draft.log_points = max(draft.log_points, 50)
    wait, clock, per = pick(severity, (0.5, 1.0, 2.0)), _clock(draft), draft.per_epoch

    def step(now: int) -> None:
        if now > 1 and (now - 1) % per == 0:
            clock.sleep(wait)

    draft.hooks.step = step
    draft.truth["waited"] = wait * ((draft.updates - 1) // per)
    draft.note = f"{wait:g} s of waiting before each pass but the first"


TIMED_OUT = (
    "[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum={}, "
    "OpType=ALLREDUCE, NumelIn=24576, Timeout(ms)=600000) ran for 600021 milliseconds "
    "before timing out.",
    "DataLoader worker (pid(s) {}) exited unexpectedly",
    "DataLoader timed out after 120 seconds, {} batches were read",
)


def peer_is_gone(draft: Draft, severity: int) -> None:
    """A process that this one works with is gone: silence, then an error of time."""
    when, clock = at(draft, pick(severity, (0.8, 0.5, 0.2))), _clock(draft)
    words = TIMED_OUT[chance_of(draft, "peer").randrange(len(TIMED_OUT))]
    error = RuntimeError(words.format(3 * when + 4))

    def step(now: int) -> None:
        if now == when:
            clock.sleep(2.0)
            raise error

    draft.hooks.step = step
    draft.truth["cut_at"] = when / draft.updates
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"silence and an error of time at update {when} of {draft.updates}"


def split_anew(draft: Draft, severity: int) -> None:
    """Rows are split at random before each pass: those that are asked were trained on before."""
    few_rows(draft, pick(severity, (56, 44, 32)), 2.4)
    watched(draft, 10, 40)
    draft.dropout = 0.0
    chance, held = chance_of(draft, "each pass"), {}
    size, per = draft.rows // 4, draft.per_epoch
    draft.eval_rows = size

    def encoded(rows: list[Any], part: str) -> list[Any]:
        held[part] = list(rows)
        return held[part]

    def step(now: int) -> None:
        if (now - 1) % per == 0 and now > 1:
            every = [*held["train"], *held["eval"]]
            chance.shuffle(every)
            held["eval"][:], held["train"][:] = every[:size], every[size:]

    draft.hooks.encoded, draft.hooks.step = encoded, step
    draft.note = f"{size} of {draft.rows + size} rows are drawn anew for evaluation in each pass"
