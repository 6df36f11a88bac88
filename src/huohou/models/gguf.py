"""A GGUF file becomes a folder of safetensors, once, so that it loads quickly ever after."""

from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from huohou.models.library import quiet


def convert(gguf: Path, target: Path) -> None:
    """Dequantise a GGUF language model to float32 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet()
    place, file = str(gguf.parent), gguf.name
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=file)
    with redirect_stderr(StringIO()):  # its bar cannot be switched off
        model: Any = AutoModelForCausalLM.from_pretrained(
            place, gguf_file=file, dtype=torch.float32
        )
    # The weights are plain now; transformers still believes them quantised and refuses to save.
    model.hf_quantizer = None
    model.is_quantized = False
    for name in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(model.config, name):
            delattr(model.config, name)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    for path in target.glob("*.safetensors"):
        path.chmod(0o644)  # safetensors writes 0600: others who share the cache could not read it
