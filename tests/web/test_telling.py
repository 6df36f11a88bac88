"""Work that takes long, told to one reader: it ends when the reader leaves."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from huohou.api import Desk
from huohou.web import telling
from huohou.web.app import create_app
from waiting import PATIENCE


class Endless:
    """An answer that goes on for as long as somebody listens."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def speak(self, heard: Callable[[str], bool]) -> None:
        while heard("word "):
            time.sleep(0.01)
        self.over.set()


def test_a_reader_that_leaves_ends_the_work() -> None:
    answer = Endless()

    async def run() -> None:
        told = telling.events(lambda caller: answer.speak(caller.heard()))
        assert await anext(told) == ("delta", {"text": "word "})
        await told.aclose()
        assert await asyncio.to_thread(answer.over.wait, PATIENCE)

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
def test_a_client_that_leaves_ends_the_answer(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application is called as a server calls it, which says when the client is gone."""
    answer = Endless()
    monkeypatch.setattr(Desk, "speak", lambda *given: answer.speak(given[-2]))
    monkeypatch.setattr(Desk, "chat", lambda *given: answer.speak(given[-1].heard()))
    asked = {"job": 1, "model": "1", "messages": [{"role": "user", "content": "hi"}]}
    asked |= {"stream": True} if path.startswith("/v1") else {}
    sent: list[bytes] = []

    async def run() -> None:
        left = asyncio.Event()
        body = iter([{"type": "http.request", "body": json.dumps(asked).encode()}])

        async def receive() -> Any:
            if (part := next(body, None)) is not None:
                return part
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))
            if len(sent) == 5:
                left.set()

        scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}
        headers = [(b"host", b"localhost:3000"), (b"content-type", b"application/json")]
        asgi = {"version": "3.0", "spec_version": "2.3"}
        await create_app(tmp_path)({**scope, "headers": headers, "asgi": asgi}, receive, send)
        assert await asyncio.to_thread(answer.over.wait, PATIENCE)

    asyncio.run(run())
    assert b"word" in b"".join(sent)
