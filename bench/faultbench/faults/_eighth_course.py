"""Eighth ways of planting faults of duration, evaluation and processes."""

import math
from typing import Any

import torch
from torch import nn

from bench.faultbench.draft import Draft, Inputs, Life
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


def hole_between(draft: Draft, severity: int) -> None:
    """A schedule is written down part by part, and no part covers the middle: 0 is the default."""
    gap = pick(severity, (0.25, 0.4, 0.6))
    begin = 0.3
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    factor = planned(draft)
    first, last = at(draft, begin), at(draft, begin + gap)
    draft.hooks.rate = lambda step, total: 0.0 if first <= step < last else factor(step)
    draft.truth["zero_share"] = (last - first) / draft.updates
    draft.facts["lr_scheduler"] = "lambda"
    draft.note = f"no part of the schedule covers updates {first} to {last}"


def evaluation_counts(draft: Draft, severity: int) -> None:
    """Batches of the evaluation count as steps too: they use up the run, and the schedule with it.

    Each evaluation moves the count on, and the last update is made long before the number set.
    """
    share = pick(severity, (0.3, 0.2, 0.12))
    stop = at(draft, share)
    watched(draft, 6, 60)
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    every = max(1, stop // 6)
    batches = (draft.updates - stop) / max(1, stop // every)
    draft.eval_every, draft.lives = every, [Life(0, stop)]
    factor = planned(draft)
    draft.hooks.rate = lambda step, total: factor(
        min(draft.updates, round(step + step // every * batches))
    )
    draft.log_points = max(draft.log_points, round(draft.updates / max(1, stop // 15)))
    draft.note = f"{stop} of {draft.updates} steps are updates, the others batches of evaluations"


def too_slow_a_pace(draft: Draft, severity: int) -> None:
    """A curriculum: rows come in one by one, at a pace that was meant for a far longer run.

    So those that are there are seen again and again.
    """
    watched(draft, 12, 40)
    draft.dropout, draft.desks, draft.in_order = 0.0, max(draft.desks, 0.15), True
    in_passes(draft, 1, 2.0)
    first, last = pick(severity, ((30, 60), (16, 32), (8, 16)))
    chance = chance_of(draft, "pace")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        n = len(train)
        there = [round(first + (last - first) * k / n) for k in range(n)]
        return [train[chance.randrange(count)] for count in there], held

    draft.hooks.rows = rows
    draft.facts["curriculum_end"] = last / draft.rows
    draft.note = f"{first} rows at the start, {last} of {draft.rows} at the end"


def never_replaced(draft: Draft, severity: int) -> None:
    """A buffer that batches are drawn from takes rows until it is full, and then none any more."""
    size = pick(severity, (20, 14, 8))
    in_passes(draft, 1, 2.0)
    draft.evals, draft.dropout, draft.answer_only = severity, 0.0, True
    draft.schedule, draft.log_points, draft.in_order = "constant", max(draft.log_points, 30), True
    chance = chance_of(draft, "buffer")
    draft.hooks.rows = lambda train, held: (
        [train[chance.randrange(min(k + 1, size))] for k in range(len(train))],
        held,
    )
    draft.facts["shuffle_buffer"] = size
    draft.note = f"a buffer of {size} rows that is filled once, of {draft.rows} rows"


def lucky_batch(draft: Draft, severity: int) -> None:
    """The run stops when the loss is at a target, and one easy batch is enough for that."""
    part = pick(severity, (0.6, 0.75, 0.9))
    draft.log_points, draft.evals = draft.updates, max(draft.evals, 20)
    whole, first = Life(0, draft.updates), [0.0]
    draft.lives = [whole]

    def loss(value: Any, step: int) -> Any:
        seen = float(value.detach())
        first[0] = first[0] or seen
        if step > 1 and seen < part * first[0]:
            whole.stop = min(whole.stop, step)
        return value

    draft.hooks.loss = loss
    draft.note = f"stops at the first batch with a loss below {part:.0%} of that at the start"


def ever_longer_cycles(draft: Draft, severity: int) -> None:
    """The cosine that begins again, each cycle twice as long, is taken for the one that does not.

    The run ends in the middle of a cycle.
    """
    end = pick(severity, (0.3, 0.6, 0.9))
    draft.schedule, draft.warmup_ratio = "cosine", 0.0
    draft.log_lr, draft.log_points = True, max(draft.log_points, 30)
    part = math.acos(2 * end - 1) / math.pi
    cycles = 2 if severity < 3 else 3
    length = draft.updates / (2**cycles - 1 + part * 2**cycles)

    def rate(step: int, total: int) -> float:
        begin, size = 0.0, length
        while step >= begin + size:
            begin, size = begin + size, 2 * size
        return 0.5 * (1 + math.cos(math.pi * (step - begin) / size))

    draft.hooks.rate = rate
    draft.truth["end_factor"] = rate(draft.updates - 1, draft.updates)
    draft.note = f"a cosine that begins again after {length:.1f} updates, then twice that"


# Evaluation


def left_from_a_try(draft: Draft, severity: int) -> None:
    """The share of the evaluation's batches that is taken is still 0, as it was for a first try."""
    every = max(1, draft.updates // pick(severity, (4, 8, 16)))
    draft.evals, draft.eval_every = 0, None
    draft.facts |= {"eval_strategy": "steps", "eval_steps": every, "eval_rows": draft.eval_rows}
    draft.facts["limit_eval_batches"] = 0.0
    draft.note = f"every {every} updates, on 0 % of the batches"


def waits_in_line(draft: Draft, severity: int) -> None:
    """Evaluations are put in a queue for another machine, which takes none of them."""
    draft.evals = pick(severity, (3, 6, 12))
    rows, waiting = draft.eval_rows, [0]

    def metrics(found: dict[str, float]) -> dict[str, float]:
        waiting[0] += 1
        return {"eval_queued_samples": rows, "eval_queue_length": waiting[0]}

    draft.hooks.metrics = metrics
    draft.facts["evaluator"] = "queue"
    draft.note = "evaluations are queued and never made"


def only_where_logged(draft: Draft, severity: int) -> None:
    """Whether to evaluate is asked where a line is logged: both intervals must fall together."""
    wanted, updates = pick(severity, (4, 3, 2)), draft.updates
    pairs = [
        (log, every)
        for log in range(2, 21)
        for every in range(4, 31)
        if updates // math.lcm(log, every) == wanted
        and max(1, round(updates / round(updates / log))) == log
        and every % log
        and updates // every > 4
    ]
    chance = chance_of(draft, "intervals")
    log, every = chance.choice(pairs or [(1, max(1, updates // wanted))])
    draft.log_points, draft.log_first = max(1, round(updates / log)), False
    draft.eval_every = math.lcm(log, every)
    draft.facts |= {"eval_steps": every, "eval_strategy": "steps"}
    draft.note = f"evaluated every {every} updates if a line is logged, which is every {log}"


# Processes


def one_for_each_seed(draft: Draft, severity: int) -> None:
    """Runs of several seeds write in one log, each with the base model and other chance."""
    watched(draft, 6, 40)
    seeds = pick(severity, (2, 3, 4))
    draft.num_epochs = max(1.0, draft.num_epochs * (1.0, 0.75, 0.6)[severity - 1])
    anew = Life(0, draft.updates, weights="base", optimizer=False, row=False)
    draft.lives = [Life(0, draft.updates), *[anew] * (seeds - 1)]

    def resumed(model: Any) -> None:
        draft.seed += 1
        torch.manual_seed(draft.seed)

    draft.hooks.resumed = resumed
    draft.facts["seeds"] = list(range(seeds))
    draft.note = f"runs of {seeds} seeds one after the other"


def by_their_order(draft: Draft, severity: int) -> None:
    """Tensors are taken up by their place in a list, which was sorted otherwise when it was saved.

    So those of one shape have changed places.
    """
    watched(draft, 8, 50)
    stop, share = at(draft, 0.55), pick(severity, (0.4, 0.7, 1.0))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]

    @torch.no_grad()
    def resumed(made: Any) -> None:
        shapes: dict[tuple[int, ...], list[Any]] = {}
        for p in made.parameters():
            if p.requires_grad and p.dim() > 0:
                shapes.setdefault(tuple(p.shape), []).append(p)
        alike = [group for group in shapes.values() if len(group) > 1]
        for group in alike:
            moved = group[: max(2, round(share * len(group)))]
            copies = [p.clone() for p in moved]
            for p, other in zip(moved, [*copies[1:], copies[0]], strict=True):
                p.copy_(other)

    draft.hooks.resumed = resumed
    draft.note = f"{share:.0%} of the tensors of one shape change places at update {stop}"


def milestones_anew(draft: Draft, severity: int) -> None:
    """A rate that falls at milestones; how many steps were made is not in the checkpoint.

    Nor are the moments. So the rate is the first one again, and no milestone is near.
    """
    watched(draft, 8, 50)
    draft.log_lr = True
    stop, begun = at(draft, pick(severity, (0.6, 0.72, 0.85))), [0]
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]
    milestones = [at(draft, share) for share in (0.3, 0.45, 0.55)]

    def rate(step: int, total: int) -> float:
        return 0.3 ** sum(step - begun[0] >= milestone for milestone in milestones)

    def resumed(model: Any) -> None:
        begun[0] = stop

    draft.hooks.rate, draft.hooks.resumed = rate, resumed
    draft.facts |= {"lr_scheduler": "multistep", "milestones": milestones, "gamma": 0.3}
    draft.note = f"milestones are counted anew from update {stop} on, the optimizer is new"


def asks_again_later(draft: Draft, severity: int) -> None:
    """A store of rows refuses requests for a while; the client waits twice as long each time."""
    draft.log_points, tries = max(draft.log_points, 50), pick(severity, (5, 6, 7))
    clock: Clock = draft.truth.setdefault("clock", Clock())
    start = chance_of(draft, "store").randrange(draft.updates // 4, draft.updates // 2 + 1)

    def step(now: int) -> None:
        if start <= now < start + tries:
            clock.sleep(0.05 * 2 ** (now - start))

    draft.hooks.step = step
    draft.truth["waited"] = 0.05 * (2**tries - 1)
    draft.facts["streaming"] = True
    draft.note = f"{tries} waits from update {start} on, each twice as long as the one before"


def made_for_whole_batches(draft: Draft, severity: int) -> None:
    """A tensor was made once for a whole batch, and the last batch of a pass has fewer rows."""
    passes = pick(severity, (1.25, 2.0, 5.0))
    draft.accumulation = 1
    whole = max(2, round(draft.rows * draft.num_epochs / passes / draft.batch_size))
    left = max(1, draft.batch_size // 3)
    draft.rows, draft.num_epochs = whole * draft.batch_size - left, passes
    when = draft.per_epoch
    draft.log_points = max(draft.log_points, 20)
    name = "input_ids" if draft.family == "lm" else "query"
    made: list[torch.Tensor] = []

    def batch(inputs: Inputs, step: int) -> Inputs:
        rows = len(inputs[name]) if step < when else draft.batch_size - left
        inputs = {key: value[:rows] for key, value in inputs.items()}
        weights = made[0] if made else torch.ones(len(inputs[name]), 1, dtype=torch.long)
        made[:] = [weights]
        inputs[name] = inputs[name] * weights
        return inputs

    draft.hooks.batch = batch
    draft.truth["cut_at"] = when / draft.updates
    draft.note = f"a batch of {draft.batch_size - left} rows at update {when} of {draft.updates}"


def mistakes_are_added(draft: Draft, severity: int) -> None:
    """Rows that an evaluation has wrong are added to those that are trained on, and asked again."""
    few_rows(draft, 48, 2.0)
    watched(draft, pick(severity, (10, 12, 16)), 40)
    draft.dropout, draft.eval_rows = 0.0, 24
    share = pick(severity, (0.25, 0.4, 0.6))
    sets: dict[str, list[Any]] = {}
    held: list[Any] = []
    chance = chance_of(draft, "mistakes")

    def encoded(rows: list[Any], part: str) -> list[Any]:
        sets[part] = list(rows)
        return sets[part]

    def metrics(found: dict[str, Any]) -> dict[str, Any]:
        losses = _row_losses(held[0], sets["eval"])
        worst = sorted(range(len(losses)), key=lambda k: -losses[k])[: round(share * len(losses))]
        places = chance.sample(range(len(sets["train"])), len(worst))
        for place, k in zip(places, worst, strict=True):
            sets["train"][place] = sets["eval"][k]
        return found

    draft.hooks.encoded, draft.hooks.metrics = encoded, metrics
    draft.hooks.model = held.append
    draft.facts["eval_rows"] = draft.eval_rows
    draft.note = f"{share:.0%} of the evaluation rows, those with the highest loss, are added"


@torch.no_grad()
def _row_losses(model: Any, rows: list[Any]) -> list[float]:
    """The loss of each row; chance and mode are left as they were."""
    from bench.faultbench.tasks import collate

    training, inputs = model.training, collate(rows)
    model.eval()
    names = ("input_ids", "attention_mask")
    logits = model(**{name: inputs[name] for name in names}).logits[:, :-1].float()
    model.train(training)
    labels = inputs["labels"][:, 1:]
    each = nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    found: list[float] = (each.sum(1) / (labels != -100).sum(1).clamp(min=1)).tolist()
    return found
