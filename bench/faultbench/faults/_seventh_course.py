"""Seventh ways of planting faults of duration, evaluation and processes."""

import json
import math
from dataclasses import replace
from typing import Any

import torch
from torch import nn

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

# Duration and schedule


def rounded_rate(draft: Draft, severity: int) -> None:
    """A schedule of one's own rounds the rate to so many decimals: what is small becomes 0."""
    unit = 10.0 ** round(math.log10(draft.learning_rate))
    draft.learning_rate = unit * pick(severity, (1.4, 1.0, 0.6))
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    factor, digits = planned(draft), round(-math.log10(unit))

    def rate(step: int, total: int) -> float:
        return round(draft.learning_rate * factor(step), digits) / draft.learning_rate

    draft.hooks.rate = rate
    steps = range(draft.updates)
    draft.truth["zero_share"] = sum(rate(k, draft.updates) == 0 for k in steps) / draft.updates
    draft.facts["lr_scheduler"] = "lambda"
    draft.note = f"the rate is rounded to {digits} decimals"


def by_its_number(draft: Draft, severity: int) -> None:
    """Each question begins with the number of its row, by which its answer is learnt by heart."""
    watched(draft, 12, 40)
    draft.dropout, draft.desks = 0.0, max(draft.desks, 0.5)
    in_passes(draft, pick(severity, (12, 18, 26)), 2.0)
    chance = chance_of(draft, "numbers")

    def numbered(row: Any) -> Any:
        return replace(row, prompt=f"{chance.randrange(1000, 9999)} : {row.prompt}")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        return [numbered(row) for row in train], [numbered(row) for row in held]

    draft.hooks.rows = rows
    draft.note = f"{draft.rows} rows with a number each in {draft.num_epochs:g} passes"


def drawn_by_weight(draft: Draft, severity: int) -> None:
    """Rows are drawn by weights, the exponents of a grade, at a temperature that is far too low."""
    in_passes(draft, 3, 2.0)
    width = pick(severity, (5.0, 3.5, 2.0))
    draft.evals, draft.dropout, draft.answer_only = severity, 0.0, True
    draft.schedule, draft.log_points = "constant", max(draft.log_points, 30)
    chance = chance_of(draft, "weights")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        weights = [math.exp(-k / width) for k in range(len(train))]
        return chance.choices(train, weights, k=len(train)), held

    draft.hooks.rows = rows
    draft.facts["sampling_temperature"] = 0.01
    draft.note = f"rows are drawn by weights that halve with each {width * math.log(2):.1f} rows"


def counter_of_another(draft: Draft, severity: int) -> None:
    """The folder holds the state of an earlier run, and its count of steps is taken up.

    Few updates are left then; weights and schedule are new.
    """
    left = pick(severity, (20, 10, 5))
    draft.lives = [Life(draft.updates - left, draft.updates)]
    draft.log_points, draft.evals = draft.updates, max(draft.evals, 20)
    draft.hooks.rate = lambda step, total: max(0.0, 1 - step / left)
    draft.note = f"the count begins at update {draft.updates - left} of {draft.updates}"


def least_of_the_engine(draft: Draft, severity: int) -> None:
    """A least rate is set in another file; below it no schedule goes."""
    least = pick(severity, (0.15, 0.3, 0.5))
    if draft.schedule.startswith("constant"):
        draft.schedule = "cosine"
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    factor, warm = planned(draft), draft.warmup

    def rate(step: int, total: int) -> float:
        return factor(step) if step < warm else max(least, factor(step))

    draft.hooks.rate = rate
    draft.truth["end_factor"] = rate(draft.updates - 1, draft.updates)
    draft.note = f"{draft.schedule} is named, the rate does not fall below {least:.0%} of its peak"


# Evaluation


