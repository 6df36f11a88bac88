"""An answer that is listened to is the answer; what is drawn by a seed is drawn again by it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.dataset import Message
from huohou.errors import ModelError
from huohou.models import ChatTokenizer
from huohou.probe.answers import Sampling
from huohou.probe.flow import Flow
from huohou.probe.generate import answer
from huohou.probe.speak import rendered, speak
from tiny import tiny_llama, tiny_tokenizer

QUESTIONS = ("hi", "大悟农商行兴发支行", "What is the code of the Daming branch in Beijing?")
TOKENS = 24


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return ChatTokenizer(tiny_tokenizer(), "tiny")


def _chat(question: str) -> list[Message]:
    return [Message("system", "Answer with the code alone."), Message("user", question)]


@pytest.mark.parametrize("question", QUESTIONS)
def test_without_chance_it_is_the_answer_of_a_batch(
    question: str, tokenizer: ChatTokenizer
) -> None:
    model, pieces = tiny_llama(spread=0.2), []
    said = speak(
        model, tokenizer, _chat(question), Sampling(TOKENS), lambda s: not pieces.append(s)
    )
    alone = answer(model, tokenizer, [_chat(question)], max_new_tokens=TOKENS)[0]
    assert (said.text, said.tokens, said.ended == "end") == (
        alone.text,
        alone.tokens,
        alone.stopped,
    )
    assert "".join(pieces) == said.text
    assert len(pieces) > 1


def test_the_same_seed_says_the_same_and_another_one_does_not(tokenizer: ChatTokenizer) -> None:
    model = tiny_llama()

    def said(seed: int, temperature: float = 1.5) -> str:
        sampling = Sampling(TOKENS, temperature, 0.95, seed)
        return speak(model, tokenizer, _chat("hi"), sampling).text

    assert said(1) == said(1) != said(2)
    # hardly any chance left: the likeliest token always
    cold = speak(model, tokenizer, _chat("hi"), Sampling(TOKENS)).text
    for temperature in (1e-4, 1e-40, 5e-324):
        assert said(3, temperature) == cold


def test_of_the_likeliest_tokens_alone_one_is_left(tokenizer: ChatTokenizer) -> None:
    model = tiny_llama(spread=0.2)
    greedy = speak(model, tokenizer, _chat("hi"), Sampling(TOKENS)).text
    for top_p in (1e-6, 1e-40, 5e-324):  # the last is 0 in float32
        assert speak(model, tokenizer, _chat("hi"), Sampling(TOKENS, 1.0, top_p, 5)).text == greedy


def test_it_ends_where_nobody_listens_any_more(tokenizer: ChatTokenizer) -> None:
    heard: list[str] = []

    def leaves(piece: str) -> bool:
        heard.append(piece)
        return len(heard) < 3

    said = speak(tiny_llama(), tokenizer, _chat("hi"), Sampling(200), leaves)
    assert (said.ended, said.text) == ("left", "".join(heard))
    assert said.tokens < 20


def test_a_stop_text_ends_it_and_is_never_shown(tokenizer: ChatTokenizer) -> None:
    model = tiny_llama(spread=0.2)
    whole = speak(model, tokenizer, _chat("hi"), Sampling(TOKENS)).text
    stop = whole[len(whole) // 2 : len(whole) // 2 + 3]
    heard: list[str] = []
    said = speak(
        model, tokenizer, _chat("hi"), Sampling(TOKENS, stop=(stop,)), lambda s: not heard.append(s)
    )
    assert said.ended == "stop"
    assert said.text == whole[: whole.index(stop)] == "".join(heard)


def test_a_conversation_without_room_is_refused(tokenizer: ChatTokenizer) -> None:
    model = tiny_llama()
    with pytest.raises(ModelError, match="512 at most"):
        speak(model, tokenizer, _chat("0 1 2 3 " * 200), Sampling(4))
    chat = _chat("0 1 2 3 " * 55)
    length = rendered(tokenizer, chat)[1]
    said = speak(model, tokenizer, chat, Sampling(1000))
    assert said.prompt_tokens == length
    assert said.tokens <= 512 - length


def test_the_prompt_that_is_shown_is_the_one_that_is_read(tokenizer: ChatTokenizer) -> None:
    text, length = rendered(tokenizer, _chat("hi"))
    assert text == (
        "<|im_start|>system\nAnswer with the code alone.<|im_end|>\n"
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert length == len(tokenizer.hf.encode(text, add_special_tokens=False))


@given(
    st.lists(st.text("abE\n", max_size=4), max_size=12),
    st.lists(st.text("abE", min_size=1, max_size=3), max_size=2),
)
def test_a_flow_shows_all_up_to_the_first_stop_text(pieces: Sequence[str], stop: list[str]) -> None:
    flow, shown = Flow(stop), ""
    for piece in pieces:
        shown += flow.put(piece)
        assert not any(one in shown for one in stop)
    shown += flow.close()
    whole = "".join(pieces)
    ends = [whole.find(one) for one in stop if one in whole]
    assert shown == flow.text
    if not ends:
        assert (shown, flow.stopped) == (whole, False)
    else:
        assert flow.stopped
        assert whole.startswith(shown)
        assert not any(one in shown for one in stop)
