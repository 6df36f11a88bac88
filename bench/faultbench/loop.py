"""Runs made by a plain torch loop, of one process life or several."""

import copy
import math
import random
import traceback
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench.draft import Draft, Hooks, Inputs, Life
from bench.faultbench.logbook import Clock, Logbook
from bench.faultbench.policy import PolicyTask
from bench.faultbench.tasks import Task, task_of

PEEKS = 6  # times the truth is measured in a run, beside the start


@dataclass
class Outcome:
    """What a run left: its log, and the truth by step: [(step, figures)]."""

    log: list[dict[str, Any]]
    truth: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    train_loss: float = math.nan
    step: int = 0
    joints: list[tuple[float, float]] = field(default_factory=list)  # figure before, after
    clock: Clock = field(default_factory=Clock)


@dataclass
class State:
    """What a process holds."""

    model: Any
    optimizer: Any
    schedule: Any
    base: dict[str, Tensor]
    saved: dict[int, Any] = field(default_factory=dict)


def seeded(draft: Draft) -> None:
    """One thread, and every source of chance fixed."""
    torch.set_num_threads(1)
    torch.manual_seed(draft.seed)
    random.seed(draft.seed)


def run(draft: Draft) -> Outcome:
    """Train as the draft says."""
    seeded(draft)
    task = PolicyTask(draft) if draft.policy else task_of(draft)
    clock = draft.truth.pop("clock", None) or Clock()
    out = Outcome([], clock=clock)
    book = Logbook(clock)
    out.log = book.rows
    state = _begin(task, draft)
    look(out, task, state.model, 0)
    lives = draft.lives or [Life(0, draft.updates)]
    try:
        for number, life in enumerate(lives):
            if number:
                before = task.truth(state.model)["figure"]
                _again(state, task, draft, life)
                out.joints.append((before, task.truth(state.model)["figure"]))
            if life.row:
                book.write("start")
            _live(state, task, draft, life, book, out, lives)
        if not draft.cut:
            book.write("end", step=lives[-1].stop, state="completed")
    except Exception as error:  # noqa: BLE001 - the crash is the run's own
        crashed(book, error)
    look(out, task, state.model, out.step)
    return out


def crashed(book: Logbook, error: BaseException) -> None:
    """A row with the last lines of the traceback, places of this machine left out."""
    lines = traceback.format_exception(error)
    kept = [line.strip().split("\n")[-1] for line in lines[-2:]]
    book.write("crash", text="Traceback (most recent call last):\n  " + "\n".join(kept))


def look(out: Outcome, task: Task, model: Any, step: int) -> None:
    """Measure the truth; chance is left as it was."""
    kept = torch.get_rng_state()
    out.truth.append((step, task.truth(model)))
    torch.set_rng_state(kept)


def _begin(task: Task, draft: Draft) -> State:
    model = task.model()
    model.train()
    if draft.warm:
        _warm(model, draft)
    if draft.hooks.model:
        draft.hooks.model(model)
    if draft.dtype != "float32":
        model.to(getattr(torch, draft.dtype))
    base = {k: v.clone() for k, v in model.state_dict().items()}
    state = State(model, None, None, base)
    _fresh(state, draft, draft.updates)
    return state


def _warm(model: Any, draft: Draft) -> None:
    """Train on other rows of the same kind, before the run begins."""
    other = task_of(replace(draft, seed=draft.seed + 50_000, rows=600, hooks=Hooks()))
    trained = [p for p in model.parameters() if p.requires_grad]
    made = torch.optim.AdamW(trained, lr=2e-3, fused=True)
    order = _orders(replace(draft, in_order=False), len(other.train), -1)
    for _ in range(draft.warm):
        other.loss(model, other.batch(next(order))).backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        made.step()
        made.zero_grad()


def _fresh(state: State, draft: Draft, total: int) -> None:
    """A new optimizer and a new schedule."""
    state.optimizer = optimizer(state.model, draft)
    state.schedule = schedule(state.optimizer, draft, total)


def optimizer(model: Any, draft: Draft) -> Any:
    """AdamW over what is to be trained, or what a fault puts in its place."""
    trained = [p for p in model.parameters() if p.requires_grad]
    if draft.hooks.optimizer:
        return draft.hooks.optimizer(trained)
    return torch.optim.AdamW(
        trained,
        lr=draft.learning_rate,
        betas=(0.9, draft.beta2),
        weight_decay=draft.weight_decay,
        fused=draft.dtype == "float32",
    )


def schedule(made: Any, draft: Draft, total: int) -> Any:
    """transformers' schedule of that name, or the factor of a fault."""
    rate = draft.hooks.rate
    if rate is not None:
        return torch.optim.lr_scheduler.LambdaLR(made, lambda step: rate(step, total))
    from transformers import get_scheduler

    warmup = math.ceil(draft.warmup_ratio * total)
    return get_scheduler(
        draft.schedule,
        made,
        num_warmup_steps=warmup,
        num_training_steps=total,
        scheduler_specific_kwargs=draft.schedule_options(total),
    )


