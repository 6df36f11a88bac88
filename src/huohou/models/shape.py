"""Sizes of a model and its adapter, counted without loading a weight."""

from huohou.models.adapter import with_lora
from huohou.models.names import resolve


def load_shape(name: str, rank: int, targets: str) -> dict[str, int]:
    """Parameters and widths of a model with a LoRA adapter of that rank.

    Built on torch's meta device, where tensors have sizes but no memory. Keys: total, layers
    (parameters outside embeddings and head), trainable, depth, hidden, inner, vocabulary, stored
    (bytes of the weight files).
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = resolve(name).folder
    config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    total = sum(p.numel() for p in model.parameters())
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    outside = {end.weight for end in ends if end is not None}  # one where they are tied
    tuned = with_lora(model, rank, targets=targets)
    return {
        "total": total,
        "layers": total - sum(p.numel() for p in outside),
        "trainable": sum(p.numel() for p in tuned.parameters() if p.requires_grad),
        "depth": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "inner": config.intermediate_size,
        "vocabulary": config.vocab_size,
        "stored": sum(file.stat().st_size for file in folder.glob("*.safetensors")),
    }
