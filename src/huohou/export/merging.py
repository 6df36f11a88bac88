"""The adapter worked into the base weights, in float32 whatever they are kept in."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from huohou.errors import ModelError, first_line
from huohou.models import load_model
from huohou.probe.load import RunModels


def merge(models: RunModels) -> Any:
    """A causal model in float32 on the CPU, the adapter in its weights.

    W + (alpha / rank) B A (Hu et al., arXiv 2106.09685), by peft.
    """
    base = load_model(models.plan.model, "float32", "cpu")
    tuned: Any = on_base(base, models.adapter)
    return tuned.merge_and_unload(safe_merge=False).eval()


def on_base(base: Any, adapter: Path) -> Any:
    """A base model with an adapter's folder on it. Raises ModelError where it does not fit."""
    from peft import PeftModel
    from safetensors import SafetensorError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft to transformers, not to us
            return PeftModel.from_pretrained(base, str(adapter), is_trainable=False).eval()
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError("probe.bad_adapter", folder=adapter, problem=first_line(error)) from error


def overflowing(weights: Mapping[str, Any], dtype: Any) -> list[str]:
    """Names of tensors with a value that a number format cannot hold, or that is none."""
    import torch

    most = torch.finfo(dtype).max
    return [
        name
        for name, tensor in weights.items()
        if not bool(torch.isfinite(tensor).all()) or float(tensor.abs().max()) > most
    ]


def weights_of(model: Any) -> dict[str, Any]:
    """Name to tensor as they are stored: a head that is the embedding is stored once."""
    tied = set(_tied(model))
    return {name: tensor for name, tensor in model.state_dict().items() if name not in tied}


def _tied(model: Any) -> Iterable[str]:
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is not None and head.weight is embedding.weight:
        yield "lm_head.weight"
