"""One GGUF file from a model's weights, settings and tokenizer."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from huohou.errors import ModelError
from huohou.export.ggufs.quantise import FILE_TYPES, kind_of, packed
from huohou.export.ggufs.settings import family, rope_factors, write_settings
from huohou.export.ggufs.vocabulary import write_vocabulary
from huohou.models import ChatTokenizer


def write_gguf(
    path: Path,
    config: Any,
    weights: Mapping[str, Any],
    tokenizer: ChatTokenizer,
    *,
    form: str,
    name: str,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> None:
    """Write a model as GGUF.

    weights: name to tensor as transformers names them, a tied head left out; form: f16, q8_0 or
    q4_k_m. Raises ModelError for a family, tokenizer or tensor that cannot be written.
    """
    kind = family(config, name)
    vocabulary = len(weights["model.embed_tokens.weight"])
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[kind])
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[form])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    write_settings(writer, config, vocabulary)
    write_vocabulary(writer, tokenizer, vocabulary)
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    tied = "lm_head.weight" not in weights
    for done, (own, tensor) in enumerate(weights.items()):
        progress(done, len(weights))
        known = names.get_name(own, try_suffixes=(".weight", ".bias"))
        if known is None:
            raise ModelError("export.gguf_tensor", name=name, tensor=own)
        values = laid_out(own, tensor.float().cpu().numpy(), config)
        chosen = kind_of(known, values.shape, form, config.num_hidden_layers, tied)
        writer.add_tensor(known, packed(values, chosen), raw_dtype=chosen)
    factors = rope_factors(config)
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    with closing(writer):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()


def laid_out(name: str, values: NDArray[np.float32], config: Any) -> NDArray[np.float32]:
    """A tensor in llama.cpp's order of rows.

    Llama's rotary positions turn pairs of neighbours there, and in transformers the two halves of
    a head: the rows of queries and keys are woven. Qwen's are halves on both sides.
    """
    part = name.split(".")[-2]
    if config.model_type != "llama" or part not in ("q_proj", "k_proj"):
        return values
    heads = config.num_attention_heads if part == "q_proj" else config.num_key_value_heads
    halves = values.reshape(heads, 2, len(values) // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)
