"""Answers of a batch are the answers one at a time: ragged lengths, shared beginnings, adapters."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.dataset import Message
from huohou.models import ChatTokenizer
from huohou.probe.answers import Answer
from huohou.probe.generate import answer, collate, common_length
from tiny import tiny_llama, tiny_tokenizer

SYSTEM = Message("system", "You answer questions about bank codes. Answer with the code alone.")
QUESTIONS = (
    "hi",
    "大悟农商行兴发支行",
    "What is the code of the Daming branch in Beijing?",
    "x " * 30,
)


def _tokenizer() -> ChatTokenizer:
    return ChatTokenizer(tiny_tokenizer(), "tiny")


def _conversations(system: bool) -> list[list[Message]]:
    start = [SYSTEM] if system else []
    return [[*start, Message("user", question)] for question in QUESTIONS]


def _adapted(model: Any, seed: int = 1) -> Any:
    """The model with a LoRA adapter that changes what it says."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    peft = get_peft_model(model, LoraConfig(r=4, lora_alpha=16, target_modules="all-linear"))
    for name, weights in peft.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.3)
    return peft.eval()


def _alone(model: Any, conversations: Sequence[Sequence[Message]]) -> list[Answer]:
    """Token by token without cache, padding or generate: nothing in common with what is tested."""
    tokenizer = _tokenizer()
    found = []
    for conversation in conversations:
        ids = tokenizer.encode_chat(conversation, add_generation_prompt=True)
        start = len(ids)
        while len(ids) < start + 12 and not (len(ids) > start and ids[-1] in tokenizer.end_of_turn):
            with torch.no_grad():
                ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        stopped = ids[-1] in tokenizer.end_of_turn
        found.append(
            Answer(
                tokenizer.decode(ids[start : -1 if stopped else None]),
                len(ids) - start,
                0.0,
                stopped,
            )
        )
    return found


def _same(found: list[Answer], wanted: list[Answer]) -> None:
    assert [(a.text, a.tokens, a.stopped) for a in found] == [
        (a.text, a.tokens, a.stopped) for a in wanted
    ]


@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("rows", [1, 3, 16])
def test_a_batch_answers_as_one_at_a_time(system: bool, share: bool, rows: int) -> None:
    model, conversations = tiny_llama(spread=0.2), _conversations(system)
    found = answer(
        model, _tokenizer(), conversations, max_new_tokens=12, batch_rows=rows, share=share
    )
    _same(found, _alone(model, conversations))
    assert len({a.text for a in found}) == len(QUESTIONS)  # else order would prove nothing


def test_with_an_adapter_and_without_from_one_model() -> None:
    model, conversations = _adapted(tiny_llama(spread=0.2)), _conversations(True)
    tuned = answer(model, _tokenizer(), conversations, max_new_tokens=12)
    with model.disable_adapter():
        base = answer(model, _tokenizer(), conversations, max_new_tokens=12)
        _same(base, _alone(model, conversations))
    _same(tuned, _alone(model, conversations))
    _same(base, _alone(tiny_llama(spread=0.2), conversations))
    assert [a.text for a in tuned] != [a.text for a in base]


def test_it_stops_at_the_end_of_turn_and_says_so() -> None:
    model = tiny_llama(3, spread=0.2)
    with torch.no_grad():  # tied to the head: the end of turn becomes likely now and then
        model.get_input_embeddings().weight[2] *= 2
    found = answer(model, _tokenizer(), _conversations(True), max_new_tokens=12)
    _same(found, _alone(model, _conversations(True)))
    assert {a.stopped for a in found} == {True, False}
    assert all("<|im_end|>" not in a.text and a.tokens <= 12 for a in found)


def test_what_a_model_brings_for_sampling_is_set_aside_and_put_back() -> None:
    model = tiny_llama(spread=0.2)
    plain = answer(model, _tokenizer(), _conversations(True), max_new_tokens=12)
    brought = model.generation_config
    brought.do_sample, brought.temperature, brought.repetition_penalty = True, 5.0, 1.5
    again = answer(model.train(), _tokenizer(), _conversations(True), max_new_tokens=12)
    _same(again, plain)
    assert model.generation_config is brought
    assert model.training


def test_a_sliding_window_gets_whole_rows() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=400, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, sliding_window=16, initializer_range=0.2,
        eos_token_id=2, bos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval()
    _same(
        answer(model, _tokenizer(), _conversations(True), max_new_tokens=12),
        _alone(model, _conversations(True)),
    )


def test_progress_counts_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    answer(
        tiny_llama(), _tokenizer(), _conversations(False), max_new_tokens=2, batch_rows=3,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(3, 4), (4, 4)]


def test_no_questions_no_answers() -> None:
    assert answer(tiny_llama(), _tokenizer(), [], max_new_tokens=2) == []


prompts = st.lists(st.lists(st.integers(5, 8), min_size=1, max_size=14), min_size=1, max_size=5)


@given(st.lists(st.integers(5, 8), max_size=10), prompts)
def test_a_batch_holds_every_prompt_in_order(start: list[int], own: list[list[int]]) -> None:
    rows = [start + more for more in own]
    batch = collate(rows, padding=0)
    for row, ids, mask in zip(rows, batch.ids, batch.mask, strict=True):
        assert ids[mask.bool()].tolist() == row
        assert mask[-1] == 1 and (mask[: batch.shared] == 1).all()
        assert (ids[~mask.bool()] == 0).all()
    assert batch.shared in (0, common_length(rows))


@given(prompts)
def test_common_length_is_the_longest_that_leaves_each_something(rows: list[list[int]]) -> None:
    k = common_length(rows)
    assert len({tuple(row[:k]) for row in rows}) == 1
    longer = {tuple(row[: k + 1]) for row in rows}
    assert len(longer) > 1 or min(map(len, rows)) == k + 1
