"""A model by its name, ready to be trained or asked."""

from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.errors import ModelError, first_line
from huohou.models.library import quiet
from huohou.models.names import resolve
from huohou.models.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What transformers says of a model that PyTorch's fused attention cannot compute.
NO_SDPA = "through torch.nn.functional.scaled_dot_product_attention"


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
    options: dict[str, Any] = {"dtype": getattr(torch, dtype)}
    if four_bit:
        options["quantization_config"] = _four_bits(options["dtype"])
        options["device_map"] = {"": device}
    model, missing = from_files(AutoModelForCausalLM, folder, name, **options)
    refuse_missing(name, missing)
    loaded: PreTrainedModel = model if four_bit else model.to(device)
    return loaded


def load_hollow(name: str, dtype: str = "float32") -> "PreTrainedModel":
    """A causal language model of the same shape without memory for its weights: they are on the
    ``meta`` device, buffers on the CPU. Raises ModelError."""
    import torch
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = resolve(name).folder
    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "trust_remote_code": False}
    config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    quiet()
    with init_empty_weights(include_buffers=False):
        try:
            made = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", **options)
        except ValueError as error:
            if NO_SDPA not in str(error):
                raise ModelError(
                    "models.cannot_load", name=name, problem=first_line(error)
                ) from error
            made = AutoModelForCausalLM.from_config(config, attn_implementation="eager", **options)
    made.tie_weights()  # what shares a weight has two on that device
    hollow: PreTrainedModel = made
    return hollow


def from_files(loader: Any, folder: Path, name: str, **options: Any) -> tuple[Any, list[str]]:
    """A model of a loader's kind, and the names of weights that its files lack or shape otherwise.

    Only safetensors are read and no code of the model's is run; its attention is PyTorch's fused
    one, or plain matrix products for kinds of models that it cannot compute (Gemma 2). Raises
    ModelError.
    """
    from safetensors import SafetensorError

    quiet()
    try:
        try:
            model, report = _loaded(loader, folder, "sdpa", options)
        except ValueError as error:
            if NO_SDPA not in str(error):
                raise
            model, report = _loaded(loader, folder, "eager", options)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        code = "trust_remote_code" in str(error)
        key = "models.needs_code" if code else "models.cannot_load"
        raise ModelError(key, name=name, problem=first_line(error)) from error
    return model, [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]


def _loaded(loader: Any, folder: Path, attention: str, options: Mapping[str, Any]) -> Any:
    return loader.from_pretrained(
        str(folder),
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # reported instead
        attn_implementation=attention,
        **options,
    )


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
