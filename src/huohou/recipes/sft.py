"""Supervised fine-tuning with LoRA: a language model learns to answer as the rows do.

Reads from top to bottom: rows -> model with adapter -> check of the fast pass -> training by
transformers' Trainer -> adapter. What is particular here: only answers are trained, an update's
loss is the mean over its answer tokens however it is cut into micro-batches, and micro-batches
share what their rows begin with (``batches.py``, ``forward.py``).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import PrinterCallback, Trainer

from huohou.data.fingerprint import fingerprint_rows
from huohou.data.labels import LabelledRow, label_row
from huohou.data.read import read_dataset
from huohou.errors import DataError
from huohou.models import ChatTokenizer, load_hollow, load_model, load_tokenizer, with_lora
from huohou.plan import DataPart, Plan, contract
from huohou.recipes import Start, forward, sharding
from huohou.recipes.arguments import arguments, callbacks
from huohou.recipes.batches import Budget, group
from huohou.recipes.memory import Frugal
from huohou.recipes.order import epoch_order, updates_of
from huohou.recipes.resume import begin_from, going_on, load_adapter, resumed
from huohou.recipes.team import here
from huohou.recipes.trainer import AnswerTrainer, Logits
from huohou.record.checkpoints import FOLDER as CHECKPOINTS
from huohou.record.recorder import Recorder
from huohou.text import say

# Logits of the fast and the plain pass come from other orders of summation: what they may differ
# by, relative to the largest value, for the fast one to be used.
TOLERANCE = {"float32": 1e-4, "bfloat16": 3e-2}


def run(
    plan: Plan,
    folder: Path,
    recorder: Recorder,
    should_stop: Callable[[], bool],
    start: Start = Start(),  # noqa: B008 - frozen
) -> None:
    """Carry out a plan: leaves ``checkpoints/`` and ``adapter/`` in the job's folder."""
    seed = int(plan.value("train.seed"))
    transformers.set_seed(seed)
    recorder.log(say("sft.preparing"))
    tokenizer = load_tokenizer(plan.model)
    rows = labelled_rows(plan.train, plan, tokenizer)
    eval_rows = labelled_rows(plan.eval, plan, tokenizer) if plan.eval else None

    recorder.log(say("sft.loading", model=plan.model, dtype=plan.dtype.value))
    model = model_of(plan, recorder)
    checkpoint = begin_from(start, lambda place: load_adapter(model, place))
    longest = max(len(row.ids) for row in [*rows, *(eval_rows or [])])
    frugal, logits = fast_pass(model, rows, plan, recorder, start, longest=longest)

    trainer = AnswerTrainer(
        model=model,
        args=arguments(
            plan,
            folder / CHECKPOINTS,
            plan.prediction.updates,
            "eval_loss",
            greater=False,
            per_device_eval_batch_size=int(plan.value("train.batch_size")),
            activation_checkpointing=frugal.recompute,
        ),
        train_dataset=rows,
        eval_dataset=eval_rows,
        data_collator=lambda chosen: {"rows": chosen},
        callbacks=callbacks(plan, recorder, should_stop),
        frugal=frugal,
        logits=logits,
        seed=seed,
        contract=contract(plan),
        on_smaller=lambda now, error: tell_smaller(recorder, now, error),
    )
    trainer.remove_callback(PrinterCallback)  # the recorder says it better
    recorder.start(**facts(plan, model, rows, frugal), **going_on(start, checkpoint, recorder))
    trainer.train(resume_from_checkpoint=resumed(start))
    if trainer.team.leads:
        save(trainer, folder / "adapter", tokenizer)


def labelled_rows(part: DataPart, plan: Plan, tokenizer: ChatTokenizer) -> list[LabelledRow]:
    """The rows of the plan, tokenised. Raises DataError when the file is not the planned one."""
    path = Path(part.path)
    dataset = read_dataset(path, part.format, system=plan.value("data.system"))
    if fingerprint_rows(dataset.rows) != part.fingerprint:
        raise DataError("sft.data_changed", path=path)
    longest = int(plan.value("train.max_length"))
    rows = [label_row(row, tokenizer, longest) for row in dataset]
    return [row for row in rows if row.trained]


