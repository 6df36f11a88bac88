"""llama.cpp's own C functions, out of the library that lies in the wheel of xllamacpp.

Structures are handed back as llama.cpp's own ``*_default_params`` made them, and only the first
fields of a context's are set, after a look that they are those meant: a later version that orders
them otherwise is refused, not misread.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from huohou.errors import ModelError

_LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_FIRST = (512, 2048, 512, 1)  # llama.cpp's n_ctx, n_batch, n_ubatch, n_seq_max


class _Params(ctypes.Structure):
    """Room for a structure of parameters: at least its own size, the rest unused."""

    _fields_ = (("fields", ctypes.c_uint32 * 256),)


class _Batch(ctypes.Structure):
    """llama_batch of llama.h."""

    _fields_ = (
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    )


# Nothing of llama.cpp's own between our lines.
_silent = _LOG(lambda _level, _text, _data: None)


def library() -> Any:
    """The shared library. Raises ModelError where it is not installed or has no C functions."""
    try:
        from xllamacpp import xllamacpp
    except ImportError as error:
        raise ModelError("export.no_llama", problem=error) from error
    found = ctypes.CDLL(str(xllamacpp.__file__))
    if not all(hasattr(found, name) for name in ("llama_decode", "ggml_quantize_chunk")):
        raise ModelError("export.no_llama", problem="llama_decode")
    return found


class Scorer:
    """A GGUF file that is asked for its scores. width: tokens of the longest text."""

    def __init__(self, path: Path, width: int, threads: int) -> None:
        self._lib = lib = library()
        lib.llama_log_set(_silent, None)
        for name in ("llama_model_default_params", "llama_context_default_params"):
            getattr(lib, name).restype = _Params
        lib.llama_model_load_from_file.restype = ctypes.c_void_p
        lib.llama_model_load_from_file.argtypes = (ctypes.c_char_p, _Params)
        lib.llama_init_from_model.restype = ctypes.c_void_p
        lib.llama_init_from_model.argtypes = (ctypes.c_void_p, _Params)
        for name in ("llama_model_get_vocab", "llama_get_memory"):
            getattr(lib, name).restype = ctypes.c_void_p
            getattr(lib, name).argtypes = (ctypes.c_void_p,)
        lib.llama_get_logits_ith.restype = ctypes.POINTER(ctypes.c_float)
        lib.llama_get_logits_ith.argtypes = (ctypes.c_void_p, ctypes.c_int32)
        lib.llama_decode.argtypes = (ctypes.c_void_p, _Batch)
        lib.llama_memory_clear.argtypes = (ctypes.c_void_p, ctypes.c_bool)
        lib.llama_vocab_n_tokens.argtypes = (ctypes.c_void_p,)
        lib.llama_set_n_threads.argtypes = (ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32)
        for name in ("llama_free", "llama_model_free"):
            getattr(lib, name).argtypes = (ctypes.c_void_p,)
        self._model = lib.llama_model_load_from_file(
            str(path).encode(), lib.llama_model_default_params()
        )
        if not self._model:
            raise ModelError("export.bad_gguf", path=path)
        self._context = lib.llama_init_from_model(self._model, self._sizes(width))
        if not self._context:
            raise ModelError("export.bad_gguf", path=path)
        lib.llama_set_n_threads(self._context, threads, threads)
        self.vocabulary = int(lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self._model)))

    def _sizes(self, width: int) -> _Params:
        made: _Params = self._lib.llama_context_default_params()
        if tuple(made.fields[:4]) != _FIRST:
            raise ModelError("export.no_llama", problem="llama_context_params")
        made.fields[0] = made.fields[1] = made.fields[2] = max(64, width)
        return made

    def scores(self, ids: Sequence[int], start: int) -> NDArray[np.float32]:
        """Logits [len(ids) - start, V]: row k is of what comes after ids[: start + k]."""
        lib, n = self._lib, len(ids)
        lib.llama_memory_clear(lib.llama_get_memory(self._context), False)
        one = (ctypes.c_int32 * 1)(0)
        rows = (ctypes.POINTER(ctypes.c_int32) * n)(
            *[ctypes.cast(one, ctypes.POINTER(ctypes.c_int32))] * n
        )
        wanted = (ctypes.c_int8 * n)(*(int(start - 1 <= k < n - 1) for k in range(n)))
        numbers = ctypes.c_int32 * n
        batch = _Batch(
            n, numbers(*ids), None, numbers(*range(n)), numbers(*([1] * n)), rows, wanted
        )
        if lib.llama_decode(self._context, batch) != 0:
            raise ModelError("export.llama_stopped", problem="llama_decode")
        found = np.empty((n - start, self.vocabulary), np.float32)
        for k in range(n - start):
            row = lib.llama_get_logits_ith(self._context, start - 1 + k)
            found[k] = np.ctypeslib.as_array(row, (self.vocabulary,))
        return found

    def stops(self) -> list[int]:
        """Ids at which llama.cpp ends an answer to this file."""
        lib = self._lib
        lib.llama_vocab_is_eog.argtypes = (ctypes.c_void_p, ctypes.c_int32)
        lib.llama_vocab_is_eog.restype = ctypes.c_bool
        words = lib.llama_model_get_vocab(self._model)
        return [i for i in range(self.vocabulary) if lib.llama_vocab_is_eog(words, i)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lib.llama_free(self._context)
        self._lib.llama_model_free(self._model)
