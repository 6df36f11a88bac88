"""A byte-level BPE tokenizer as llama.cpp reads it: tokens, merges, pre-tokenizer, special ones."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gguf

from huohou.errors import ModelError
from huohou.models import ChatTokenizer

# The regular expressions by which these families cut text, a piece that no other has.
SPLITS = {
    r"\p{N}{1,3}": "llama-bpe",
    r"|\p{N}| ": "qwen2",
}


def write_vocabulary(
    writer: Any, tokenizer: ChatTokenizer, width: int, end: int | None = None
) -> None:
    """Add a tokenizer to a GGUF file.

    width: rows of the embedding, those without a token of their own named as unused; end: the
    token that ends an answer, by default the one that the chat template ends it with. Raises
    ModelError for a tokenizer that llama.cpp would not cut as this one does.
    """
    backend = json.loads(tokenizer.hf.backend_tokenizer.to_str())
    model = backend["model"]
    if model.get("type") != "BPE" or model.get("byte_fallback") or not _byte_level(backend):
        raise ModelError("export.gguf_tokenizer", name=tokenizer.name, kind=model.get("type"))
    tokens, types = _tokens(tokenizer, model["vocab"], width)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer(backend, tokenizer.name))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    pairs = (one.split(" ") if isinstance(one, str) else one for one in model["merges"])
    writer.add_token_merges([" ".join(pair) for pair in pairs])
    writer.add_add_space_prefix(False)
    # The chat template writes all there is to a prompt, a BOS included: another is one too many.
    writer.add_add_bos_token(False)
    _special(writer, tokenizer, end)
    if tokenizer.hf.chat_template:
        writer.add_chat_template(tokenizer.hf.chat_template)


def _special(writer: Any, tokenizer: ChatTokenizer, end: int | None) -> None:
    hf = tokenizer.hf
    closing = tokenizer.closing if end is None else end
    last = closing if closing is not None else hf.eos_token_id
    if last is not None:
        writer.add_eos_token_id(last)
        writer.add_eot_token_id(last)
    for add, known in (
        (writer.add_bos_token_id, hf.bos_token_id),
        (writer.add_unk_token_id, hf.unk_token_id),
        (writer.add_pad_token_id, hf.pad_token_id),
    ):
        if known is not None:
            add(known)


def _tokens(
    tokenizer: ChatTokenizer, vocabulary: Mapping[str, int], width: int
) -> tuple[list[str], list[int]]:
    """Text and kind of each row of the embedding."""
    tokens = [f"[PAD{i}]" for i in range(width)]
    types = [int(gguf.TokenType.UNUSED)] * width
    for text, i in vocabulary.items():
        if i < width:
            tokens[i], types[i] = text, int(gguf.TokenType.NORMAL)
    for i, added in tokenizer.hf.added_tokens_decoder.items():
        kind = gguf.TokenType.CONTROL if added.special else gguf.TokenType.USER_DEFINED
        if i < width:
            tokens[i], types[i] = added.content, int(kind)
    return tokens, types


def pre_tokenizer(backend: Mapping[str, Any], name: str) -> str:
    """llama.cpp's name of how a tokenizer cuts text before it merges.

    Raises ModelError for one that it has no name for here.
    """
    steps = _steps(backend.get("pre_tokenizer"))
    patterns = [str(step.get("pattern", {}).get("Regex", "")) for step in steps]
    for piece, known in SPLITS.items():
        if any(piece in pattern for pattern in patterns):
            return known
    kinds = [step["type"] for step in steps]
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if kinds == ["ByteLevel"]:
        return "gpt-2"
    raise ModelError("export.gguf_cut", name=name, kind=", ".join(kinds) or "-")


def _byte_level(backend: Mapping[str, Any]) -> bool:
    return any(step["type"] == "ByteLevel" for step in _steps(backend.get("pre_tokenizer")))


def _steps(pre: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    if pre is None:
        return ()
    return list(pre["pretokenizers"]) if pre["type"] == "Sequence" else [pre]
