"""Qwen2.5, Qwen3 and Llama, small and taught, with their own templates, cuts and positions."""

from pathlib import Path
from typing import Any

import pytest
import torch
from qwen import LLAMA3_CUT, QWEN_CUT, TEMPLATE, cutting_tokenizer

from huohou.diagnose.serving import judge
from huohou.errors import ModelError
from huohou.export.gguf import FORMS
from huohou.export.ggufs.write import write_gguf
from huohou.export.merging import merge, on_base, weights_of
from huohou.export.probe import Served, probe
from huohou.models import ChatTokenizer, load_model
from scored_job import TAUGHT
from tiny import CHATML, CORPUS, tiny_adapter

pytestmark = pytest.mark.slow  # llama.cpp is started anew for each
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 128,
}


def _config(kind: str, vocabulary: int) -> Any:
    from transformers import LlamaConfig, Qwen2Config, Qwen3Config

    sizes = SIZES | {"vocab_size": vocabulary}
    if kind == "qwen2.5":  # Qwen2.5-0.5B-Instruct's own settings, its sizes made small
        rope = {"rope_type": "default", "rope_theta": 1_000_000.0}
        return Qwen2Config(
            **sizes, rope_parameters=rope, rms_norm_eps=1e-6, tie_word_embeddings=True
        )
    if kind == "qwen3":
        rope = {"rope_type": "default", "rope_theta": 1_000_000.0}
        return Qwen3Config(**sizes, rope_parameters=rope, head_dim=32, tie_word_embeddings=True)
    return LlamaConfig(**sizes, rope_parameters=LLAMA3, tie_word_embeddings=False)


@pytest.fixture(scope="module", params=["qwen2.5", "qwen3", "llama3"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base and adapter of a family; more rows in the embedding than tokens, as Qwen has."""
    from transformers import AutoModelForCausalLM

    kind = request.param
    place = tmp_path_factory.mktemp(kind.replace(".", ""))
    cut, template = (LLAMA3_CUT, CHATML) if kind == "llama3" else (QWEN_CUT, TEMPLATE)
    hf = cutting_tokenizer(cut, template, CORPUS)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(_config(kind, len(hf) + 28))
        for name, values in model.named_parameters():  # biases and norms that do something
            if values.ndim == 1:
                values.data += 0.1 * torch.randn_like(values)
            assert name
    model.save_pretrained(place / "base")
    hf.save_pretrained(place / "base")
    tiny_adapter(model, TAUGHT, place / "adapter", steps=100, hf=hf)
    return place


def test_merged_and_gguf_are_the_trained_model(place: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    hf = AutoTokenizer.from_pretrained(place / "base")
    whole = on_base(load_model(str(place / "base")), place / "adapter").merge_and_unload()
    whole.save_pretrained(tmp_path / "merged")
    hf.save_pretrained(tmp_path / "merged")
    for form in FORMS:
        path = tmp_path / f"{form}.gguf"
        tokenizer = ChatTokenizer(hf, "tiny")
        write_gguf(path, whole.config, weights_of(whole), tokenizer, form=form, name="tiny")
        seen = probe(
            str(place / "base"),
            place / "adapter",
            Served(tmp_path / "merged" if form == "f16" else None, path),
            TAUGHT,
            lambda _what, _done, _of: None,
        )
        assert judge(seen) == [], form
        assert all(side["prompts"]["asked"] == 8 for side in seen["sides"])
        assert seen["trained"]["stopped"] >= 5, "taught to stop"


def test_a_family_that_is_not_written(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=32, n_head=2, vocab_size=300))
    tokenizer = ChatTokenizer(cutting_tokenizer(QWEN_CUT, TEMPLATE, CORPUS), "tiny")
    weights = {"model.embed_tokens.weight": torch.zeros(300, 32)}
    with pytest.raises(ModelError, match="gpt2"):
        write_gguf(tmp_path / "x", model.config, weights, tokenizer, form="f16", name="tiny")
    assert merge and not (tmp_path / "x").exists()


def test_a_cut_that_llama_cpp_has_no_name_for(tmp_path: Path) -> None:
    odd = ChatTokenizer(cutting_tokenizer(r"\d+|\D+", TEMPLATE, CORPUS), "tiny")
    weights = {"model.embed_tokens.weight": torch.zeros(420, 64)}
    with pytest.raises(ModelError, match="cuts text"):
        write_gguf(tmp_path / "x", _config("qwen2.5", 420), weights, odd, form="f16", name="tiny")
