"""A tokenizer and a language model small enough to make in a test: real classes, random weights.

``tiny_tokenizer()`` trains a byte-level BPE in process, so every text has ids and comes back as
it went in. ``tiny_llama_folder(path)`` saves model, tokenizer and chat template as a hub would.
"""

from functools import cache
from pathlib import Path
from typing import Any

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CORPUS = (
    "system\nuser\nassistant\n",
    "You answer questions about bank codes. Answer with the code alone.",
    "What is the bank code of the Daming branch in Beijing?",
    "402535510938 102100020794 001100011002 313164400027",
    "湖北大悟农村商业银行股份有限公司兴发支行的联行号是多少？",
    "工商银行北京市知春路支行联行号 大悟农商行兴发支行 不知道",
    "the quick brown fox jumps over the lazy dog 0 1 2 3 4 5 6 7 8 9",
)


@cache
def _trained() -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return str(tokenizer.to_str())


def tiny_tokenizer() -> Any:
    """A ``PreTrainedTokenizerFast``: about 400 tokens, ChatML, one token a digit.

    End of turn is ``<|im_end|>`` (eos); padding is ``<|endoftext|>``.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_trained()),
        eos_token="<|im_end|>",
        bos_token="<|im_start|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )


def tiny_llama(seed: int = 0, spread: float = 0.05, **changes: Any) -> Any:
    """A random Llama in float32, eval mode: hidden 64, 2 layers, 4 heads on 2 keys, tied head.

    spread: standard deviation of the weights (0.2 gives answers that differ from question to
    question, 0.02 nearly uniform ones); changes: of the LlamaConfig.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tiny_tokenizer()
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "initializer_range": spread,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(LlamaConfig(**(settings | changes))).eval()


def tiny_llama_folder(path: Path, seed: int = 0, spread: float = 0.05, **changes: Any) -> Path:
    """Save ``tiny_llama`` (safetensors) and ``tiny_tokenizer`` with its template; returns path."""
    tiny_llama(seed, spread, **changes).save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)
    return path
