"""Settings of a run as facts, from files that trainers write or are started with.

Names of transformers' TrainingArguments, LLaMA-Factory, ms-swift, axolotl, torchtune, Lightning
and model cards become those that ``readers/__init__.py`` lists. ``training_args.bin`` is a pickle,
which can run code when it is opened: it is never read.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from huohou.record.readers._cards import read_card
from huohou.record.readers._rows import number, whole

# In the order they are trusted. What a trainer wrote comes before what it was asked for.
FILES = (
    "training_args.json",
    "args.json",
    "sft_args.json",
    "training_args.yaml",
    "hparams.yaml",
    "*.yaml",
    "*.yml",
    "adapter_config.json",
    "config.json",
    "README.md",
)
_LARGEST = {".json": 4 << 20, ".yaml": 32 << 10, ".yml": 32 << 10, ".md": 1 << 20}
_LONGEST = 200  # characters of a value in words
_PARTS = ("training_args", "training", "train", "trainer", "optimizer", "lr_scheduler", "lora")

Kind = Callable[[Any], Any]


def facts_in(path: Path) -> dict[str, Any]:
    """Facts in a settings file; none where it is not one, is too large or cannot be read."""
    try:
        if path.stat().st_size > _LARGEST.get(path.suffix, 0):
            return {}
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}
    if path.suffix == ".md":
        return read_card(text, facts_of)
    raw = _json(text) if path.suffix == ".json" else _yaml(text)
    if path.name == "config.json":
        return model_facts(raw)
    if path.name == "adapter_config.json":
        return adapter_facts(raw)
    found = facts_of(raw)
    return found if len(found) > 1 else {}  # one name alone is not enough to call it settings


def facts_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Facts in a mapping of settings by the names trainers give them.

    >>> facts_of({"per_device_train_batch_size": "8", "lr": "5e-5", "max_steps": -1, "fp16": True})
    {'learning_rate': 5e-05, 'batch_size': 8, 'dtype': 'fp16'}
    """
    flat = _flat(raw)
    found: dict[str, Any] = {}
    for name, (fact, kind) in _NAMES.items():
        if fact not in found and (value := kind(flat.get(name))) is not None:
            found[fact] = value
    warm_up = number(flat.get("warmup_steps"))  # a share where it is below 1
    if warm_up is not None and 0 < warm_up < 1:
        found.setdefault("warmup_ratio", warm_up)
    if (dtype := _dtype(flat)) is not None:
        found["dtype"] = dtype
    if _flag(flat.get("pure_bf16")):
        found["trained_dtype"] = "bf16"
    return found


