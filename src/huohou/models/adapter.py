"""A model with a LoRA adapter on it, everything else frozen."""

import warnings
from typing import Any


def with_lora(
    model: Any, rank: int, alpha: float = 1.0, dropout: float = 0.0, targets: str = "all-linear"
) -> Any:
    """A causal language model with a LoRA adapter (Hu et al., arXiv 2106.09685).

    The update of a layer is scaled by alpha / rank. targets: ``all-linear``, or names of layers
    separated by commas.
    """
    from peft import LoraConfig, get_peft_model

    names = targets if targets == "all-linear" else [name.strip() for name in targets.split(",")]
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # peft multiplies by it, whole or not
        lora_dropout=dropout,
        target_modules=names,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5 for an attribute under its old name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
        return get_peft_model(model, config)
