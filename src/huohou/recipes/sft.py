"""Supervised fine-tuning with LoRA: a language model learns to answer as the rows do.

Reads from top to bottom: rows -> model with adapter -> check of the fast pass -> training by
transformers' Trainer -> adapter. What is particular here: only answers are trained, an update's
loss is the mean over its answer tokens however it is cut into micro-batches, and micro-batches
share what their rows begin with (``batches.py``, ``forward.py``).
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments

from huohou.data.fingerprint import fingerprint_rows
from huohou.data.labels import LabelledRow, label_row
from huohou.data.read import read_dataset
from huohou.errors import DataError
from huohou.models import ChatTokenizer, load_model, load_tokenizer, with_lora
from huohou.plan import DataPart, Plan
from huohou.recipes import forward
from huohou.recipes.batches import Budget, group
from huohou.recipes.order import EpochOrder, epoch_order, updates_of
from huohou.recipes.reporter import Reporter
from huohou.record.recorder import Recorder
from huohou.text import say

# Logits of the fast and the plain pass come from other orders of summation: what they may differ
# by, relative to the largest value, for the fast one to be used.
TOLERANCE = {"float32": 1e-4, "bfloat16": 3e-2}

Logits = Callable[[nn.Module, forward.Batch], Tensor]


def run(plan: Plan, folder: Path, recorder: Recorder, should_stop: Callable[[], bool]) -> None:
    """Carry out a plan: leaves ``checkpoints/`` and ``adapter/`` in the job's folder."""
    seed = int(plan.value("train.seed"))
    transformers.set_seed(seed)
    recorder.log(say("sft.preparing"))
    tokenizer = load_tokenizer(plan.model)
    rows = labelled_rows(plan.train, plan, tokenizer)
    eval_rows = labelled_rows(plan.eval, plan, tokenizer) if plan.eval else None

    recorder.log(say("sft.loading", model=plan.model, dtype=plan.dtype.value))
    base = load_model(
        plan.model, plan.dtype.value, plan.device.value, four_bit=plan.facts["four_bit"]
    )
    model = with_adapter(base, plan)
    budget, logits = fast_pass(model, rows, plan, recorder)

    trainer = AnswerTrainer(
        model=model,
        args=arguments(plan, folder / "checkpoints"),
        train_dataset=rows,
        eval_dataset=eval_rows,
        data_collator=lambda chosen: {"rows": chosen},
        callbacks=callbacks(plan, recorder, should_stop),
        budget=budget,
        logits=logits,
        seed=seed,
    )
    recorder.start(**facts(plan, model, rows))
    trainer.train()
    save(trainer, folder / "adapter", tokenizer)


def callbacks(
    plan: Plan, recorder: Recorder, should_stop: Callable[[], bool]
) -> list[TrainerCallback]:
    """Reporter, and early stopping where a patience is set."""
    found: list[TrainerCallback] = [Reporter(recorder, should_stop)]
    patience = plan.value("train.early_stopping_patience")
    if patience and plan.eval is not None:
        found.append(EarlyStoppingCallback(early_stopping_patience=int(patience)))
    return found


def labelled_rows(part: DataPart, plan: Plan, tokenizer: ChatTokenizer) -> list[LabelledRow]:
    """The rows of the plan, tokenised. Raises DataError when the file is not the planned one."""
    path = Path(part.path)
    dataset = read_dataset(path, part.format, system=plan.value("data.system"))
    if fingerprint_rows(dataset.rows) != part.fingerprint:
        raise DataError("sft.data_changed", path=path)
    longest = int(plan.value("train.max_length"))
    rows = [label_row(row, tokenizer, longest) for row in dataset]
    return [row for row in rows if row.trained]


def with_adapter(model: Any, plan: Plan) -> Any:
    """The model with the plan's adapter, everything else frozen."""
    model.config.use_cache = False
    if plan.facts.get("four_bit"):
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if plan.facts.get("gradient_checkpointing"):
        model.enable_input_require_grads()
    return with_lora(
        model,
        int(plan.value("lora.rank")),
        float(plan.value("lora.alpha")),
        float(plan.value("lora.dropout")),
        str(plan.value("lora.targets")),
    )


def fast_pass(
    model: nn.Module, rows: list[LabelledRow], plan: Plan, recorder: Recorder
) -> tuple[Budget, Logits]:
    """The quickest forward pass that agrees with the plain one on the first rows.

    Tried in turn: shared beginnings, then only the head at labelled positions, then the plain
    pass. What is left out is logged with the difference that was measured.
    """
    budget = Budget(**plan.facts["budget"])
    order = updates_of(epoch_order(len(rows), plan.value("train.seed"), 0), 4)[0]
    few = [rows[i] for i in order]
    tolerance = TOLERANCE[plan.dtype.value]
    for choice in (budget, replace(budget, share=False)) if budget.share else (budget,):
        micro = max(group(few, choice), key=lambda batch: (batch.prefix, len(batch.rows)))
        batch = forward.collate(few, micro).to(plan.device.value)
        with torch.autocast(
            plan.device.value, torch.bfloat16, enabled=plan.dtype.value != "float32"
        ):
            found = forward.compare(model, batch)
        if found.within(tolerance):
            key = "sft.shared" if micro.prefix else "sft.answers_only"
            recorder.log(say(key, prefix=micro.prefix, difference=found.gradient))
            return choice, forward.logits
        recorder.log(
            say("sft.not_equal", loss=found.loss, gradient=found.gradient), level="warning"
        )
    return replace(budget, share=False), forward.plain_logits