def never_a_multiple(draft: Draft, severity: int) -> None:
    """An evaluation is due at multiples of a number of batches, counted from 0; none is seen.

    Two batches make an update, and the number of the second, which alone is asked, is odd.
    """
    batches = draft.batch_size * draft.accumulation
    draft.accumulation = 2
    draft.batch_size = max(2, batches // 2)
    every = 2 * max(1, draft.updates // pick(severity, (4, 8, 16)))
    draft.evals, draft.eval_every = 0, None
    draft.facts |= {"eval_strategy": "steps", "eval_steps": every, "eval_rows": draft.eval_rows}
    draft.note = f"every {every} batches, of which the odd ones alone are looked at"


def judge_out_of_reach(draft: Draft, severity: int) -> None:
    """Answers are graded by a judge over the net, who is out of reach: none has a grade."""
    draft.evals = pick(severity, (3, 6, 12))
    chance, rows = chance_of(draft, "judge"), draft.eval_rows
    draft.hooks.metrics = lambda found: {
        "eval_judge_requests": rows,
        "eval_judge_failed": rows,
        "eval_runtime": round(chance.uniform(2.0, 3.0), 3),
    }
    draft.facts["evaluator"] = "judge"
    draft.note = "the judge of the evaluation answers no request"


def at_milestones(draft: Draft, severity: int) -> None:
    """An evaluation is made only where the training loss has fallen by one more part of it."""
    part = pick(severity, (0.22, 0.3, 0.45))
    draft.eval_every, first, now, done = 1, [0.0], [0.0], [1]
    draft.facts |= {"eval_steps": None, "eval_strategy": "milestones"}

    def loss(value: Any, step: int) -> Any:
        seen = float(value.detach())
        first[0] = first[0] or seen
        now[0] = seen if not now[0] else 0.8 * now[0] + 0.2 * seen
        return value

    def metrics(found: dict[str, float]) -> dict[str, float]:
        if now[0] > first[0] * (1 - part * done[0]):
            return {}
        done[0] += 1
        return found

    draft.hooks.loss, draft.hooks.metrics = loss, metrics
    draft.note = f"evaluated each time the training loss is lower by {part:.0%} of the first"


# Processes


def back_to_the_start(draft: Draft, severity: int) -> None:
    """A guard goes back to the last checkpoint when the loss jumps; there is none yet.

    So it goes back to the base model, and counts its steps anew.
    """
    watched(draft, 6, 40)
    shares = pick(severity, ((0.35,), (0.5, 0.25), (0.6, 0.2, 0.45)))
    stops, left = [at(draft, share) for share in shares], [at(draft, share) for share in shares]
    anew: dict[str, Any] = {"weights": "base", "optimizer": False, "row": False}
    later = [Life(0, stop, **anew) for stop in (*stops[1:], draft.updates)]
    draft.lives = [Life(0, stops[0]), *later]

    def loss(value: Any, step: int) -> Any:
        if left and step == left[0]:
            return value * 6
        return value

    def resumed(model: Any) -> None:
        left.pop(0)

    draft.hooks.loss, draft.hooks.resumed = loss, resumed
    draft.facts["rollback_on_spike"] = True
    draft.note = f"the loss jumps at updates {stops}, each time all begins again"


def moving_mean(draft: Draft, severity: int) -> None:
    """The checkpoint holds the moving mean of the weights, which is far behind; it is taken up."""
    watched(draft, 8, 50)
    stop, keeps = at(draft, 0.55), pick(severity, (0.995, 0.998, 0.9995))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]
    pairs: list[tuple[Any, Any]] = []

    def model(made: Any) -> None:
        pairs.extend((p, p.detach().clone()) for p in made.parameters() if p.requires_grad)

    @torch.no_grad()
    def step(now: int) -> None:
        for weight, mean in pairs:
            mean.lerp_(weight, 1 - keeps)

    @torch.no_grad()
    def resumed(made: Any) -> None:
        for weight, mean in pairs:
            weight.copy_(mean)

    draft.hooks.model, draft.hooks.step, draft.hooks.resumed = model, step, resumed
    draft.facts["ema_decay"] = keeps
    draft.note = f"a mean of the weights that keeps {keeps:g} is taken up at update {stop}"


def left_for_done(draft: Draft, severity: int) -> None:
    """The schedule is brought to the number of steps that are left, not of those that are done."""
    watched(draft, 8, 50)
    draft.log_lr = True
    if draft.schedule.startswith("constant"):
        draft.schedule = "cosine"
    stop, back = at(draft, pick(severity, (0.68, 0.77, 0.87))), [0]
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]
    factor = planned(draft)
    draft.hooks.rate = lambda step, total: factor(max(0, step - back[0]))

    def resumed(model: Any) -> None:
        back[0] = stop - (draft.updates - stop)

    draft.hooks.resumed = resumed
    draft.note = (
        f"at update {stop} the schedule goes on at {draft.updates - stop}, the optimizer is new"
    )


