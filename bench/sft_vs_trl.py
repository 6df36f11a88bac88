"""huohou's SFT recipe against TRL's SFTTrainer, in turn, on the same rows and machine.

Run as: python bench/sft_vs_trl.py [--quick]

Both train SmolLM2-135M with the same LoRA (rank 16, all linear layers), the same rows and 16 rows
an update. TRL gets its best settings for the machine: no gradient checkpointing, rows sampled by
length. Both are compared in float32, and each in whichever of float32 and bfloat16 is faster for it
here ("best"). Each side is its own whole training loop; what is timed is updates (the first, which
warms up, left out), in turns: huohou, TRL, huohou, TRL, ...

Rows come in two kinds: all beginning with one system prompt of about 90 tokens, and each
beginning with one of its own of the same length, so that nothing can be shared.
"""

import random
import statistics
import sys
import tempfile
import time
import warnings
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import TrainerCallback, TrainingArguments
from transformers.utils import logging
from trl import SFTConfig, SFTTrainer

from _common import arguments, report
from huohou.data.labels import LabelledRow
from huohou.models import choose_device, choose_dtype, load_model, load_tokenizer
from huohou.recipes import forward
from huohou.recipes.batches import Budget, group
from huohou.recipes.memory import Frugal
from huohou.recipes.order import epoch_order, updates_of
from huohou.recipes.trainer import AnswerTrainer

MODEL, RANK, ROWS_AN_UPDATE = "smollm2-135m", 16, 16
PREFIX, OWN, ANSWER = 90, (25, 45), 13  # tokens


class Clock(TrainerCallback):
    """Seconds of each update."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.started = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self.started)


def rows(count: int, *, shared: bool) -> list[LabelledRow]:
    """Rows of real tokens, ragged, with one system prompt or each with its own."""
    chance = random.Random(7)
    prompt = [chance.randrange(1000, 40000) for _ in range(PREFIX)]
    found = []
    for _ in range(count):
        start = prompt if shared else [chance.randrange(1000, 40000) for _ in range(PREFIX)]
        own = [chance.randrange(1000, 40000) for _ in range(chance.randint(*OWN))]
        ids = (*start, *own)
        found.append(LabelledRow(ids, tuple(k >= len(ids) - ANSWER for k in range(len(ids)))))
    return found


def adapted(dtype: str, device: str) -> Any:
    """The model with a fresh adapter, the same one each time."""
    model = load_model(MODEL, dtype, device)
    model.config.use_cache = False
    torch.manual_seed(0)
    return get_peft_model(model, lora())


def lora() -> LoraConfig:
    return LoraConfig(
        r=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def common(dtype: str, device: str) -> dict[str, Any]:
    """Settings of transformers' Trainer that both sides have."""
    return {
        "per_device_train_batch_size": ROWS_AN_UPDATE,
        "num_train_epochs": 1,
        "learning_rate": 2e-4,
        "bf16": dtype == "bfloat16",
        "use_cpu": device == "cpu",
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


def ours(found: list[LabelledRow], dtype: str, device: str) -> list[float]:
    """Seconds an update of huohou's own trainer."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = AnswerTrainer(
            model=adapted(dtype, device),
            args=TrainingArguments(output_dir=folder, **common(dtype, device)),
            train_dataset=found,
            data_collator=lambda chosen: {"rows": chosen},
            callbacks=[clock],
            frugal=Frugal(Budget(8192)),
            logits=forward.logits,
            seed=1,
        )
        trainer.train()
    return clock.seconds[1:]


def theirs(found: list[LabelledRow], dtype: str, device: str, tokenizer: Any) -> list[float]:
    """Seconds an update of TRL's trainer at its best settings for this machine."""
    clock = Clock()
    data = Dataset.from_list(
        [
            {
                "input_ids": list(row.ids),
                "labels": [t if on else -100 for t, on in zip(row.ids, row.labels, strict=True)],
            }
            for row in found
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=adapted(dtype, device),
            args=SFTConfig(
                output_dir=folder,
                activation_checkpointing=False,
                train_sampling_strategy="group_by_length",
                **common(dtype, device),
            ),
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[clock],
        )
        trainer.train()
    return clock.seconds[1:]


def quickest(device: str, tokenizer: Any) -> str:
    """The number format in which TRL is fastest here."""
    few = rows(3 * ROWS_AN_UPDATE, shared=True)
    formats = ("float32", "bfloat16")
    return min(formats, key=lambda dtype: statistics.median(theirs(few, dtype, device, tokenizer)))


def first_losses(found: list[LabelledRow], dtype: str, device: str) -> float:
    """Largest relative difference of the first 5 losses to a plain PEFT loop on the same rows."""
    order = updates_of(epoch_order(len(found), 1, 0), ROWS_AN_UPDATE)[:5]
    curves = []
    for quick in (True, False):
        model = adapted(dtype, device)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=2e-4, weight_decay=0.0)
        curve = []
        for update in order:
            chosen = [found[i] for i in update]
            tokens = sum(row.trained for row in chosen)
            total = 0.0
            for micro in group(chosen, Budget(8192, share=quick)):
                batch = forward.collate(chosen, micro).to(device)
                run = forward.logits if quick else forward.plain_logits
                loss = forward.loss_sum(run(model, batch), batch.target) / tokens
                loss.backward()
                total += float(loss.detach())
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            curve.append(total)
        curves.append(curve)
    return max(abs(a - b) / b for a, b in zip(*curves, strict=True))


def rates(
    found: list[LabelledRow], formats: tuple[str, str], device: str, turns: int, tokenizer: Any
) -> dict[str, float]:
    """Rows a second of both sides, in turn; formats: huohou's and TRL's number format."""
    seconds: dict[str, list[float]] = {"huohou": [], "trl": []}
    for _ in range(turns):
        seconds["huohou"] += ours(found, formats[0], device)
        seconds["trl"] += theirs(found, formats[1], device, tokenizer)
    return {who: ROWS_AN_UPDATE / statistics.median(taken) for who, taken in seconds.items()}


def main() -> None:
    quick = arguments(__doc__ or "").quick
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    device = choose_device().value
    tokenizer = load_tokenizer(MODEL).hf
    quickest_ours = choose_dtype(device).value
    pairs = {"float32": ("float32", "float32")}
    turns, updates = (1, 2) if quick else (2, 4)
    if not quick:
        pairs["best"] = (quickest_ours, quickest(device, tokenizer))
    print(f"number formats (huohou, TRL): {pairs}", file=sys.stderr)
    figures: dict[str, float] = {}
    for kind in ("shared", "unshared"):
        found = rows(updates * ROWS_AN_UPDATE, shared=kind == "shared")
        for name, formats in pairs.items():
            rate = rates(found, formats, device, turns, tokenizer)
            figures[f"{kind}_{name}_ratio"] = rate["huohou"] / rate["trl"]
            figures |= {f"{kind}_{name}_{who}_rows_per_s": value for who, value in rate.items()}
    found = rows((1 if quick else 5) * ROWS_AN_UPDATE, shared=True)
    figures["first_losses_difference"] = first_losses(found, "float32", device)
    report(
        "sft_vs_trl",
        {name: float(f"{value:.4g}") for name, value in figures.items()},
        {
            "shared_float32_ratio": {"min": 5.0},
            "unshared_float32_ratio": {"min": 2.0},
            "shared_best_ratio": {"min": 5.0},
            "unshared_best_ratio": {"min": 2.0},
            "first_losses_difference": {"max": 1e-4},
        },
    )


if __name__ == "__main__":
    main()
