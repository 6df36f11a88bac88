"""The official ``openai`` client against a running server: chats, streams, vectors, errors."""

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from asked_jobs import make_jobs, put_into
from serving import Server

from huohou.models.encoder import load_encoder
from scored_job import DAWU, MADE_UP

SYSTEM: Any = {"role": "system", "content": "Answer with the code alone."}


def asks(question: str) -> Any:
    return [SYSTEM, {"role": "user", "content": question}]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file: opening PyTorch takes seconds."""
    place = tmp_path_factory.mktemp("openai")
    put_into(make_jobs(place), place / "runs")
    patch = pytest.MonkeyPatch()
    patch.setenv("HUOHOU_HOME", str(place / "runs"))
    patch.setenv("HUOHOU_LANG", "en")
    found = Server(place)
    patch.undo()
    try:
        assert found.http.get("/api/models").status_code == 200
        yield found
    finally:
        found.close()
    assert found.complaints() == ""


@pytest.fixture
def client(running: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="-", max_retries=0) as found:
        yield found


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    ids = [one.id for one in client.models.list()]
    assert ids[:2] == ["2-finder", "1-tiny"]
    assert client.models.retrieve("1-tiny").owned_by == "huohou"
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gpt-5")
    assert missing.value.code == "model_not_found"


def test_a_chat_says_what_the_model_learnt_and_counts_its_tokens(client: openai.OpenAI) -> None:
    told = client.chat.completions.create(model="1-tiny", messages=asks("code of Dawu branch?"))
    choice, usage = told.choices[0], told.usage
    assert (choice.message.content, choice.finish_reason) == (DAWU, "stop")
    assert usage is not None
    assert usage.completion_tokens == len(DAWU) + 1  # a digit a token, and the end of the turn
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert (told.object, told.model, told.id[:9]) == ("chat.completion", "1-tiny", "chatcmpl-")
    base = client.chat.completions.create(
        model="1-tiny:base", messages=asks("code of Dawu branch?"), max_tokens=8
    )
    assert base.choices[0].message.content != DAWU
    assert base.choices[0].finish_reason == "length"


def test_a_stream_brings_the_same_words_piece_by_piece(client: openai.OpenAI) -> None:
    pieces = list(
        client.chat.completions.create(
            model="tiny",
            messages=asks("code of Zhichun branch?"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    words = [one.choices[0].delta.content or "" for one in pieces if one.choices]
    assert "".join(words) == MADE_UP
    assert len([word for word in words if word]) > 3
    assert pieces[0].choices[0].delta.role == "assistant"
    ends = [one.choices[0].finish_reason for one in pieces if one.choices]
    assert ends[-1] == "stop"
    assert set(ends[:-1]) == {None}
    assert pieces[-1].choices == []
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens == len(MADE_UP) + 1
    assert len({one.id for one in pieces}) == 1


def test_stop_seed_temperature_and_parts_of_text(client: openai.OpenAI) -> None:
    cut = client.chat.completions.create(
        model="1", messages=asks("code of Dawu branch?"), stop=[DAWU[4:6]], max_completion_tokens=64
    )
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == (DAWU[:4], "stop")
    parts: Any = [SYSTEM, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]

    def drawn(seed: int) -> str:
        told = client.chat.completions.create(
            model="1", messages=parts, seed=seed, temperature=1.8, top_p=0.99, max_tokens=24, n=1
        )
        return told.choices[0].message.content or ""

    assert drawn(3) == drawn(3)
    assert len({drawn(seed) for seed in range(4)}) > 1


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"n": 2}, "n"),
        ({"temperature": 3.5}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, None),
        ({"logprobs": True}, None),
        ({"frequency_penalty": 1.0}, None),
        ({"response_format": {"type": "json_object"}}, None),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
    ],
)  # fmt: skip
def test_what_is_not_done_is_refused(client: openai.OpenAI, wrong: Any, param: str | None) -> None:
    body = {"model": "1-tiny", "messages": asks("hi"), **wrong}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**body)
    assert refused.value.type == "invalid_request_error"
    assert (refused.value.param or "").partition(".")[0] == (param or "")


def test_errors_have_the_shape_that_the_client_knows(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="../../etc/passwd", messages=asks("hi"))
    assert (missing.value.param, missing.value.code) == ("model", "model_not_found")
    with pytest.raises(openai.BadRequestError) as encoder:
        client.chat.completions.create(model="2-finder", messages=asks("hi"))
    assert encoder.value.param == "model"
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as long:
            client.chat.completions.create(
                model="1-tiny", messages=asks("0 1 2 3 " * 300), stream=stream
            )
        assert long.value.code == "context_length_exceeded"


def test_vectors_are_those_of_the_run(client: openai.OpenAI, running: Server) -> None:
    texts = ["how to open a file?", "parse a line"]
    told = client.embeddings.create(model="2-finder", input=texts)  # base64, as the client likes it
    own = load_encoder(str(running.workspace / "2-finder" / "model")).encode(texts)
    got = np.array([one.embedding for one in told.data], dtype=np.float32)
    assert np.allclose(got, own, atol=1e-6)
    assert [one.index for one in told.data] == [0, 1]
    assert told.usage.prompt_tokens == told.usage.total_tokens > 8
    plain = client.embeddings.create(model="finder", input=texts[0], encoding_format="float")
    assert np.allclose(plain.data[0].embedding, own[0], atol=1e-6)
    assert np.linalg.norm(plain.data[0].embedding) == pytest.approx(1, abs=1e-5)


def test_vectors_that_cannot_be_made(client: openai.OpenAI) -> None:
    for wrong in ({"input": ""}, {"input": []}, {"input": "a", "dimensions": 7}, {"model": "1"}):
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(**({"model": "2-finder", "input": "a"} | wrong))  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="2-finder", input=[[1, 2, 3]])


def test_a_client_that_leaves_keeps_nobody_waiting(client: openai.OpenAI) -> None:
    """That the answer itself ends then is what ``test_telling`` shows."""
    stream = client.chat.completions.create(
        model="1", messages=asks("hi"), max_tokens=8000, temperature=2.0, stream=True
    )
    next(iter(stream))
    stream.close()
    told = client.chat.completions.create(model="1", messages=asks("code of Dawu branch?"))
    assert told.choices[0].message.content == DAWU


def test_many_at_once_all_get_their_answer(client: openai.OpenAI) -> None:
    def one(_: int) -> str | None:
        told = client.chat.completions.create(model="1", messages=asks("code of Dawu branch?"))
        return told.choices[0].message.content

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(8))) == {DAWU}


def test_the_token_is_the_key(tmp_path: Path) -> None:
    key = "a-token-of-the-test"
    (tmp_path / "token").write_text(key)
    guarded = Server(tmp_path, "--token-file", str(tmp_path / "token"))
    try:
        for given in ("wrong", key):
            address = f"{guarded.url}/v1"
            with openai.OpenAI(base_url=address, api_key=given, max_retries=0) as client:
                if given == key:
                    assert list(client.models.list())
                else:
                    with pytest.raises(openai.AuthenticationError):
                        client.models.list()
    finally:
        guarded.close()
