"""Settings as trainers write them down, to the facts of a Record.

The names are those of transformers' TrainingArguments, LLaMA-Factory, ms-swift, Lightning, PEFT
and of plain training scripts. Values may be strings, as MLflow keeps them.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from huohou.record.readers._rows import number, whole

_UNSAID = ("", "none", "null", "nan", "auto")


def facts_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that these settings say; what is not set is not there.

    >>> facts_of({"learning_rate": "2e-4", "bf16": True, "max_steps": -1, "max_epochs": 3})
    {'learning_rate': 0.0002, 'num_train_epochs': 3, 'dtype': 'bf16'}
    """
    flat = _flat(settings)
    facts: dict[str, Any] = {}
    for fact, (names, as_value) in _FACTS.items():
        for name in names:
            value = flat.get(name)
            if value is None or (isinstance(value, str) and value.strip().lower() in _UNSAID):
                continue
            if (found := as_value(value)) is not None:
                facts[fact] = found
                break
    if dtype := _dtype(flat):
        facts["dtype"] = dtype
    if isinstance(version := flat.get("transformers_version"), str):
        facts["versions"] = {"transformers": version}
    return facts


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Names without the groups that trainers put them in; what is outside of a group wins."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and name in _GROUPS:
            flat = {**_flat(value), **flat}
    for name, value in settings.items():
        if not isinstance(value, Mapping):
            plain = str(name).strip().lower().replace("-", "_")
            flat[plain.rpartition("/")[2].rpartition(".")[2]] = value
    return flat


# peft_config holds one configuration for each adapter, the usual one is called default.
_GROUPS = ("peft_config", "default", "training", "train", "args", "training_args", "lora", "model",
           "model_config", "optimizer", "optim", "lr_scheduler", "hparams", "trainer", "config",
           "_content")  # fmt: skip


def _positive(value: Any) -> float | None:
    found = number(value)
    return found if found is not None and math.isfinite(found) and found > 0 else None


def _from_zero(value: Any) -> float | None:
    found = number(value)
    return found if found is not None and math.isfinite(found) and found >= 0 else None


def _count(value: Any) -> int | None:
    found = whole(value)
    return found if found else None


def _amount(value: Any) -> int | float | None:
    """A positive number, whole where it is one."""
    found = _positive(value)
    return int(found) if found is not None and found == int(found) else found


def _steps(value: Any) -> int | None:
    """Steps; a share of the run (below 1) is not a number of steps."""
    found = whole(value)
    return found if found is not None and found >= 0 else None


def _word(value: Any) -> str | None:
    """A word; enums are written as "IntervalStrategy.STEPS".

    >>> _word("SchedulerType.COSINE")
    'cosine'
    """
    if not isinstance(value, str) or not re.fullmatch(r"[\w.\- ]{1,60}", value.strip()):
        return None
    return value.strip().rpartition(".")[2].lower()


def _name(value: Any) -> str | None:
    return value.strip()[:300] if isinstance(value, str) else None


_FACTS: dict[str, tuple[tuple[str, ...], Callable[[Any], Any]]] = {
    "learning_rate": (("learning_rate", "lr", "max_lr", "base_lr"), _from_zero),
    "lr_scheduler": (("lr_scheduler_type", "lr_scheduler", "scheduler", "schedule"), _word),
    "warmup_steps": (("warmup_steps", "num_warmup_steps", "warmup_iters", "warmup"), _steps),
    "warmup_ratio": (("warmup_ratio",), _from_zero),
    "batch_size": (
        ("per_device_train_batch_size", "train_batch_size", "per_gpu_train_batch_size",
         "micro_batch_size", "device_batch_size", "batch_size"), _count,
    ),
    "gradient_accumulation": (
        ("gradient_accumulation_steps", "gradient_accumulation", "accumulate_grad_batches",
         "grad_accum_steps", "grad_accum", "accumulation_steps"), _count,
    ),
    "max_grad_norm": (
        ("max_grad_norm", "gradient_clip_val", "clip_grad_norm", "grad_clip", "clip_grad"),
        _from_zero,
    ),
    "num_train_epochs": (("num_train_epochs", "max_epochs", "num_epochs", "epochs"), _amount),
    "max_steps": (
        ("max_steps", "max_iters", "num_iterations", "total_steps", "train_iters"), _count,
    ),
    "logging_steps": (("logging_steps", "log_every_n_steps", "log_interval"), _count),
    "eval_steps": (("eval_steps", "eval_interval", "val_loss_every"), _count),
    "eval_strategy": (("eval_strategy", "evaluation_strategy"), _word),
    "save_steps": (("save_steps", "save_interval"), _count),
    "lora_rank": (("lora_rank", "lora_r", "r"), _count),
    "lora_alpha": (("lora_alpha",), _positive),
    "lora_dropout": (("lora_dropout",), _from_zero),
    "vocab_size": (("vocab_size", "num_vocab", "padded_vocab_size"), _count),
    "model": (
        ("model_name_or_path", "base_model", "base_model_name_or_path", "_name_or_path",
         "model_name", "model_id", "model"), _name,
    ),
}  # fmt: skip

_PRECISIONS = (("bf16", "bf16"), ("bfloat16", "bf16"), ("fp16", "fp16"), ("float16", "fp16"),
               ("16", "fp16"), ("fp32", "fp32"), ("float32", "fp32"), ("32", "fp32"))  # fmt: skip


def _dtype(flat: Mapping[str, Any]) -> str | None:
    """Number format of the training. The one of a model's file alone is not the training's."""
    for name in ("bf16", "fp16"):
        if str(flat.get(name)).strip().lower() in ("true", "1"):
            return name
    if "bf16" in flat or "fp16" in flat:  # both off: the weights' own, which is not said here
        return None
    for name in ("mixed_precision", "precision", "dtype"):
        words = re.split(r"[^a-z0-9]+", str(flat.get(name, "")).lower())
        for word, dtype in _PRECISIONS:
            if word in words:
                return dtype
    return None
