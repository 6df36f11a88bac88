"""A plan in the words of transformers' Trainer: what all recipes hand to it alike."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainingArguments

from huohou.plan import Plan
from huohou.recipes.reporter import EarlyStopping, Reporter
from huohou.record.recorder import Recorder


def callbacks(
    plan: Plan, recorder: Recorder, should_stop: Callable[[], bool]
) -> list[TrainerCallback]:
    """Reporter, and early stopping where a patience is set."""
    found: list[TrainerCallback] = [Reporter(recorder, should_stop)]
    patience = plan.value("train.early_stopping_patience")
    if patience and plan.eval is not None:
        found.append(EarlyStopping(early_stopping_patience=int(patience)))
    return found


def arguments(
    plan: Plan, checkpoints: Path, updates: int, best: str, *, greater: bool, **more: Any
) -> TrainingArguments:
    """Arguments of a run of so many updates. best: the number of an evaluation that decides which
    checkpoint is kept, greater: whether more of it is better; more: what a recipe has of its own.
    """
    value = plan.value
    every = max(1, math.ceil(updates / value("train.num_epochs") / value("train.evals_per_epoch")))
    watched = plan.eval is not None
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=float(value("train.num_epochs")),
        learning_rate=float(value("train.learning_rate")),
        per_device_train_batch_size=int(value("train.batch_size")),
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
        metric_for_best_model=best if watched else None,
        greater_is_better=greater if watched else None,
        use_cpu=plan.device.value == "cpu",
        bf16=plan.dtype.value == "bfloat16",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        report_to=[],
        disable_tqdm=True,
        **more,
    )
