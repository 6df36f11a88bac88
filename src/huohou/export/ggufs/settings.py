"""A model's settings as llama.cpp names them, for the families Llama, Qwen2 and Qwen3."""

import math
from collections.abc import Mapping
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from huohou.errors import ModelError

FAMILIES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}
ROPES = ("default", "linear", "llama3")


def family(config: Any, name: str) -> Any:
    """llama.cpp's architecture of a model. Raises ModelError for one that is not written here."""
    rope = rope_of(config)["rope_type"]
    if config.model_type not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ModelError("export.gguf_family", name=name, family=config.model_type, known=known)
    if rope not in ROPES or getattr(config, "use_sliding_window", False):
        kind = rope if rope not in ROPES else "sliding window"
        raise ModelError("export.gguf_rope", name=name, rope=kind)
    return FAMILIES[config.model_type]


def rope_of(config: Any) -> Mapping[str, Any]:
    """Settings of the rotary positions, whichever way transformers keeps them."""
    found = dict(getattr(config, "rope_parameters", None) or {})
    found.setdefault("rope_theta", getattr(config, "rope_theta", 10000.0))
    found.setdefault("rope_type", "default")
    return found


def head_width(config: Any) -> int:
    """Width of an attention head."""
    own = getattr(config, "head_dim", None)
    return int(own or config.hidden_size // config.num_attention_heads)


def write_settings(writer: Any, config: Any, vocabulary: int) -> None:
    """Add sizes, norms and rotary positions to a GGUF file."""
    rope, width = rope_of(config), head_width(config)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(vocabulary)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))


def rope_factors(config: Any) -> NDArray[np.float32] | None:
    """What each frequency of Llama 3's long positions is divided by; None for others.

    The waves that are longer than the old context are stretched by the factor, short ones not, and
    those between by a straight line (Llama 3.1's own definition).
    """
    rope = rope_of(config)
    if rope["rope_type"] != "llama3":
        return None
    factor, old = float(rope["factor"]), float(rope["original_max_position_embeddings"])
    low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    width = head_width(config)
    found = []
    for i in range(0, width, 2):
        wave = 2 * math.pi * float(rope["rope_theta"]) ** (i / width)
        if wave < old / high:
            found.append(1.0)
        elif wave > old / low:
            found.append(factor)
        else:
            smooth = (old / wave - low) / (high - low)
            found.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(found, np.float32)
