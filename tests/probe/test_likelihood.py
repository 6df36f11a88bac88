"""The likelihood of given answers: batches agree with one token after the other."""

import math

import pytest
import torch
from torch.nn import functional

from huohou.data.dataset import Message, Row
from huohou.models import ChatTokenizer
from huohou.probe import likelihood
from huohou.probe.likelihood import likelihoods
from tiny import tiny_llama, tiny_tokenizer

SYSTEM = Message("system", "You answer questions about bank codes.")
ANSWERS = ("402535510938", "大悟农商行兴发支行", "x", "the quick brown fox " * 5)


def _tokenizer() -> ChatTokenizer:
    return ChatTokenizer(tiny_tokenizer(), "tiny")


def _rows() -> list[Row]:
    questions = ("hi", "Which code has the Daming branch in Beijing?", "y " * 30, "z")
    return [
        Row((SYSTEM, Message("user", question), Message("assistant", answer)))
        for question, answer in zip(questions, ANSWERS, strict=True)
    ]


def _alone(row: Row) -> tuple[float, int]:
    """One row, all positions, no padding: nothing in common with what is tested."""
    tokenizer, model = _tokenizer(), tiny_llama(spread=0.2)
    start = len(tokenizer.encode_chat(row.messages[:-1], add_generation_prompt=True))
    ids = tokenizer.encode_chat(row.messages)
    end = max(i for i, token in enumerate(ids) if token in tokenizer.end_of_turn) + 1
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    losses = functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")
    return float(losses[start - 1 : end - 1].sum()), end - start


@pytest.mark.parametrize(("tokens", "positions"), [(4096, 512), (1, 1), (200, 60)])
def test_batches_agree_with_each_row_alone(
    tokens: int, positions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likelihood, "TOKENS", tokens)
    monkeypatch.setattr(likelihood, "POSITIONS", positions)
    seen: list[int] = []
    found = likelihoods(
        tiny_llama(spread=0.2), _tokenizer(), _rows(), lambda done, _: seen.append(done)
    )
    for one, row in zip(found, _rows(), strict=True):
        nats, count = _alone(row)
        assert one is not None and one.tokens == count
        assert one.nats == pytest.approx(nats, rel=1e-4)
    assert seen[-1] == len(_rows()) and (positions > 1 or len(seen) == len(_rows()))


def test_an_answer_that_is_not_there_has_no_likelihood() -> None:
    asked = Row((Message("user", "hi"),))
    empty = Row((Message("user", "hi"), Message("assistant", "")))
    found = likelihoods(tiny_llama(), _tokenizer(), [asked, _rows()[0], empty])
    assert found[0] is None and found[1] is not None and found[2] is None


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary() -> None:
    model = tiny_llama(spread=1e-6)
    found = likelihoods(model, _tokenizer(), _rows())
    nats, tokens = (sum(getattr(one, part) for one in found) for part in ("nats", "tokens"))
    assert math.exp(nats / tokens) == pytest.approx(model.config.vocab_size, rel=0.01)


def test_the_model_is_left_in_its_mode() -> None:
    model = tiny_llama().train()
    likelihoods(model, _tokenizer(), _rows()[:1])
    assert model.training
