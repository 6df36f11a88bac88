"""Number formats of tensors: which one, and the bytes."""

import ctypes
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from huohou.errors import ModelError
from huohou.export.llama.library import library

Kind = gguf.GGMLQuantizationType
FILE_TYPES = {
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "q4_k_m": gguf.LlamaFileType.MOSTLY_Q4_K_M,
}
BLOCK, SUPER = 32, 256  # values that share a scale; of the K formats
# What llama.cpp takes where rows cannot be cut into blocks of 256.
INSTEAD = {Kind.Q4_K: Kind.Q5_0, Kind.Q6_K: Kind.Q8_0}


def kind_of(name: str, shape: tuple[int, ...], form: str, layers: int, tied: bool) -> Any:
    """The number format of a tensor, as llama.cpp's own tool chooses it. name: in GGUF."""
    if len(shape) < 2:
        return Kind.F32
    if form == "f16" or shape[-1] % BLOCK:
        return Kind.F16
    if form == "q8_0":
        return Kind.Q8_0
    fine = name == "output.weight" or (tied and name == "token_embd.weight")
    if name.endswith(("attn_v.weight", "ffn_down.weight")):
        fine = _more_bits(int(name.split(".")[1]), layers)
    kind = Kind.Q6_K if fine else Kind.Q4_K
    return kind if shape[-1] % SUPER == 0 else INSTEAD[kind]


def _more_bits(layer: int, layers: int) -> bool:
    """Whether a layer is one of those that q4_k_m keeps finer: the ends and every third."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def packed(values: NDArray[np.float32], kind: Any) -> NDArray[Any]:
    """A tensor's bytes in that format, a row of bytes for each row of values.

    f16 and q8_0 by the gguf package, the K formats by ggml itself. Raises ModelError where ggml is
    not there.
    """
    if kind is Kind.F32:
        return values.astype(np.float32)
    if kind is Kind.F16:
        return values.astype(np.float16)
    if kind is Kind.Q8_0:
        found: NDArray[Any] = gguf.quants.quantize(values, kind)
        return found
    return _by_ggml(np.ascontiguousarray(values, np.float32), kind)


def _by_ggml(values: NDArray[np.float32], kind: Any) -> NDArray[np.uint8]:
    size, block = gguf.GGML_QUANT_SIZES[kind][1], gguf.GGML_QUANT_SIZES[kind][0]
    rows, width = int(np.prod(values.shape[:-1])), values.shape[-1]
    out = np.empty((*values.shape[:-1], width // block * size), np.uint8)
    quantise = library().ggml_quantize_chunk
    quantise.restype = ctypes.c_size_t
    numbers = ctypes.c_int64
    quantise.argtypes = (
        *(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
        *(numbers, numbers, numbers, ctypes.c_void_p),
    )
    written = quantise(int(kind), values.ctypes.data, out.ctypes.data, 0, rows, width, None)
    if written != out.nbytes:
        raise ModelError("export.llama_stopped", problem=f"ggml_quantize_chunk {kind.name}")
    return out
