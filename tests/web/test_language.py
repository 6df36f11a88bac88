"""A request is answered in its own language, whatever runs beside it and wherever it runs."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from huohou import text
from huohou.text import say
from huohou.web.language import Language, accepted

EN, ZH = "Training jobs", "训练监控"
KEY = "web.nav.jobs"


def application() -> FastAPI:
    """An application that says one sentence in every way that a handler can."""
    app = FastAPI()
    app.add_middleware(Language)

    @app.get("/async")
    async def waits() -> str:
        await anyio.sleep(0.05)
        return say(KEY)

    @app.get("/thread")
    def threaded() -> str:
        time.sleep(0.05)
        return say(KEY)

    @app.get("/stream")
    def streamed() -> StreamingResponse:
        def pieces() -> Iterator[str]:
            for _ in range(3):
                time.sleep(0.02)
                yield say(KEY)

        return StreamingResponse(pieces())

    @app.get("/async-stream")
    async def async_streamed() -> StreamingResponse:
        async def pieces() -> Any:
            for _ in range(3):
                await anyio.sleep(0.02)
                yield await anyio.to_thread.run_sync(say, KEY)

        return StreamingResponse(pieces())

    return app


@pytest.mark.parametrize("path", ["/async", "/thread", "/stream", "/async-stream"])
def test_each_request_keeps_its_language(path: str) -> None:
    with TestClient(application()) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> tuple[str, str]:
            wanted = (EN, ZH)[number % 2]
            headers = {"accept-language": "zh-CN" if wanted == ZH else "en"}
            return wanted, client.get(path, headers=headers).text

        for wanted, said in pool.map(ask, range(16)):
            assert wanted in said
            assert (EN if wanted == ZH else ZH) not in said
    assert text.language() == "en"  # nothing is left behind


def test_a_word_beats_a_cookie_beats_the_browser(api: TestClient) -> None:
    def title(path: str, **headers: str) -> str:
        return api.get(path, headers={"accept": "text/html", **headers}).text

    assert ZH in title("/", **{"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    assert EN in title("/", **{"accept-language": "zh-CN", "cookie": "a=b; huohou_lang=en"})
    assert ZH in title("/?lang=zh", cookie="huohou_lang=en")
    api.cookies.clear()
    assert EN in title("/?lang=xx", **{"accept-language": "de"})


def test_a_choice_is_remembered(api: TestClient) -> None:
    chosen = api.get("/?lang=zh&theme=dark")
    assert 'lang="zh-CN"' in chosen.text
    assert 'data-theme="dark"' in chosen.text
    again = api.get("/new")
    assert 'lang="zh-CN"' in again.text
    assert 'data-theme="dark"' in again.text


def test_a_strange_choice_is_none(api: TestClient) -> None:
    page = api.get("/?theme=%22%3E%3Cscript%3E&lang=..%2F..")
    assert "set-cookie" not in page.headers
    assert 'data-theme="auto"' in page.text


def test_messages_of_the_api_are_translated(api: TestClient) -> None:
    answer = api.get("/api/nothing", headers={"accept-language": "zh"})
    assert answer.status_code == 404
    assert answer.json()["error"]["key"] == "web.not_found"
    assert "不存在" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", None),
        ("*", None),
        ("en-US,en;q=0.5", "en"),
        ("zh-Hant-TW", "zh"),
        ("en;q=0, zh;q=0.1", "zh"),
    ],
)
def test_accept_language(header: str, language: str | None) -> None:
    assert accepted(header) == language
