"""A tokenizer and a language model small enough to make in a test: real classes, random weights.

``tiny_tokenizer()`` trains a byte-level BPE in process, so every text has ids and comes back as
it went in. ``tiny_llama_folder(path)`` saves model, tokenizer and chat template as a hub would.
"""

import json
from collections.abc import Sequence
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


def tiny_adapter(
    model: Any,
    rows: Sequence[Any],
    folder: Path,
    steps: int = 70,
    hf: Any = None,
    ends: bool = True,
) -> None:
    """Teach the model these rows (huohou.data Rows) by heart in seconds and save the adapter.

    hf: its tokenizer where that is another one; ends: whether the ends of turns are taught.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    from huohou.data.labels import label_row
    from huohou.models import ChatTokenizer

    tokenizer = ChatTokenizer(hf or tiny_tokenizer(), "tiny")
    labelled = [label_row(row, tokenizer, 512) for row in rows]
    width = max(len(row.ids) for row in labelled)
    ids = torch.tensor([[*r.ids, *[0] * (width - len(r.ids))] for r in labelled])
    trained = torch.tensor([[*r.labels, *[False] * (width - len(r.ids))] for r in labelled])
    if not ends:
        trained &= ids != tokenizer.closing
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
        peft = get_peft_model(model, config)
    optimizer = torch.optim.AdamW([p for p in peft.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        peft(input_ids=ids, labels=ids.where(trained, -100)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    peft.save_pretrained(folder)


def tiny_job(folder: Path, rows: Sequence[Any], settings: Sequence[str] = (), **plan: Any) -> Path:
    """A finished job's folder: base model beside it, ``plan.json``, ``adapter/`` that knows rows.

    settings: ``key=value`` as after ``-s``; plan: other fields of the plan; rows are written to
    ``train.jsonl`` beside the job's folder.
    """
    from dataclasses import fields

    from huohou import config
    from huohou.data.fingerprint import fingerprint_rows
    from huohou.models import load_tokenizer
    from huohou.plan import Choice, DataPart, Plan, Prediction

    folder.mkdir(parents=True)
    base = tiny_llama_folder(folder.parent / "base", spread=0.2)
    train = folder.parent / "train.jsonl"
    train.write_text("".join(f"{json.dumps(row.as_dict())}\n" for row in rows), encoding="utf-8")
    part = DataPart(str(train), "messages", len(rows), 0, 0, fingerprint_rows(rows))
    flags = [f"model={base}", f"data.train={train}", *settings]
    made = Plan(
        name="tiny",
        recipe="sft",
        model=str(base),
        settings=config.load(flags=flags, environment={}).table(),
        train=part,
        eval=plan.pop("eval", None),
        device=Choice("cpu", "test"),
        dtype=Choice("float32", "test"),
        template=load_tokenizer(str(base)).fingerprint,
        prediction=Prediction(*(0 for _ in fields(Prediction))),
        **plan,
    )
    made.save(folder / "plan.json")
    tiny_adapter(tiny_llama(spread=0.2), rows, folder / "adapter")
    return folder
