"""Tokenizers and base models: made from the world's text in some seconds, kept in a cache folder.

The cache is ``$FAULTBENCH_CACHE`` or a folder in the system's temporary one; deleting it costs
only the time to make it again, with the same weights on the same machine.
"""

import os
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench.words import ASK, CONCEPTS, OPENERS, SLOTS, text, world

LM = {
    "dev": ("llama", "gpt2"),
    "test": ("qwen2", "gpt-neox", "opt"),
    "test2": ("gemma", "olmo2", "phi", "stablelm"),
    "test3": ("qwen3", "granite", "gptj", "starcoder2", "falcon"),
    "test4": ("mpt", "gemma2", "smollm3", "gpt-bigcode", "persimmon", "glm"),
    "test5": ("bloom", "cohere", "codegen", "gpt-neo", "nemotron", "phi3", "exaone4"),
    "test6": ("mistral", "gemma3", "biogpt", "xglm", "helium", "arcee", "glm4"),
}
EMBEDDING = {
    "dev": ("bert", "distilbert"),
    "test": ("mpnet", "roberta", "modernbert"),
    "test2": ("albert", "electra", "roformer"),
    "test3": ("convbert", "nystromformer", "mobilebert", "nomic-bert"),
    "test4": ("deberta-v2", "xlnet", "esm", "rembert"),
    "test5": ("big-bird", "xlm", "roberta-prelayernorm", "xmod", "eurobert"),
    "test6": ("xlm-roberta", "deberta", "megatron-bert", "funnel", "gte"),
}
VARIANTS = {0: (64, 320), 1: (64, 560), 2: (80, 900)}  # hidden width, vocabulary
PAD, EOS, BOS = 0, 1, 2
# have no other attention
EAGER = (
    "mpnet",
    "roformer",
    "gptj",
    "convbert",
    "nystromformer",
    "mpt",
    "gemma2",
    "deberta-v2",
    "xlnet",
    "rembert",
    "bloom",
    "codegen",
    "gpt-neo",
    "big-bird",
    "xlm",
    "deberta",
    "funnel",
    "xglm",
    "megatron-bert",
)
HALF_TURNED = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>")
PRETRAIN = {"lm": 260, "embedding": 90}  # updates