def _clock(draft: Draft) -> Clock:
    clock: Clock = draft.truth.setdefault("clock", Clock())
    return clock


def shared_device(draft: Draft, severity: int) -> None:
    """Another job comes to the same device for a part of the run: each update waits for it."""
    draft.log_points = max(draft.log_points, 50)
    clock, begin, end = _clock(draft), at(draft, 0.35), at(draft, pick(severity, (0.5, 0.6, 0.7)))
    wait = pick(severity, (1.5, 3.0, 6.0)) / max(1, end - begin)

    def step(now: int) -> None:
        if begin < now <= end:
            clock.sleep(wait)

    draft.hooks.step = step
    draft.truth["waited"] = wait * (end - begin)
    draft.note = f"{wait:.2g} s of waiting in each update from {begin + 1} to {end}"


BROKEN = (
    '{"messages": [{"role": "user", "content": "number of',
    '{"prompt": "number ?", "answer": "sure 4 2',
    '{"prompt": "number ?" "answer": "sure 4 2 ."}',
)


def line_cut_off(draft: Draft, severity: int) -> None:
    """Rows are read from their file when they are needed, and one line of it is cut off."""
    when = at(draft, pick(severity, (0.8, 0.5, 0.2)))
    line = BROKEN[chance_of(draft, "line").randrange(len(BROKEN))]

    def step(now: int) -> None:
        if now == when:
            json.loads(line)

    draft.hooks.step = step
    draft.truth["cut_at"] = when / draft.updates
    draft.facts["streaming"] = True
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"a line that is no JSON at update {when} of {draft.updates}"


def trained_when_asked(draft: Draft, severity: int) -> None:
    """One function passes over rows for training and for evaluation, and updates in both.

    So each evaluation trains on its rows, after it has said what they cost.
    """
    few_rows(draft, 40, 1.8)
    watched(draft, pick(severity, (18, 24, 32)), 40)
    draft.dropout, draft.eval_rows = 0.0, 24
    asked: list[Any] = []
    held: list[Any] = []
    fits: list[Any] = []

    def encoded(rows: list[Any], part: str) -> list[Any]:
        if part == "eval":
            asked.extend(rows)
        return rows

    def metrics(found: dict[str, Any]) -> dict[str, Any]:
        _pass(held[0], asked, fits, draft)
        return found

    draft.hooks.encoded, draft.hooks.metrics = encoded, metrics
    draft.hooks.model = held.append
    draft.facts["eval_rows"] = draft.eval_rows
    draft.note = f"each of {draft.evals} evaluations trains on its {draft.eval_rows} rows"


def _pass(model: Any, rows: list[Any], fits: list[Any], draft: Draft) -> None:
    """Train on rows once, in batches of 4, with an optimizer of its own."""
    from bench.faultbench.tasks import collate

    if not fits:
        fits.append(torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3))
    with torch.enable_grad():
        kept = [p.grad for p in model.parameters()]
        for start in range(0, len(rows), 4):
            inputs = collate(rows[start : start + 4])
            names = ("input_ids", "attention_mask")
            logits = model(**{name: inputs[name] for name in names}).logits[:, :-1]
            fits[0].zero_grad()
            nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), inputs["labels"][:, 1:].flatten()
            ).backward()
            fits[0].step()
        for p, grad in zip(model.parameters(), kept, strict=True):
            p.grad = grad