def arguments(plan: Plan, checkpoints: Path) -> TrainingArguments:
    """The plan in the words of transformers' Trainer."""
    value = plan.value
    updates = plan.prediction.updates
    every = max(1, math.ceil(updates / value("train.num_epochs") / value("train.evals_per_epoch")))
    watched = plan.eval is not None
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=float(value("train.num_epochs")),
        learning_rate=float(value("train.learning_rate")),
        per_device_train_batch_size=int(value("train.batch_size")),
        per_device_eval_batch_size=int(value("train.batch_size")),
        lr_scheduler_type=value("train.schedule"),
        warmup_steps=math.ceil(value("train.warmup_ratio") * updates),
        weight_decay=float(value("train.weight_decay")),
        max_grad_norm=float(value("train.max_grad_norm")),
        seed=int(value("train.seed")),
        data_seed=int(value("train.seed")),
        # Every update of a short run is logged: a curve of ten points hides what a run did.
        logging_steps=max(1, updates // 500),
        logging_nan_inf_filter=False,
        eval_strategy="steps" if watched else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=int(value("train.keep_checkpoints")) + watched,
        load_best_model_at_end=watched,
        metric_for_best_model="eval_loss" if watched else None,
        greater_is_better=False if watched else None,
        use_cpu=plan.device.value == "cpu",
        bf16=plan.dtype.value == "bfloat16",
        activation_checkpointing=bool(plan.facts.get("gradient_checkpointing")),
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        report_to=[],
        disable_tqdm=True,
    )


class AnswerTrainer(Trainer):
    """Trainer whose update is the mean loss over the answer tokens of its rows."""

    def __init__(self, *, budget: Budget, logits: Logits, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self.budget, self.logits, self.seed = budget, logits, seed
        self.seconds, self.tokens = 0.0, 0  # since the last log line

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset
        return EpochOrder(len(rows), self.seed)

    def micro_batches(self, rows: list[LabelledRow]) -> list[forward.Batch]:
        """The rows of an update, regrouped, as tensors on the device."""
        found = group(rows, self.budget)
        device = str(self.args.device)
        return [forward.collate(rows, batch).to(device) for batch in found]

    def training_step(
        self, model: nn.Module, inputs: Mapping[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Gradient of one update; returns its mean loss over answer tokens, in nats."""
        started = time.perf_counter()
        model.train()
        batches = self.micro_batches(inputs["rows"])
        tokens = sum(len(batch.target) for batch in batches)
        total = torch.zeros((), device=self.args.device)
        for batch in batches:
            with self.compute_loss_context_manager():
                loss = forward.loss_sum(self.logits(model, batch), batch.target) / tokens
            self.accelerator.backward(loss)
            total += loss.detach()
        self.seconds += time.perf_counter() - started
        self.tokens += sum(len(row.ids) for row in inputs["rows"])
        return total

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add tokens of the rows (as they are in the file, shared or not) a second of training."""
        if "loss" in logs and self.seconds:
            logs["tokens_per_second"] = self.tokens / self.seconds
            self.seconds, self.tokens = 0.0, 0
        super().log(logs, start_time)

    @torch.no_grad()
    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Loss and accuracy on the evaluation rows, read off the labelled positions.

        token accuracy: trained tokens that are the likeliest; answer accuracy: rows whose trained
        tokens all are. Both given the right beginning, so an upper bound of what is generated.
        """
        rows: Any = eval_dataset or self.eval_dataset
        model: Any = self.model
        model.eval()
        loss, right, tokens, whole = 0.0, 0, 0, 0
        for chosen in updates_of(list(range(len(rows))), self.args.eval_batch_size):
            for batch in self.micro_batches([rows[i] for i in chosen]):
                with self.compute_loss_context_manager():
                    found = self.logits(model, batch)
                hits = found.argmax(-1) == batch.target
                loss += float(forward.loss_sum(found, batch.target))
                right, tokens = right + int(hits.sum()), tokens + len(hits)
                whole += batch.rows - len(batch.row[~hits].unique())
        metrics = {
            f"{metric_key_prefix}_loss": loss / tokens,
            f"{metric_key_prefix}_token_accuracy": right / tokens,
            f"{metric_key_prefix}_answer_accuracy": whole / len(rows),
        }
        self.log(dict(metrics))  # a copy: the Trainer adds the epoch to what it logs
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics


def facts(plan: Plan, model: Any, rows: list[LabelledRow]) -> dict[str, Any]:
    """What the record should know of the run: sizes that rules and readers need."""
    return {
        "recipe": plan.recipe,
        "model": plan.model,
        "vocabulary": model.config.vocab_size,
        "rows": len(rows),
        "eval_rows": plan.eval.rows if plan.eval else 0,
        "trained_tokens": sum(row.trained for row in rows),
        "updates": plan.prediction.updates,
        "epochs": plan.value("train.num_epochs"),
        "batch_size": plan.value("train.batch_size"),
        "learning_rate": plan.value("train.learning_rate"),
    }


def save(trainer: Trainer, folder: Path, tokenizer: ChatTokenizer) -> None:
    """The adapter (of the best evaluation where there is one) with tokenizer and template."""
    trainer.save_model(str(folder))
    tokenizer.hf.save_pretrained(str(folder))
