"""A sentence encoder small enough to make in a test: a random BERT and a WordPiece tokenizer.

``tiny_encoder_folder(path)`` saves both as a hub would, without any file of sentence-transformers:
``load_encoder(str(path))`` takes the mean of its token states.
"""

from functools import cache
from pathlib import Path
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CORPUS = (
    "open a file and read its lines one after another",
    "the quick brown fox jumps over the lazy dog",
    "Return the absolute value of a number. Sort a list in place.",
    "json dumps loads parse encode decode string bytes socket thread process queue lock",
    "0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v w x y z . , ? ! _ ( )",
)


@cache
def _trained() -> str:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=220, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    return str(tokenizer.to_str())


def tiny_text_tokenizer() -> Any:
    """About 220 word pieces, small letters; texts are cut at 64 tokens."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_trained()),
        model_max_length=64,
        **dict(zip(names, SPECIAL, strict=True)),
    )


def tiny_bert(seed: int = 0, spread: float = 0.2, **changes: Any) -> Any:
    """A random BERT in float32, eval mode: hidden 32, 2 layers, 4 heads; vectors that differ.

    spread: standard deviation of the weights; changes: of the BertConfig.
    """
    import torch
    from transformers import BertConfig, BertModel

    settings: dict[str, Any] = {
        "vocab_size": len(tiny_text_tokenizer()),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "initializer_range": spread,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return BertModel(BertConfig(**(settings | changes))).eval()


def tiny_encoder_folder(path: Path, seed: int = 0, spread: float = 0.2, **changes: Any) -> Path:
    """Save ``tiny_bert`` (safetensors) and its tokenizer; returns path."""
    tiny_bert(seed, spread, **changes).save_pretrained(path)
    tiny_text_tokenizer().save_pretrained(path)
    return path
