"""Runs made by transformers' Trainer, and by the trainer of huohou's own recipe."""

import tempfile
import warnings
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from bench.faultbench.draft import Draft
from bench.faultbench.logbook import Clock, Logbook
from bench.faultbench.loop import Outcome, crashed, look, optimizer, peek_at, seeded
from bench.faultbench.tasks import LanguageTask, collate

SHARED = ("llama", "qwen2")  # architectures whose rows huohou computes together


class Watch(TrainerCallback):
    """Writes what the Trainer logs, measures the truth, and carries out what is planted."""

    def __init__(self, draft: Draft, task: Any, book: Logbook, out: Outcome, asked: Any) -> None:
        self.draft, self.task, self.book, self.out = draft, task, book, out
        self.asked = asked
        self.peeks = peek_at(draft.updates)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Before an update."""
        if self.draft.hooks.step:
            self.draft.hooks.step(state.global_step + 1)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After an update."""
        if state.global_step in self.peeks:
            look(self.out, self.task, self.asked, state.global_step)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """A line of the log."""
        values = {"step": state.global_step, **{k: v for k, v in (logs or {}).items()}}
        hooks = self.draft.hooks
        if "train_runtime" in values:
            self.book.write("end", state="completed", **values)
        elif any(name.startswith("eval_") for name in values):
            kept = values if hooks.metrics is None else hooks.metrics(values)
            self.book.write("eval", **kept)
        elif "loss" in values:
            self.out.train_loss = values["loss"]
            hidden = {"grad_norm": self.draft.log_grad, "learning_rate": self.draft.log_lr}
            shown = {k: v for k, v in values.items() if hidden.get(k, True)}
            shown.pop("tokens_per_second", None)
            self.book.write("metrics", **(hooks.logged(shown) if hooks.logged else shown))


class Planted(Trainer):
    """Trainer with places for faults; sound where the draft has none."""

    def __init__(self, draft: Draft, **options: Any) -> None:
        self.draft = draft
        super().__init__(**options)

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The model's own loss, with what is planted before and after it."""
        hooks, step = self.draft.hooks, self.state.global_step + 1
        if hooks.batch and model.training:
            inputs = hooks.batch(dict(inputs), step)
        found = super().compute_loss(model, inputs, True, num_items_in_batch)
        loss = hooks.loss(found[0], step) if hooks.loss and model.training else found[0]
        return (loss, found[1]) if return_outputs else loss


def planted(kind: type[Trainer]) -> type[Trainer]:
    """A trainer class that takes optimizer and schedule from the draft where one is planted."""

    class Chosen(kind):  # type: ignore[valid-type, misc]
        draft: Draft

        def create_optimizer(self, *args: Any, **options: Any) -> Any:
            if self.draft.hooks.optimizer is None:
                return super().create_optimizer(*args, **options)
            self.optimizer = optimizer(self.model, self.draft)
            return self.optimizer

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            rate = self.draft.hooks.rate
            if rate is None:
                return super().create_scheduler(num_training_steps, optimizer)
            made = optimizer or self.optimizer
            total = num_training_steps
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                made, lambda step: rate(step, total)
            )
            return self.lr_scheduler

    return Chosen


def arguments(draft: Draft, folder: str, **more: Any) -> dict[str, Any]:
    """The draft in the words of TrainingArguments."""
    watched = draft.eval_steps > 0
    return {
        "output_dir": folder,
        "max_steps": draft.updates,
        "learning_rate": draft.learning_rate,
        "per_device_train_batch_size": draft.batch_size,
        "per_device_eval_batch_size": 64,
        "gradient_accumulation_steps": draft.accumulation,
        "lr_scheduler_type": draft.schedule,
        "lr_scheduler_kwargs": draft.schedule_options(draft.updates),
        "logging_first_step": draft.log_first,
        "warmup_steps": draft.warmup,
        "weight_decay": draft.weight_decay,
        "adam_beta2": draft.beta2,
        "max_grad_norm": draft.max_grad_norm,
        "seed": draft.seed,
        "logging_steps": draft.log_every,
        "logging_nan_inf_filter": draft.filter_nan,
        "eval_strategy": "steps" if watched else "no",
        "eval_steps": draft.eval_steps or None,
        "eval_on_start": watched and draft.eval_first,
        "save_strategy": "no",
        "use_cpu": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "report_to": [],
        "disable_tqdm": True,
    } | more


def run(draft: Draft) -> Outcome:
    """Train with transformers' Trainer."""
    seeded(draft)
    task = LanguageTask(draft)
    model = begin(task, draft)
    with tempfile.TemporaryDirectory() as folder:
        trainer = planted(Planted)(
            draft,
            model=model,
            args=TrainingArguments(**arguments(draft, folder)),
            train_dataset=task.train,
            eval_dataset=task.eval if draft.eval_steps else None,
            data_collator=collate,
        )
        return carry_out(trainer, task, draft)


def run_huohou(draft: Draft) -> Outcome:
    """Train with the trainer of huohou's recipe: answers only, shared beginnings."""
    from huohou.data.labels import LabelledRow
    from huohou.recipes import forward
    from huohou.recipes.batches import Budget
    from huohou.recipes.memory import Frugal
    from huohou.recipes.trainer import AnswerTrainer

    seeded(draft)
    task = LanguageTask(draft)
    model = begin(task, draft)
    rows, watched = (
        [LabelledRow(tuple(ids), tuple(x != -100 for x in labels)) for ids, labels in part]
        for part in (task.train, task.eval)
    )
    shared = draft.arch in SHARED

    class Own(AnswerTrainer):
        def __init__(self, draft: Draft, **options: Any) -> None:
            self.draft = draft
            super().__init__(**options)

    with tempfile.TemporaryDirectory() as folder:
        trainer = planted(Own)(
            draft,
            model=model,
            args=TrainingArguments(**arguments(draft, folder)),
            train_dataset=rows,
            eval_dataset=watched if draft.eval_steps else None,
            data_collator=lambda chosen: {"rows": chosen},
            frugal=Frugal(Budget(4096, share=shared)),
            logits=forward.logits if shared else forward.plain_logits,
            seed=draft.seed,
        )
        return carry_out(trainer, task, draft)


def begin(task: Any, draft: Draft) -> Any:
    """The model that is trained."""
    model = task.model()
    if draft.hooks.model:
        draft.hooks.model(model)
    return model


def carry_out(trainer: Any, task: Any, draft: Draft, model: Any = None) -> Outcome:
    """Train; the log and the truth of it. model: what the truth asks, if not the trainer's."""
    clock: Clock = draft.truth.pop("clock", None) or Clock()
    book = Logbook(clock)
    out = Outcome(book.rows, clock=clock)
    asked = model if model is not None else trainer.model
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Watch(draft, task, book, out, asked))
    look(out, task, asked, 0)
    book.write("start")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainer.train()
        except Exception as error:  # noqa: BLE001 - the crash is the run's own
            crashed(book, error)
    if draft.cut and book.rows[-1]["kind"] == "end":
        book.rows.pop()
    look(out, task, asked, trainer.state.global_step)
    return out


def quiet() -> None:
    """No progress bars or notes from the libraries."""
    import logging

    from transformers.utils import logging as words

    words.set_verbosity_error()
    words.disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
