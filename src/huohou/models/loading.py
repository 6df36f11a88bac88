"""A model by its name, ready to be trained or asked."""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.errors import ModelError
from huohou.models.library import first_line, quiet
from huohou.models.names import resolve
from huohou.models.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(
    name: str,
    dtype: str = "float32",
    device: str = "cpu",
    *,
    four_bit: bool = False,
    progress: Progress | None = None,
) -> "PreTrainedModel":
    """A causal language model.

    dtype: ``float32`` or ``bfloat16``; four_bit: base weights in 4 bits (CUDA, bitsandbytes).
    Only safetensors are read and no code of the model's is run. Raises ModelError.
    """
    import torch
    from transformers import AutoModelForCausalLM

    folder = resolve(name, progress).folder
    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "attn_implementation": "sdpa"}
    if four_bit:
        options["quantization_config"] = _four_bits(options["dtype"])
        options["device_map"] = {"": device}
    model, missing = from_files(AutoModelForCausalLM, folder, name, **options)
    refuse_missing(name, missing)
    loaded: PreTrainedModel = model if four_bit else model.to(device)
    return loaded


def from_files(loader: Any, folder: Path, name: str, **options: Any) -> tuple[Any, list[str]]:
    """A model of a loader's kind, and the names of weights that its files lack or shape otherwise.

    Only safetensors are read and no code of the model's is run. Raises ModelError.
    """
    from safetensors import SafetensorError

    quiet()
    try:
        model, report = loader.from_pretrained(
            str(folder),
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported instead
            **options,
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        code = "trust_remote_code" in str(error)
        key = "models.needs_code" if code else "models.cannot_load"
        raise ModelError(key, name=name, problem=first_line(error)) from error
    return model, [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]


def refuse_missing(name: str, missing: Collection[str]) -> None:
    """transformers fills up with random numbers and goes on; that is no model."""
    if missing:
        example = sorted(missing)[0]
        raise ModelError("models.weights_missing", name=name, count=len(missing), example=example)


def _four_bits(compute: Any) -> Any:
    import transformers

    if find_spec("bitsandbytes") is None:
        raise ModelError("models.no_bitsandbytes")
    config: Any = transformers.BitsAndBytesConfig
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
