"""What a LoRA fine-tune will cost, before it is paid.

Work is counted in floating-point operations: 2 for each weight and position forward, 2 more
backward (gradients of inputs only: the weights are frozen), 6 for each adapter weight (Kaplan et
al., arXiv 2001.08361, section 2.1, without the frozen part). Divided by what a small training
step was just measured to do on this machine.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from typing import Any

from huohou.config import RunSettings
from huohou.data.labels import LabelledRow
from huohou.errors import ConfigError
from huohou.models import load_shape, measure_step
from huohou.plan import Outlook, Prediction
from huohou.plan.make import Subject
from huohou.recipes.batches import Budget, group, work
from huohou.recipes.order import epoch_order, updates_of

# Positions a pass costs to start: launches on a GPU that would otherwise wait.
PASS_COST = {"cpu": 48, "cuda": 1024, "mps": 512}
# Bytes kept for the backward pass, in hidden and in inner (MLP) widths, a layer and position.
KEPT_HIDDEN, KEPT_INNER = 14, 5
LOGITS_COPIES = 4  # logits, their float32 copy, log-softmax and gradient
INTERPRETER_BYTES = 700_000_000  # Python with torch, transformers and peft
DEFAULT_TOKENS = {"cpu": 4096, "cuda": 16384, "mps": 8192}


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a model: parameters in total, in layers (without embeddings), trainable.

    stored: bytes of its weight files, which stay mapped into memory on a CPU.
    """

    total: int
    layers: int
    trainable: int
    depth: int
    hidden: int
    inner: int
    vocabulary: int
    stored: int


def predict(subject: Subject) -> Outlook:
    """Updates, positions, memory, time and space of a planned run."""
    run, kind = subject.run, subject.device.split(":")[0]
    shape = Shape(**load_shape(run.model, run.lora.rank, run.lora.targets))
    budget = Budget(
        max_tokens=run.train.max_tokens or DEFAULT_TOKENS[kind],
        pass_cost=PASS_COST[kind],
        share=run.train.share_prefix == "auto" and run.lora.dropout == 0,
    )
    order = epoch_order(len(subject.train), run.train.seed, 0)
    found = updates_of(order, run.train.batch_size)
    memory = _memory(subject.train, found, budget, shape, subject.dtype)
    memory += shape.stored if kind == "cpu" else 0
    measures = memory_measures(run, kind, memory)
    if measures["gradient_checkpointing"]:  # recomputing has no use for kept keys and values
        budget = replace(budget, share=False)
    epoch = work(subject.train, found, budget)
    return Outlook(
        Prediction(
            updates=math.ceil(len(found) * run.train.num_epochs),
            tokens_computed=int(epoch.computed * run.train.num_epochs),
            work_saved=epoch.saved,
            trainable_parameters=shape.trainable,
            total_parameters=shape.total,
            memory_bytes=memory,
            seconds=_seconds(subject, shape, epoch.computed, budget),
            checkpoint_bytes=3 * 4 * shape.trainable,
        ),
        {"budget": asdict(budget)} | measures | _split(shape, subject.dtype, budget, measures),
    )


def _split(
    shape: Shape, dtype: str, budget: Budget, measures: Mapping[str, Any]
) -> dict[str, dict[str, int]]:
    """What workers that split the model hold together and gather at a time: a block and the next
    one, and what is in none. Weights in 4 bits are not split; an adapter is whole on each."""
    if measures["four_bit"]:
        return {}
    width = 2 if dtype == "bfloat16" else 4
    gathered = shape.total - shape.layers + 2 * shape.layers // shape.depth
    weights = width * shape.total
    sizes = {"held": weights, "gathered": width * gathered, "weights": weights}
    return {"split": sizes | {"tokens": budget.max_tokens}}


def memory_measures(run: RunSettings, kind: str, memory: int) -> dict[str, Any]:
    """Whether to trade time for memory: as set, or on a CUDA device that is too small.

    Weights in 4 bits need CUDA and bitsandbytes; where they are wanted and cannot be had, or are
    to be split among workers, ConfigError says so. A model that may be split keeps its weights.
    """
    short = kind == "cuda" and memory > 0.9 * _free_cuda()
    choose = {"on": True, "off": False, "auto": short}
    possible = kind == "cuda" and find_spec("bitsandbytes") is not None
    if run.train.four_bit == "on" and not possible:
        raise ConfigError("sft.no_four_bit", device=kind)
    if run.train.four_bit == "on" and run.compute.sharding == "fsdp":
        raise ConfigError("sft.four_bit_split")
    split = run.compute.workers > 1 and run.compute.sharding != "none"
    kept = {"auto": False} if split else {}
    return {
        "gradient_checkpointing": choose[run.train.gradient_checkpointing],
        "four_bit": possible and (choose | kept)[run.train.four_bit],
    }


def _seconds(subject: Subject, shape: Shape, positions: int, budget: Budget) -> float:
    """Predicted seconds of training and evaluations."""
    run = subject.run
    labelled = sum(row.trained for row in subject.train)
    head = 4 * shape.hidden * shape.vocabulary * labelled
    epoch = (4 * shape.layers + 6 * shape.trainable) * positions + head
    whole = list(range(len(subject.eval)))
    watched = work(subject.eval, updates_of(whole, run.train.batch_size), budget).computed
    evaluation = 2 * shape.layers * watched * run.train.evals_per_epoch
    speed = measure_step(subject.device, subject.dtype)
    return run.train.num_epochs * (epoch + evaluation) / speed


def _memory(
    rows: Sequence[LabelledRow],
    updates: list[list[int]],
    budget: Budget,
    shape: Shape,
    dtype: str,
) -> int:
    """Predicted peak in bytes: weights, adapter with its optimizer, and the largest micro-batch."""
    width = 2 if dtype == "bfloat16" else 4
    largest, labelled = 0, 0
    for update in updates:
        members = [rows[i] for i in update]
        for batch in group(members, budget):
            largest = max(largest, batch.positions)
            labelled = max(labelled, sum(members[i].trained for i in batch.rows))
    a_position = shape.depth * (KEPT_HIDDEN * shape.hidden + KEPT_INNER * shape.inner) * width
    logits = LOGITS_COPIES * 4 * labelled * shape.vocabulary
    adapter = 16 * shape.trainable
    return INTERPRETER_BYTES + width * shape.total + adapter + a_position * largest + logits


def _free_cuda() -> int:
    import torch

    return int(torch.cuda.mem_get_info()[0])
