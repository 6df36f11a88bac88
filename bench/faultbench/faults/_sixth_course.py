"""Sixth ways of planting faults of duration, evaluation and processes."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch

from bench.faultbench import bases
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


def higher_is_better(draft: Draft, severity: int) -> None:
    """A schedule waits for a plateau of the evaluation loss and takes a higher loss for better.

    So each loss that is lower counts as no progress, and the rate is cut again and again.
    """
    evals, patience = pick(severity, ((20, 2), (24, 1), (30, 0)))
    watched(draft, evals, 40)
    draft.log_lr, draft.warmup_ratio, state = True, 0.0, {"factor": 1.0, "waited": 0, "zero": 0}
    every, best = draft.eval_steps, [-math.inf]
    total = draft.updates

    def metrics(found: dict[str, float]) -> dict[str, float]:
        if "eval_loss" not in found:
            return found
        state["zero"] += every if state["factor"] <= 1e-4 else 0
        state["waited"] = 0 if found["eval_loss"] > best[0] else state["waited"] + 1
        best[0] = max(best[0], found["eval_loss"])
        if state["waited"] > patience:
            state["factor"], state["waited"] = state["factor"] * 0.1, 0
        draft.truth["zero_share"] = state["zero"] / total
        return found

    draft.truth["zero_share"] = 0.0
    draft.hooks.metrics, draft.hooks.rate = metrics, lambda step, total: state["factor"]
    draft.facts |= {"lr_scheduler": "reduce_lr_on_plateau", "mode": "max", "patience": patience}
    draft.facts["metric_for_best_model"] = "eval_loss"
    draft.note = f"the rate is cut when {patience + 1} evaluations have no higher loss than before"


def counted_for_many(draft: Draft, severity: int) -> None:
    """The number of updates was worked out for a machine with several devices; here is one.

    The schedule is made for that number and comes to its end.
    """
    devices = pick(severity, (4, 6, 8))
    draft.facts["num_train_epochs"] = draft.num_epochs
    draft.num_epochs = max(4, round(draft.updates / devices)) / draft.per_epoch
    if draft.schedule.startswith("constant"):
        draft.schedule = "cosine"
    draft.log_points = max(draft.log_points, 40)
    draft.evals = max(draft.evals, 6)
    draft.note = (
        f"{draft.updates} updates, counted for {devices} devices: {draft.num_epochs:.2f} passes"
    )


def requeued(draft: Draft, severity: int) -> None:
    """A job that a queue starts again whenever its time is up, and that never knows it is done.

    Each start takes up the weights and trains all passes once more, with a schedule of its own.
    """
    few_rows(draft, pick(severity, (72, 48, 32)), 1.8)
    watched(draft, 16, 40)
    draft.dropout, starts = 0.0, pick(severity, (3, 4, 5))
    draft.num_epochs = float(starts * max(2, round(draft.num_epochs / starts)))
    stops = [round(draft.updates * k / starts) for k in range(starts + 1)]
    draft.lives = [
        Life(begin, stop, optimizer=False, schedule="again") for begin, stop in pairwise(stops)
    ]
    draft.facts |= {"num_train_epochs": draft.num_epochs / starts, "max_steps": stops[1]}
    passes = draft.num_epochs / starts
    draft.note = (
        f"{passes:g} passes over {draft.rows} rows, begun {starts} times on the same weights"
    )


def first_batches(draft: Draft, severity: int) -> None:
    """Each step asks for a new iterator and takes its first batch, of rows that are not mixed."""
    batches = pick(severity, (3, 2, 1))
    in_passes(draft, 3, 2.0)
    draft.accumulation, draft.batch_size = 1, min(draft.batch_size, 8)
    while draft.updates > 400:
        draft.rows = draft.rows * 3 // 4
    draft.evals, draft.dropout, draft.answer_only, draft.in_order = severity, 0.0, True, True
    draft.schedule, draft.log_points = "constant", max(draft.log_points, 30)
    number = batches * draft.batch_size

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        return (train[:number] * math.ceil(len(train) / number))[: len(train)], held

    draft.hooks.rows = rows
    draft.note = f"the first {batches} batches of {draft.rows} rows, again and again"


def wrong_way_early(draft: Draft, severity: int) -> None:
    """Early stopping takes a higher loss for better, as for an accuracy: nothing ever is better."""
    patience, every = 3, pick(severity, (6, 3, 1))
    draft.eval_every, draft.log_points = every, max(draft.log_points, 40)
    best, waited, seen, whole = [-math.inf], [0], [0], Life(0, draft.updates)
    draft.lives = [whole]

    def metrics(found: dict[str, float]) -> dict[str, float]:
        seen[0] += 1
        waited[0] = 0 if found["eval_loss"] > best[0] else waited[0] + 1
        best[0] = max(best[0], found["eval_loss"])
        if waited[0] == patience:
            whole.stop = seen[0] * every
        return found

    draft.hooks.metrics = metrics
    draft.facts |= {"early_stopping_patience": patience, "greater_is_better": True}
    draft.facts["metric_for_best_model"] = "eval_loss"
    draft.note = f"stopped when {patience} evaluations in a row had no higher loss"


def warmed_and_kept(draft: Draft, severity: int) -> None:
    """A file of the engine names a schedule too, and it wins: warm-up by the logarithm, no decay.

    It is DeepSpeed's WarmupLR, of which the settings of the run know nothing.
    """
    warm = max(2, round(draft.updates * pick(severity, (8.0, 1.0, 0.1))))
    if draft.schedule.startswith("constant"):
        draft.schedule = "cosine"
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)

    def rate(step: int, total: int) -> float:
        return min(1.0, math.log(step + 1) / math.log(warm))

    draft.hooks.rate = rate
    draft.truth["end_factor"] = rate(draft.updates - 1, draft.updates)
    draft.note = f"{draft.schedule} is named, the rate rises to update {warm} and stays"


# Evaluation


def left_at_no(draft: Draft, severity: int) -> None:
    """Rows to evaluate on and a number of updates are set; the strategy is left at its default: no.

    So the settings ask for evaluations twice and the trainer makes none.
    """
    every = max(1, draft.updates // pick(severity, (4, 8, 16)))
    draft.evals, draft.eval_every = 0, None
    draft.facts |= {"eval_strategy": "no", "eval_steps": every, "eval_rows": draft.eval_rows}
    draft.facts |= {"do_eval": True, "metric_for_best_model": "eval_loss"}
    draft.note = f"every {every} updates are set, but no strategy to evaluate by"


def mean_of_none(draft: Draft, severity: int) -> None:
    """Evaluation drops a last batch that is not full; its rows fill none: the mean of no losses."""
    draft.evals = pick(severity, (3, 6, 12))
    draft.hooks.metrics = lambda found: {
        **{k: v for k, v in found.items() if k in ("step", "epoch")},
        "eval_loss": math.nan,
        "eval_runtime": 0.002,
    }
    draft.facts |= {"per_device_eval_batch_size": 256, "dataloader_drop_last": True}
    draft.note = f"{draft.eval_rows} rows fill no batch of 256, and others are dropped"


def share_for_passes(draft: Draft, severity: int) -> None:
    """A number of updates below 1 is taken for a share of the whole run, and passes were meant."""
    share = pick(severity, (0.3, 0.4, 0.6))
    draft.num_epochs = max(draft.num_epochs, 2.0)
    draft.eval_every = math.ceil(draft.updates * share)
    draft.facts["eval_steps"] = share
    draft.note = f"evaluations after each {share:.0%} of the run"


# Processes


def stage_from_base(draft: Draft, severity: int) -> None:
    """The settings of the second stage still name the base model: the first stage is for nothing.

    Both write in one log; the second has a lower rate.
    """
    watched(draft, 6, 40)
    share = pick(severity, (0.6, 0.8, 1.0))
    rate = draft.learning_rate
    second = Life(0, at(draft, share), weights="base", optimizer=False, schedule="again")
    draft.lives = [Life(0, draft.updates), second]

    def resumed(model: Any) -> None:
        draft.learning_rate = rate * 0.5

    draft.hooks.resumed = resumed
    draft.facts["learning_rate"] = rate
    draft.note = f"a second stage of {second.stop} updates begins with the base model"


def table_left_out(draft: Draft, severity: int) -> None:
    """The table of the words was left out when the checkpoint was saved, as one that is shared.

    It is made anew by lot; steps and schedule go on.
    """
    watched(draft, 8, 50)
    stop = at(draft, pick(severity, (0.3, 0.5, 0.7)))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]

    @torch.no_grad()
    def resumed(model: Any) -> None:
        table = getattr(model, "body", model).get_input_embeddings().weight
        marks = torch.Generator().manual_seed(draft.seed)
        table.copy_(0.02 * torch.randn(table.shape, generator=marks))

    draft.hooks.resumed = resumed
    draft.note = f"the embeddings of the words are made anew at update {stop}"


def set_back(draft: Draft, severity: int) -> None:
    """Gone on with on one device instead of several: the schedule counted the steps of them all.

    So it is taken up at a part of where it was. The optimizer's state is in as many files and is
    left out.
    """
    watched(draft, 8, 50)
    draft.log_lr = True
    if draft.schedule.startswith("constant"):
        draft.schedule = "cosine"
    stop, parts = at(draft, pick(severity, (0.55, 0.65, 0.8))), pick(severity, (2, 4, 8))
    draft.lives = [Life(0, stop), Life(stop, draft.updates, optimizer=False)]
    factor, back = planned(draft), [0]
    draft.hooks.rate = lambda step, total: factor(max(0, step - back[0]))

    def resumed(model: Any) -> None:
        back[0] = stop - stop // parts

    draft.hooks.resumed = resumed
    draft.note = (
        f"at update {stop} the schedule is set back to {stop // parts}, the optimizer is new"
    )


def _clock(draft: Draft) -> Clock:
    clock: Clock = draft.truth.setdefault("clock", Clock())
    return clock


def slow_saves(draft: Draft, severity: int) -> None:
    """Checkpoints go to a disk far away, and training waits until each is written."""
    draft.log_points = max(draft.log_points, 50)
    saves, wait, clock = pick(severity, (6, 5, 4)), pick(severity, (0.4, 0.9, 1.8)), _clock(draft)
    every = max(2, draft.updates // (saves + 1))

    def step(now: int) -> None:
        if now > 1 and (now - 1) % every == 0:
            clock.sleep(wait)

    draft.hooks.step = step
    draft.truth["waited"] = wait * ((draft.updates - 1) // every)
    draft.facts["save_steps"] = every
    draft.note = f"{wait:g} s of waiting after every {every} updates, when a checkpoint is written"


def beyond_the_table(draft: Draft, severity: int) -> None:
    """A row holds a word that was added to the tokenizer; the model's table was not made longer."""
    when = at(draft, pick(severity, (0.8, 0.5, 0.2)))
    name = "input_ids" if draft.family == "lm" else "query"
    size = bases.tokenizer(draft.variant).get_vocab_size()

    def batch(inputs: Inputs, step: int) -> Inputs:
        if step == when:
            inputs[name][0, 0] = size
        return inputs

    draft.hooks.batch = batch
    draft.truth["cut_at"] = when / draft.updates
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"a token beyond the table at update {when} of {draft.updates}"


def windows_then_split(draft: Draft, severity: int) -> None:
    """Texts were cut into windows that overlap, then the windows were split at random.

    So what a window for evaluation says is said in those beside it, which are trained on.
    """
    facts, held_out = pick(severity, (3, 4, 6)), 12
    few_rows(draft, 40, 2.4)
    draft.num_epochs = float(min(draft.num_epochs, 400 // draft.per_epoch))
    watched(draft, 10, 40)
    draft.dropout, draft.answer_only = 0.0, False
    draft.eval_rows = max(draft.eval_rows, held_out + facts)
    chance = chance_of(draft, "windows")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        text = [*train, *held[: held_out + facts - 1]]
        windows = []
        for start in range(len(train) + held_out):
            *before, last = text[start : start + facts]
            said = " ".join(f"{row.prompt}{row.answer}" for row in before)
            windows.append(replace(last, prompt=f"{said} {last.prompt}"))
        chance.shuffle(windows)
        return windows[held_out:], windows[:held_out]

    draft.hooks.rows = rows
    draft.facts["eval_rows"] = held_out
    draft.truth["window"] = facts
    draft.note = f"windows of {facts} facts, one further each time, split at random"