@cache
def tokenizer(variant: int) -> Any:
    """A token a word, digits one by one: the words of the variant's world and names beside them."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    here = world(variant)
    words = {w: None for line in text(variant) for w in line.split() if not w.isdigit()}
    names = [
        *here.banks,
        *here.cities,
        *(w for slot in here.surface for pair in slot for w in pair),
    ]
    asked = [w for line in ASK for w in line.split() if "{" not in w]
    known = [*words, *names, *asked, *OPENERS, "desk", "find", "the", "of", "likes"]
    extra = (f"name{k}" for k in range(VARIANTS[variant][1]))
    every = dict.fromkeys([*SPECIAL, *"0123456789", *known])
    while len(every) < VARIANTS[variant][1]:
        every[next(extra)] = None
    made = Tokenizer(models.WordLevel({w: k for k, w in enumerate(every)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(individual_digits=True)]
    )
    return made


def config(arch: str, variant: int, dropout: float = 0.0) -> Any:
    """Configuration of two layers of an architecture."""
    import transformers

    width = VARIANTS[variant][0]
    common = {
        "vocab_size": tokenizer(variant).get_vocab_size(),
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "bos_token_id": BOS,
    }
    layers = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": width}
    wide = {"intermediate_size": 2 * width, "max_position_embeddings": 128}
    drop = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    every: dict[str, tuple[str, dict[str, Any]]] = {
        "llama": ("LlamaConfig", layers | wide | {"num_key_value_heads": 2}),
        "qwen2": ("Qwen2Config", layers | wide | {"num_key_value_heads": 2}),
        "gpt2": (
            "GPT2Config",
            {"n_embd": width, "n_layer": 2, "n_head": 4, "n_positions": 128}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout},
        ),
        "gpt-neox": (
            "GPTNeoXConfig",
            layers | wide | {"hidden_dropout": dropout, "attention_dropout": dropout},
        ),
        "opt": (
            "OPTConfig",
            layers
            | {"ffn_dim": 2 * width, "word_embed_proj_dim": width, "max_position_embeddings": 128}
            | {"dropout": dropout, "attention_dropout": dropout},
        ),
        "gemma": (
            "GemmaConfig",
            layers | wide | {"num_key_value_heads": 1, "head_dim": width // 4},
        ),
        "olmo2": ("Olmo2Config", layers | wide | {"num_key_value_heads": 4}),
        "phi": (
            "PhiConfig",
            layers
            | wide
            | {"num_key_value_heads": 4}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout, "attention_dropout": dropout},
        ),
        "stablelm": (
            "StableLmConfig",
            layers
            | wide
            | {"num_key_value_heads": 4, "hidden_dropout": dropout}
            | {"attention_dropout": dropout, "rope_parameters": HALF_TURNED},
        ),
        "qwen3": (
            "Qwen3Config",
            layers | wide | {"num_key_value_heads": 2, "head_dim": width // 4},
        ),
        "granite": (
            "GraniteConfig",
            layers | wide | {"num_key_value_heads": 2, "attention_dropout": dropout},
        ),
        "gptj": (
            "GPTJConfig",
            {"n_embd": width, "n_layer": 2, "n_head": 4, "n_positions": 128, "n_inner": 2 * width}
            | {"rotary_dim": width // 8}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout},
        ),
        "starcoder2": (
            "Starcoder2Config",
            layers
            | wide
            | {"num_key_value_heads": 2, "residual_dropout": dropout}
            | {"embedding_dropout": dropout, "attention_dropout": dropout},
        ),
        "falcon": (
            "FalconConfig",
            layers
            | {"hidden_dropout": dropout, "attention_dropout": dropout}
            | {"max_position_embeddings": 128, "ffn_hidden_size": 2 * width},
        ),
        "convbert": (
            "ConvBertConfig",
            layers
            | wide
            | drop
            | {"embedding_size": width, "head_ratio": 2, "conv_kernel_size": 5},
        ),
        "nystromformer": (
            "NystromformerConfig",
            layers | wide | drop | {"num_landmarks": 4, "segment_means_seq_len": 4},
        ),
        "mobilebert": (
            "MobileBertConfig",
            layers
            | wide
            | drop
            | {"embedding_size": width, "intra_bottleneck_size": width, "use_bottleneck": False}
            | {"trigram_input": False, "num_feedforward_networks": 1},
        ),
        "nomic-bert": ("NomicBertConfig", layers | wide | drop),
        "mpt": (
            "MptConfig",
            {"d_model": width, "n_layers": 2, "n_heads": 4, "max_seq_len": 128}
            | {"expansion_ratio": 2, "resid_pdrop": dropout, "emb_pdrop": dropout},
        ),
        "gemma2": (
            "Gemma2Config",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout}
            | {"query_pre_attn_scalar": width // 4, "sliding_window": 64},
        ),
        "smollm3": (
            "SmolLM3Config",
            layers
            | wide
            | {"num_key_value_heads": 2, "attention_dropout": dropout}
            | {"no_rope_layer_interval": 2},
        ),
        "gpt-bigcode": (
            "GPTBigCodeConfig",
            {"n_embd": width, "n_layer": 2, "n_head": 4, "n_positions": 128, "n_inner": 2 * width}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout},
        ),
        "persimmon": (
            "PersimmonConfig",
            layers
            | wide
            | {"hidden_dropout": dropout, "attention_dropout": dropout}
            | {"rope_parameters": HALF_TURNED},
        ),
        "glm": (
            "GlmConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout}
            | {"rope_parameters": HALF_TURNED},
        ),
        "deberta-v2": (
            "DebertaV2Config",
            layers
            | wide
            | drop
            | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16}
            | {"max_relative_positions": 64, "position_biased_input": False},
        ),
        "xlnet": (
            "XLNetConfig",
            {"d_model": width, "n_layer": 2, "n_head": 4, "d_inner": 2 * width, "dropout": dropout},
        ),
        "esm": (
            "EsmConfig",
            layers
            | wide
            | drop
            | {"position_embedding_type": "rotary", "mask_token_id": 3, "token_dropout": False},
        ),
        "rembert": (
            "RemBertConfig",
            layers
            | wide
            | {"input_embedding_size": width, "output_embedding_size": width}
            | {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout},
        ),
        "bloom": (
            "BloomConfig",
            {"hidden_size": width, "n_layer": 2, "n_head": 4}
            | {"hidden_dropout": dropout, "attention_dropout": dropout},
        ),
        "cohere": (
            "CohereConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "attention_dropout": dropout, "logit_scale": 1.0},
        ),
        "codegen": (
            "CodeGenConfig",
            {"n_embd": width, "n_layer": 2, "n_head": 4, "n_positions": 128, "n_inner": 2 * width}
            | {"rotary_dim": width // 8, "n_ctx": 128}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout},
        ),
        "gpt-neo": (
            "GPTNeoConfig",
            {"hidden_size": width, "num_layers": 2, "num_heads": 4, "intermediate_size": 2 * width}
            | {"max_position_embeddings": 128, "window_size": 16}
            | {"attention_types": [[["global", "local"], 1]]}
            | {"resid_dropout": dropout, "embed_dropout": dropout, "attention_dropout": dropout},
        ),
        "nemotron": (
            "NemotronConfig",
            layers | wide | {"num_key_value_heads": 2, "attention_dropout": dropout},
        ),
        "phi3": (
            "Phi3Config",
            layers
            | wide
            | {"num_key_value_heads": 2, "original_max_position_embeddings": 128}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout, "attention_dropout": dropout},
        ),
        "exaone4": (
            "Exaone4Config",
            layers | wide | {"num_key_value_heads": 2, "sliding_window": 64},
        ),
        "roberta-prelayernorm": (
            "RobertaPreLayerNormConfig",
            layers | wide | drop | {"max_position_embeddings": 132},
        ),
        "xmod": (
            "XmodConfig",
            layers
            | wide
            | drop
            | {"max_position_embeddings": 132, "languages": ("en_XX",)}
            | {"default_language": "en_XX"},
        ),
        "big-bird": (
            "BigBirdConfig",
            layers | wide | drop | {"attention_type": "original_full"},
        ),
        "xlm": (
            "XLMConfig",
            {"emb_dim": width, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 128}
            | {
                "n_langs": 1,
                "dropout": dropout,
                "attention_dropout": dropout,
                "pad_index": PAD,
                "bos_index": BOS,
                "eos_index": EOS,
            },
        ),
        "eurobert": ("EuroBertConfig", layers | wide | {"num_key_value_heads": 2}),
        "mistral": (
            "MistralConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "attention_dropout": dropout, "sliding_window": 64},
        ),
        "gemma3": (
            "Gemma3TextConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout}
            | {"query_pre_attn_scalar": width // 4, "sliding_window": 64},
        ),
        "biogpt": (
            "BioGptConfig",
            layers | wide | drop | {"activation_dropout": 0.0, "layerdrop": 0.0},
        ),
        "xglm": (
            "XGLMConfig",
            {"d_model": width, "num_layers": 2, "attention_heads": 4, "ffn_dim": 2 * width}
            | {"max_position_embeddings": 128, "layerdrop": 0.0}
            | {"dropout": dropout, "attention_dropout": dropout},
        ),
        "helium": (
            "HeliumConfig",
            layers
            | wide
            | {"num_key_value_heads": 4, "head_dim": width // 4, "attention_dropout": dropout},
        ),
        "arcee": (
            "ArceeConfig",
            layers | wide | {"num_key_value_heads": 2, "attention_dropout": dropout},
        ),
        "glm4": (
            "Glm4Config",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout}
            | {"rope_parameters": HALF_TURNED},
        ),
        "xlm-roberta": (
            "XLMRobertaConfig",
            layers | wide | drop | {"max_position_embeddings": 132},
        ),
        "deberta": (
            "DebertaConfig",
            layers
            | wide
            | drop
            | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
            | {"max_relative_positions": 64, "position_biased_input": False},
        ),
        "megatron-bert": ("MegatronBertConfig", layers | wide | drop),
        "funnel": (
            "FunnelConfig",
            {"d_model": width, "n_head": 4, "d_head": width // 4, "d_inner": 2 * width}
            | {"block_sizes": [1, 1], "num_decoder_layers": 1}
            | {"architectures": ["FunnelModel"], "activation_dropout": 0.0}
            | {"hidden_dropout": dropout, "attention_dropout": dropout},
        ),
        "gte": ("GteConfig", layers | wide | drop),
        "albert": ("AlbertConfig", layers | wide | drop | {"embedding_size": width}),
        "electra": ("ElectraConfig", layers | wide | drop | {"embedding_size": width}),
        "roformer": ("RoFormerConfig", layers | wide | drop | {"embedding_size": width}),
        "bert": ("BertConfig", layers | wide | drop),
        "roberta": ("RobertaConfig", layers | wide | drop | {"max_position_embeddings": 132}),
        "mpnet": ("MPNetConfig", layers | wide | drop | {"max_position_embeddings": 132}),
        "distilbert": (
            "DistilBertConfig",
            {"dim": width, "n_layers": 2, "n_heads": 4, "hidden_dim": 2 * width}
            | {"max_position_embeddings": 128, "dropout": dropout, "attention_dropout": dropout},
        ),
        "modernbert": (
            "ModernBertConfig",
            layers
            | {"intermediate_size": 2 * width, "max_position_embeddings": 128}
            | {"embedding_dropout": dropout, "mlp_dropout": dropout, "attention_dropout": dropout}
            | {"reference_compile": False, "cls_token_id": BOS, "sep_token_id": EOS},
        ),
    }
    name, own = every[arch]
    return getattr(transformers, name)(**(common | own))


def family(arch: str) -> str:
    """lm or embedding."""
    return "lm" if any(arch in archs for archs in LM.values()) else "embedding"


def blank(arch: str, variant: int, dropout: float = 0.0) -> Any:
    """A model with random weights; the caller has set the seed."""
    import transformers

    kind = transformers.AutoModelForCausalLM if family(arch) == "lm" else transformers.AutoModel
    return kind.from_config(config(arch, variant, dropout), attn_implementation=attention(arch))


def attention(arch: str) -> str:
    """The implementation of attention that an architecture is computed with."""
    return "eager" if arch in EAGER else "sdpa"


def base(arch: str, variant: int, dropout: float = 0.0) -> Any:
    """The base model of an architecture and a variant: what a run starts from."""
    model = blank(arch, variant, dropout)
    model.load_state_dict(weights(arch, variant))
    return model


@cache
def weights(arch: str, variant: int) -> dict[str, Tensor]:
    """Weights of a base model; made once, then read from the cache."""
    from safetensors.torch import load_file, save_file

    place = cache_folder() / f"{arch}-{variant}-{PRETRAIN[family(arch)]}.safetensors"
    if not place.exists():
        with torch.random.fork_rng():  # a run that needs it goes on as if it had been there
            torch.manual_seed(1000 + variant)
            model = blank(arch, variant)
            (_read_text if family(arch) == "lm" else _tell_apart)(model, variant)
        state = {k: v.detach().clone().contiguous() for k, v in model.state_dict().items()}
        save_file(state, place)
    return load_file(place)


def cache_folder() -> Path:
    """Where base models are kept."""
    named = os.environ.get("FAULTBENCH_CACHE")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "faultbench-cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_text(model: Any, variant: int) -> None:
    """Pretraining of a language model: next token of the world's text."""
    lines = [[*tokenizer(variant).encode(line).ids, EOS] for line in text(variant)]
    ids = padded(lines, 0)
    chance = random.Random(f"pretrain:{variant}")
    labels = ids.where(ids != PAD, -100)

    def batch() -> Tensor:
        chosen = torch.tensor(chance.sample(range(len(lines)), 24))
        width = int((ids[chosen] != PAD).sum(1).max())
        few = ids[chosen, :width]
        logits = model(input_ids=few, attention_mask=(few != PAD).long()).logits
        return nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), labels[chosen, 1:width].flatten()
        )

    _fit(model, batch, PRETRAIN["lm"])


