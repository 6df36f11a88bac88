"""Shapes of the architectures: the name of each configuration and its settings for two layers."""

from typing import Any

HALF_TURNED = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}


def shape(arch: str, width: int, dropout: float, marks: tuple[int, int, int]) -> Any:
    """Class name of the configuration of an architecture, and what it is given.

    marks: numbers of padding, end and start.
    """
    pad, eos, bos = marks
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
                "pad_index": pad,
                "bos_index": bos,
                "eos_index": eos,
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
        "olmo": (
            "OlmoConfig",
            layers | wide | {"num_key_value_heads": 4, "attention_dropout": dropout},
        ),
        "openai-gpt": (
            "OpenAIGPTConfig",
            {"n_embd": width, "n_layer": 2, "n_head": 4, "n_positions": 128}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout},
        ),
        "cohere2": (
            "Cohere2Config",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout}
            | {"logit_scale": 1.0, "sliding_window": 64}
            | {"layer_types": ["sliding_attention", "full_attention"]},
        ),
        "seed-oss": (
            "SeedOssConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4}
            | {"attention_dropout": dropout, "residual_dropout": dropout},
        ),
        "hunyuan": (
            "HunYuanDenseV1Config",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout},
        ),
        "apertus": (
            "ApertusConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "attention_dropout": dropout}
            | {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}},
        ),
        "ernie4-5": (
            "Ernie4_5Config",
            layers | wide | {"num_key_value_heads": 2, "head_dim": width // 4},
        ),
        "ernie": ("ErnieConfig", layers | wide | drop),
        "data2vec-text": (
            "Data2VecTextConfig",
            layers | wide | drop | {"max_position_embeddings": 132},
        ),
        "camembert": (
            "CamembertConfig",
            layers | wide | drop | {"max_position_embeddings": 132},
        ),
        "xlm-roberta-xl": (
            "XLMRobertaXLConfig",
            layers | wide | drop | {"max_position_embeddings": 132},
        ),
        "layoutlm": (
            "LayoutLMConfig",
            layers | wide | drop | {"max_2d_position_embeddings": 16},
        ),
        "olmo3": (
            "Olmo3Config",
            layers
            | wide
            | {"num_key_value_heads": 4, "attention_dropout": dropout, "sliding_window": 64}
            | {"layer_types": ["sliding_attention", "full_attention"]},
        ),
        "vaultgemma": (
            "VaultGemmaConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout}
            | {"query_pre_attn_scalar": width // 4, "sliding_window": 64},
        ),
        "jais2": (
            "Jais2Config",
            layers | wide | {"num_key_value_heads": 2, "attention_dropout": dropout},
        ),
        "nanochat": (
            "NanoChatConfig",
            layers | wide | {"num_key_value_heads": 2, "attention_dropout": dropout},
        ),
        "ctrl": (
            "CTRLConfig",
            {"n_embd": width, "n_layer": 2, "n_head": 4, "n_positions": 128, "dff": 2 * width}
            | {"resid_pdrop": dropout, "embd_pdrop": dropout},
        ),
        "gpt-neox-japanese": (
            "GPTNeoXJapaneseConfig",
            layers
            | {"intermediate_multiple_size": 2, "max_position_embeddings": 128}
            | {"hidden_dropout": dropout, "attention_dropout": dropout},
        ),
        "ministral": (
            "MinistralConfig",
            layers
            | wide
            | {"num_key_value_heads": 2, "head_dim": width // 4, "attention_dropout": dropout}
            | {"sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"]},
        ),
        "splinter": ("SplinterConfig", layers | wide | drop),
        "bert-generation": ("BertGenerationConfig", layers | wide | drop),
        "jina-v3": ("JinaEmbeddingsV3Config", layers | wide | drop),
        "flaubert": (
            "FlaubertConfig",
            {"emb_dim": width, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 128}
            | {"n_langs": 1, "dropout": dropout, "attention_dropout": dropout}
            | {"pad_index": pad, "bos_index": bos, "eos_index": eos},
        ),
        "luke": (
            "LukeConfig",
            layers
            | wide
            | drop
            | {"max_position_embeddings": 132, "entity_vocab_size": 8, "entity_emb_size": width},
        ),
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
            | {"reference_compile": False, "cls_token_id": bos, "sep_token_id": eos},
        ),
    }
    return every[arch]