def _flat(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Settings on one level: those of known groups beside those at the top, which come first."""
    found: dict[str, Any] = {}
    for name, given in raw.items():
        # W&B writes a mapping of "value" and "desc".
        value = given.get("value", given) if isinstance(given, Mapping) else given
        if not isinstance(name, str):
            continue
        if isinstance(value, Mapping) and name in _PARTS:
            found = {k: v for k, v in value.items() if isinstance(k, str)} | found
        elif not isinstance(value, Mapping):
            group, _, rest = name.partition(".")  # "train.learning_rate" of a board's settings
            found[rest if rest and group in (*_PARTS, "top") else name] = value
    return found


def _json(text: str) -> Mapping[str, Any]:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _yaml(text: str) -> Mapping[str, Any]:
    import yaml

    if "<<" in text:  # merged mappings can grow without bound
        return {}
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError):
        return {}
    except (LookupError, AttributeError, TypeError):  # of a tag whose value is none of its kind
        return {}
    return loaded if isinstance(loaded, dict) else {}


def model_facts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Of a model's own config.json: its size of vocabulary, kind and number format."""
    if "model_type" not in raw and "architectures" not in raw:
        return {}
    inner = raw.get("text_config")
    inner = inner if isinstance(inner, Mapping) else {}
    found = {
        "vocab_size": _count(raw.get("vocab_size", inner.get("vocab_size"))),
        "model_type": _words(raw.get("model_type")),
        "model_dtype": _words(raw.get("dtype", raw.get("torch_dtype"))),
        "model": _words(raw.get("_name_or_path")),
    }
    version = _words(raw.get("transformers_version"))
    known = {name: value for name, value in found.items() if value is not None}
    return known | ({"versions": {"transformers": version}} if version else {})


def adapter_facts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Of PEFT's adapter_config.json."""
    found = {
        "lora_rank": _count(raw.get("r")),
        "lora_alpha": _amount(raw.get("lora_alpha")),
        "lora_dropout": _amount(raw.get("lora_dropout")),
        "target_modules": _listed(raw.get("target_modules")),
        "model": _words(raw.get("base_model_name_or_path")),
        "finetuning_type": _chosen(raw.get("peft_type")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _amount(value: Any) -> float | None:
    found = number(value)
    return found if found is not None and math.isfinite(found) else None


def _positive(value: Any) -> float | None:
    found = _amount(value)
    return found if found is not None and found > 0 else None


def _count(value: Any) -> int | None:
    return whole(value) or None


def _from_0(value: Any) -> int | None:
    return whole(value)


def _often(value: Any) -> int | float | None:
    """Every so many updates; below 1 a share of the whole run."""
    return _count(value) or _positive(value)


def _words(value: Any) -> str | None:
    if not isinstance(value, str) or value in ("", "None", "null"):
        return None
    return value[:_LONGEST]


def _chosen(value: Any) -> str | None:
    """One of a list, also as it is printed: "IntervalStrategy.STEPS" is steps."""
    if value is False:  # a bare "no" in YAML
        return "no"
    words = _words(value)
    return words.rpartition(".")[2].lower() if words else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _either(value: Any) -> bool | str | None:
    """A flag or a path."""
    flag = _flag(value)
    return _words(value) if flag is None else flag


def _listed(value: Any) -> str | None:
    """Names, written as a list or in words."""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return _words(", ".join(sorted(value[:64])))
    return _words(value)


def _dtype(flat: Mapping[str, Any]) -> str | None:
    """The number format training computes in: fp32, fp16 or bf16; None where it is not said."""
    for name in ("bf16", "fp16", "pure_bf16"):
        if _flag(flat.get(name)):
            return name.removeprefix("pure_")
    if "Native AMP" in str(flat.get("mixed_precision_training"))[:_LONGEST]:
        return "fp16"
    said = (
        _words(flat.get("torch_dtype"))
        or _words(flat.get("dtype"))
        or _words(flat.get("precision"))
    )
    return _FORMATS.get(said.rpartition(".")[2].lower()) if said else None


_FORMATS = {
    "float32": "fp32",
    "fp32": "fp32",
    "32-true": "fp32",
    "float16": "fp16",
    "fp16": "fp16",
    "half": "fp16",
    "16-mixed": "fp16",
    "bfloat16": "bf16",
    "bf16": "bf16",
    "bf16-mixed": "bf16",
}


# Name in a settings file to the name of the fact; the first that is there counts.
_NAMES: dict[str, tuple[str, Kind]] = {
    "learning_rate": ("learning_rate", _positive),
    "lr": ("learning_rate", _positive),
    "lr_scheduler_type": ("lr_scheduler", _chosen),
    "lr_scheduler": ("lr_scheduler", _chosen),
    "warmup_steps": ("warmup_steps", _from_0),
    "lr_scheduler_warmup_steps": ("warmup_steps", _from_0),
    "num_warmup_steps": ("warmup_steps", _from_0),
    "warmup_iters": ("warmup_steps", _from_0),
    "warmup_ratio": ("warmup_ratio", _amount),
    "lr_scheduler_warmup_ratio": ("warmup_ratio", _amount),
    "num_train_epochs": ("num_train_epochs", _positive),
    "num_epochs": ("num_train_epochs", _positive),
    "max_epochs": ("num_train_epochs", _positive),
    "epochs": ("num_train_epochs", _positive),
    "max_steps": ("max_steps", _count),
    "training_steps": ("max_steps", _count),
    "num_iterations": ("max_steps", _count),
    "train_iters": ("max_steps", _count),
    "max_iters": ("max_steps", _count),
    "per_device_train_batch_size": ("batch_size", _count),
    "train_batch_size": ("batch_size", _count),
    "micro_batch_size": ("batch_size", _count),
    "batch_size": ("batch_size", _count),
    "per_device_eval_batch_size": ("eval_batch_size", _count),
    "gradient_accumulation_steps": ("gradient_accumulation", _count),
    "accumulate_grad_batches": ("gradient_accumulation", _count),
    "max_grad_norm": ("max_grad_norm", _amount),
    "gradient_clip_val": ("max_grad_norm", _amount),
    "grad_clip": ("max_grad_norm", _amount),
    "clip_grad": ("max_grad_norm", _amount),
    "weight_decay": ("weight_decay", _amount),
    "optim": ("optimizer", _words),
    "seed": ("seed", _from_0),
    "logging_steps": ("logging_steps", _often),
    "eval_steps": ("eval_steps", _often),
    "eval_interval": ("eval_steps", _often),
    "save_steps": ("save_steps", _often),
    "eval_strategy": ("eval_strategy", _chosen),
    "evaluation_strategy": ("eval_strategy", _chosen),
    "save_strategy": ("save_strategy", _chosen),
    "load_best_model_at_end": ("load_best_model_at_end", _flag),
    "metric_for_best_model": ("metric_for_best_model", _words),
    "logging_nan_inf_filter": ("nan_inf_filter", _flag),
    "lora_rank": ("lora_rank", _count),
    "lora_r": ("lora_rank", _count),
    "lora_alpha": ("lora_alpha", _amount),
    "lora_dropout": ("lora_dropout", _amount),
    "lora_dropout_p": ("lora_dropout", _amount),
    "lora_target": ("target_modules", _listed),
    "target_modules": ("target_modules", _listed),
    "lora_target_modules": ("target_modules", _listed),
    "finetuning_type": ("finetuning_type", _chosen),
    "tuner_type": ("finetuning_type", _chosen),
    "train_type": ("finetuning_type", _chosen),
    "sft_type": ("finetuning_type", _chosen),
    "cutoff_len": ("cutoff_len", _count),
    "max_seq_length": ("cutoff_len", _count),
    "sequence_len": ("cutoff_len", _count),
    "max_length": ("cutoff_len", _count),
    "val_size": ("val_size", _amount),
    "val_set_size": ("val_size", _amount),
    "split_dataset_ratio": ("val_size", _amount),
    "dataset_test_ratio": ("val_size", _amount),
    "train_on_prompt": ("train_on_prompt", _flag),
    "packing": ("packing", _flag),
    "template": ("template", _words),
    "overwrite_output_dir": ("overwrite_output_dir", _flag),
    "resume_from_checkpoint": ("resume_from_checkpoint", _either),
    "resume_only_model": ("resume_only_model", _flag),
    "dataset": ("dataset", _listed),
    "eval_dataset": ("eval_dataset", _listed),
    "val_dataset": ("eval_dataset", _listed),
    "vocab_size": ("vocab_size", _count),
    "model_name_or_path": ("model", _words),
    "model_id_or_path": ("model", _words),
    "base_model": ("model", _words),
    "model_name": ("model", _words),
    "model": ("model", _words),
}