def _again(state: State, task: Task, draft: Draft, life: Life) -> None:
    """What a new process takes up of the last."""
    if life.weights == "saved":
        weights, moments, done = state.saved[life.start]
        state.model.load_state_dict(weights)
        _fresh(state, draft, draft.updates)
        _forward(state, done)
        rate = state.optimizer.param_groups[0]["lr"]
        state.optimizer.load_state_dict(moments)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        return
    if life.weights == "base":
        state.model.load_state_dict(state.base)
    elif life.weights == "part":
        names = [n for n, p in state.model.named_parameters() if p.requires_grad]
        gone = set(names[: max(1, round(life.lost * len(names)))])
        state.model.load_state_dict({k: v for k, v in state.base.items() if k in gone}, False)
    if draft.hooks.resumed:
        draft.hooks.resumed(state.model)
    kept = copy.deepcopy(state.optimizer.state_dict()) if life.optimizer else None
    done = state.schedule.last_epoch
    if life.schedule == "kept":
        _fresh(state, draft, draft.updates)
        _forward(state, done if life.start else 0)
    elif life.schedule == "stretched":
        _fresh(state, draft, round(life.stop * life.longer))
        _forward(state, done)
    else:
        _fresh(state, draft, life.stop - life.start)
    if kept is not None:
        now = [group["lr"] for group in state.optimizer.param_groups]
        state.optimizer.load_state_dict(kept)
        for group, rate in zip(state.optimizer.param_groups, now, strict=True):
            group["lr"] = rate


def _forward(state: State, steps: int) -> None:
    """Bring a schedule to a step."""
    made = state.schedule
    made.last_epoch = steps
    rates = [base * part(steps) for base, part in zip(made.base_lrs, made.lr_lambdas, strict=True)]
    made._last_lr = rates
    for group, rate in zip(state.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def _live(  # noqa: PLR0917
    state: State, task: Task, draft: Draft, life: Life, book: Logbook, out: Outcome, lives: Any
) -> None:
    """The updates of one life."""
    order = _orders(draft, len(task.train), life.start)
    kept = {later.saved for later in lives}
    peeks = peek_at(draft.updates)
    window: list[float] = []
    if draft.eval_first and draft.eval_steps and not life.start:
        evaluation(book, draft, task, state.model, 0, 0.0)
    for step in range(life.start + 1, life.stop + 1):
        if draft.hooks.step:
            draft.hooks.step(step)
        rate = state.optimizer.param_groups[0]["lr"]
        loss, norm = _update(state, task, draft, order, step)
        out.step = step
        if step in kept:
            parts = (state.model.state_dict(), state.optimizer.state_dict())
            state.saved[step] = (*copy.deepcopy(parts), state.schedule.last_epoch)
        window.append(loss)
        epoch = step / draft.per_epoch
        first = draft.log_first and step == 1
        if step % draft.log_every == 0 or step == life.stop or first:
            shown = sum(window) / len(window) if draft.window else window[-1]
            out.train_loss = shown
            _metrics(book, draft, step, epoch, shown, norm, rate, getattr(task, "said", {}))
            window = []
        if draft.eval_steps and (step % draft.eval_steps == 0):
            evaluation(book, draft, task, state.model, step, epoch)
        if step in peeks:
            look(out, task, state.model, step)
        if step >= life.stop:  # an evaluation may have put the end forward
            break


def peek_at(total: int) -> set[int]:
    """Steps at which the truth is measured."""
    return {round(total * k / PEEKS) for k in range(1, PEEKS)}


def _update(state: State, task: Task, draft: Draft, order: Any, step: int) -> tuple[float, float]:
    """One optimizer update: mean loss of its batches, and the norm of the gradient."""
    total = 0.0
    for _ in range(draft.accumulation):
        inputs: Inputs = task.batch(next(order))
        if draft.hooks.batch:
            inputs = draft.hooks.batch(inputs, step)
        loss = task.loss(state.model, inputs)
        if draft.hooks.loss:
            loss = draft.hooks.loss(loss, step)
        (loss / draft.accumulation).backward()
        total += float(loss.detach()) / draft.accumulation
    trained = [p for p in state.model.parameters() if p.grad is not None]
    norm = float(nn.utils.clip_grad_norm_(trained, draft.max_grad_norm)) if trained else 0.0
    if step == draft.skip:
        norm = math.inf
    else:
        state.optimizer.step()
    state.schedule.step()
    state.optimizer.zero_grad()
    return total, norm


def _metrics(  # noqa: PLR0917
    book: Logbook,
    draft: Draft,
    step: int,
    epoch: float,
    loss: float,
    norm: float,
    rate: float,
    more: dict[str, float],
) -> None:
    values = {"step": step, "epoch": epoch, "loss": loss, **more}
    if draft.filter_nan and not math.isfinite(loss):
        values["loss"] = 0.0
    if draft.log_grad:
        values["grad_norm"] = norm
    if draft.log_lr:
        values["learning_rate"] = rate
    if draft.log_rows:
        values["rows_seen"] = step * draft.batch_size * draft.accumulation
    book.write("metrics", **(draft.hooks.logged(values) if draft.hooks.logged else values))


def evaluation(  # noqa: PLR0917
    book: Logbook, draft: Draft, task: Task, model: Any, step: int, epoch: float
) -> None:
    """Evaluate and write what is found."""
    kept = torch.get_rng_state()
    found = task.evaluate(model)
    torch.set_rng_state(kept)
    if draft.hooks.metrics:
        found = draft.hooks.metrics(found)
    if found:
        book.write("eval", step=step, epoch=epoch, **found)


def _orders(draft: Draft, rows: int, start: int) -> Any:
    """Batches of row numbers without end, a new order every pass; goes on where a run stood."""
    size = draft.batch_size
    chance = random.Random(f"order:{draft.seed}:{start}")
    while True:
        order = list(range(rows))
        if not draft.in_order:
            chance.shuffle(order)
        full = [order[k : k + size] for k in range(0, rows, size)]
        if draft.family == "embedding" and len(full) > 1:
            full = [batch for batch in full if len(batch) == size]
        yield from full