def _tell_apart(model: Any, variant: int) -> None:
    """Pretraining of an encoder: a document is near to itself with its words shuffled."""
    here, made = world(variant), tokenizer(variant)
    chance = random.Random(f"pretrain:{variant}")

    def batch() -> Tensor:
        picks = [tuple(chance.randrange(CONCEPTS) for _ in range(SLOTS)) for _ in range(24)]
        left = [made.encode(here.document(p)).ids for p in picks]
        right = []
        for p in picks:
            words = here.document(p).split()
            chance.shuffle(words)
            right.append(made.encode(" ".join(words)).ids)
        a, b = (embed(model, padded(side, PAD)) for side in (left, right))
        return nn.functional.cross_entropy(20 * a @ b.T, torch.arange(len(picks)))

    _fit(model, batch, PRETRAIN["embedding"])


def _fit(model: Any, batch: Any, updates: int) -> None:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, updates)
    for _ in range(updates):
        batch().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()


def padded(rows: list[list[int]], fill: int) -> Tensor:
    """Rows of ids to [N, L], filled up on the right."""
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])


def embed(model: Any, ids: Tensor) -> Tensor:
    """Mean of the last states over the tokens, of length 1: [N, width]."""
    mask = (ids != PAD).long()
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weight = mask[..., None].to(states.dtype)
    return nn.functional.normalize((states * weight).sum(1) / weight.sum(1).clamp(min=1), dim=-1)