def model_of(plan: Plan, recorder: Recorder) -> Any:
    """The model with a new adapter; its weights split among the workers where that is planned."""
    name, dtype, device = plan.model, plan.dtype.value, plan.device.value
    if not sharding.wanted(plan):
        return with_adapter(load_model(name, dtype, device, four_bit=plan.facts["four_bit"]), plan)
    recorder.log(say("team.split", workers=here().size))
    return sharding.built(
        lambda: with_adapter(load_hollow(name, dtype), plan),
        lambda: with_adapter(load_model(name, dtype), plan),
        device,
    )


def with_adapter(model: Any, plan: Plan) -> Any:
    """The model with the plan's adapter, everything else frozen."""
    model.config.use_cache = False
    if plan.facts.get("four_bit"):
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return with_lora(
        model,
        int(plan.value("lora.rank")),
        float(plan.value("lora.alpha")),
        float(plan.value("lora.dropout")),
        str(plan.value("lora.targets")),
    )


def fast_pass(
    model: nn.Module,
    rows: list[LabelledRow],
    plan: Plan,
    recorder: Recorder,
    start: Start,
    *,
    longest: int,
) -> tuple[Frugal, Logits]:
    """The quickest forward pass that agrees with the plain one on the first rows.

    Tried in turn: shared beginnings, then only the head at labelled positions, then the plain
    pass. What is left out is logged with the difference that was measured. longest: tokens of the
    longest row that will pass through.
    """
    recompute = start.recompute or bool(plan.facts.get("gradient_checkpointing"))
    budget = Budget(**plan.facts["budget"])
    if start.max_tokens:
        budget = replace(budget, max_tokens=start.max_tokens)
    if recompute:
        budget = replace(budget, share=False)
    if not forward.looks_at_all(model, longest):
        recorder.log(say("sft.other_attention"))
        return Frugal(replace(budget, share=False), recompute), forward.plain_logits
    order = updates_of(epoch_order(len(rows), plan.value("train.seed"), 0), 4)[0]
    few = [rows[i] for i in order]
    tolerance = TOLERANCE[plan.dtype.value]
    for choice in (budget, replace(budget, share=False)) if budget.share else (budget,):
        micro = max(group(few, choice), key=lambda batch: (batch.prefix, len(batch.rows)))
        batch = forward.collate(few, micro).to(plan.device.value)
        with torch.autocast(
            plan.device.value, torch.bfloat16, enabled=plan.dtype.value != "float32"
        ):
            found = here().told(forward.compare(model, batch))
            usual = None
            if not found.within(tolerance):  # is it more than rounding does to the plain pass?
                alone = group([few[i] for i in micro.rows], Budget(1, share=False))
                rows_alone = [forward.collate([few[i] for i in micro.rows], b) for b in alone]
                device = plan.device.value
                alone_too = [b.to(device) for b in rows_alone]
                usual = here().told(forward.rounding(model, batch, alone_too))
        if found.within(tolerance, usual):
            key = "sft.shared" if micro.prefix else "sft.answers_only"
            recorder.log(say(key, prefix=micro.prefix, difference=found.gradient))
            return Frugal(choice, recompute), forward.logits
        recorder.log(
            say("sft.not_equal", loss=found.loss, gradient=found.gradient), level="warning"
        )
    return Frugal(replace(budget, share=False), recompute), forward.plain_logits


def tell_smaller(recorder: Recorder, now: Frugal, error: BaseException) -> None:
    """An update did not fit: what is done about it, for people and for a later process life."""
    key = "sft.recompute" if now.recompute else "sft.smaller"
    text = say(key, tokens=now.budget.max_tokens, error=str(error).strip().split("\n")[0][:200])
    recorder.alert(text, max_tokens=now.budget.max_tokens, recompute=now.recompute)


def facts(plan: Plan, model: Any, rows: list[LabelledRow], frugal: Frugal) -> dict[str, Any]:
    """What the record should know of the run: sizes that rules, readers and a smaller life need."""
    order = updates_of(
        epoch_order(len(rows), plan.value("train.seed"), 0), plan.value("train.batch_size")
    )
    largest = max(
        b.positions for update in order for b in group([rows[i] for i in update], frugal.budget)
    )
    return {
        "largest_batch": largest,
        "longest_row": max(len(row.ids) for row in rows),
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
