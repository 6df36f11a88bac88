"""Settings as trackers keep them, to facts: all that a script or a trainer handed over at once."""

from collections.abc import Mapping
from typing import Any

from huohou.record.readers._settings import adapter_facts, facts_of, model_facts


def facts_of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a tracker's settings.

    transformers puts the model's own settings beside those of the training, those of an adapter
    under ``peft_config`` by the adapter's name.

    >>> facts_of_config({"lr": 1e-4, "peft_config": {"default": {"r": 8, "lora_alpha": 16}}})
    {'lora_rank': 8, 'lora_alpha': 16.0, 'learning_rate': 0.0001}
    """
    plain = {name: _plain(value) for name, value in config.items()}
    model = plain.get("model_config", plain)
    adapters = plain.get("peft_config")
    adapter = next(iter(adapters.values()), None) if isinstance(adapters, Mapping) else None
    return {
        **(model_facts(model) if isinstance(model, Mapping) else {}),
        **(adapter_facts(adapter) if isinstance(adapter, Mapping) else {}),
        **facts_of(plain),
    }


def _plain(value: Any) -> Any:
    """W&B writes {"value": ..., "desc": ...}; MLflow writes everything as a string."""
    if isinstance(value, Mapping) and "value" in value and len(value) <= 2:
        return value["value"]
    return None if isinstance(value, str) and value in ("None", "null") else value
