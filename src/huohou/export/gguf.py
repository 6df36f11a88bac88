"""One GGUF file for llama.cpp and what is built on it."""

from huohou.export.ggufs.write import write_gguf
from huohou.export.llama.side import gguf_side
from huohou.export.merging import merge, overflowing, weights_of
from huohou.export.proving.folder import rendered
from huohou.export.proving.sides import Seen, Side, Wanted
from huohou.export.targets import Making, Target, targets

FORMS = ("f16", "q8_0", "q4_k_m")


def make(making: Making) -> tuple[Side, ...]:
    """Merge in float32, write the file, serve it through llama.cpp."""
    import torch

    making.progress("merging", 0, 1)
    model = merge(making.models)
    weights = weights_of(model)
    lost = overflowing(weights, torch.float16)
    if lost:
        return (Side("gguf", making.form, lambda wanted: _lost(making, wanted, lost)),)
    path = making.folder / f"{making.name}-{making.form}.gguf"
    write_gguf(
        path,
        model.config,
        weights,
        making.models.tokenizer,
        form=making.form,
        name=making.name,
        progress=lambda done, of: making.progress("writing", done, of),
    )
    return (gguf_side(path, making.form),)


def _lost(making: Making, wanted: Wanted, lost: list[str]) -> Seen:
    prompts = [rendered(making.models.tokenizer, one.messages) for one in wanted.asked]
    return Seen(prompts, stops=making.models.tokenizer.end_of_turn, lacking=lost)


targets.register("gguf")(Target(FORMS, make))
