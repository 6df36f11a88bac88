"""A sentence encoder small enough to make in a test: a random BERT and a WordPiece tokenizer.

``tiny_encoder_folder(path)`` saves both as a hub would, without any file of sentence-transformers:
``load_encoder(str(path))`` takes the mean of its token states.
"""

from functools import cache
from pathlib import Path
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Written down: what a WordPiece trainer learns differs from process to process.
PIECES = """
! ( ) , . 0 1 2 3 4 5 6 7 8 9 ? _ a b c d e f g h i j k l m n o p q r s t u v w x y z ##e ##a ##d
##o ##c ##k ##s ##n ##t ##u ##r ##h ##z ##y ##x ##l ##f ##p ##i ##m ##g ##v ##w ##b th ##er ##es
##ad ##oc ##ue ##um the an li re ##de ##ode ##code ##so ##ps ##ock ##umps af ab br by de do dumps
en fo fi in it jso jumps la lo lock num on of op ov pa pr pl qu que so st sock va ##en ##et ##ead
##ac ##ot ##ow ##ck ##se ##st ##ng ##nes ##te ##tu ##ter ##tes ##ute ##rn ##rt ##ri ##read ##rse
##her ##zy ##le ##lue ##lute ##ick ##ber thread ##ess ##ads ##ocess and anot list lines read retu
##solute after absolute brow bytes decode dog encode fox file its json lazy loads number one open
over parse process plac quick queue sort stri socket value another return brown place string
"""


@cache
def _tokenizer() -> str:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    numbers = {piece: i for i, piece in enumerate((*SPECIAL, *PIECES.split()))}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(token, numbers[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    return str(tokenizer.to_str())


def tiny_text_tokenizer() -> Any:
    """191 tokens, small letters; texts are cut at 64 tokens."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_tokenizer()),
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
