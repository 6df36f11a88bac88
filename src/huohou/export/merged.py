"""One model: the adapter merged into the base, as transformers and vLLM load it."""

from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from huohou.export.files import write_generation, write_tokenizer
from huohou.export.merging import merge, overflowing
from huohou.export.proving.folder import side
from huohou.export.proving.sides import Seen, Side, Wanted
from huohou.export.targets import Making, Target, targets

SHARD = "2GB"


def make(making: Making) -> tuple[Side, ...]:
    """Merge in float32, keep in the form asked for, serve what was written."""
    import torch

    making.progress("merging", 0, 1)
    model = merge(making.models)
    dtype = getattr(torch, making.form)
    lost = overflowing(model.state_dict(), dtype)
    if lost:
        return (Side("merged", making.form, lambda wanted: _lost(making, wanted, lost)),)
    with redirect_stderr(StringIO()):  # its bar cannot be switched off
        model.to(dtype).save_pretrained(making.folder, max_shard_size=SHARD)
    for path in making.folder.glob("*.safetensors"):
        path.chmod(0o644)  # safetensors writes 0600: a release is to be read by others
    write_tokenizer(making.models, making.folder)
    write_generation(making.models, making.folder)
    return (merged_side(making.folder, making.form),)


def merged_side(folder: Path, form: str) -> Side:
    """A merged model's folder as it is served."""

    def load() -> tuple[Any, list[str]]:
        import torch
        from transformers import AutoModelForCausalLM

        from huohou.models.loading import from_files

        model, lacking = from_files(
            AutoModelForCausalLM, folder, str(folder), dtype=getattr(torch, form)
        )
        # Arithmetic in float32 shows what was stored, not what this machine rounds.
        return model.float().eval(), lacking

    return side("merged", form, folder, load)


def _lost(making: Making, wanted: Wanted, lost: list[str]) -> Seen:
    """Weights that cannot be kept are said at once: there is nothing to be served."""
    from huohou.export.proving.folder import rendered

    tokenizer = making.models.tokenizer
    prompts = [rendered(tokenizer, one.messages) for one in wanted.asked]
    return Seen(prompts, stops=tokenizer.end_of_turn, lacking=lost)


targets.register("merged")(Target(("float32", "float16", "bfloat16"), make))
