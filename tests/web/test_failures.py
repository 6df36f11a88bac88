"""What goes wrong is told with the right status, in the form its caller reads."""

import logging
import math
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from huohou.errors import ConfigError, DataError, HuohouError, StoreError, UsageError
from huohou.web import failures, html
from huohou.web.app import create_app


@pytest.fixture
def failing(tmp_path: Path) -> Any:
    """An application with doors that fail."""
    app = create_app(tmp_path / "runs")
    errors: dict[str, Exception] = {
        "unknown": UsageError("runs.unknown_none", ref="9", workspace="runs"),
        "settings": ConfigError("config.not_mapping", path="run.yaml"),
        "data": DataError("config.not_mapping", path="run.yaml"),
        "store": StoreError("config.not_mapping", path="run.yaml"),
        "conflict": failures.ConflictError("config.not_mapping", path="run.yaml"),
        "missing": failures.NotFoundError("config.not_mapping", path="run.yaml"),
        "usage": UsageError("config.not_mapping", path="run.yaml"),
        "bug": ZeroDivisionError("a\nlong story"),
    }

    def fail(name: str) -> None:
        raise errors[name]

    async def stream() -> StreamingResponse:
        async def pieces() -> Any:
            yield b"one"
            raise RuntimeError("in the middle")

        return StreamingResponse(pieces())

    # before the page's own addresses, as routes are
    for path in ("/api/fail/{name}", "/v1/fail/{name}", "/fail/{name}"):
        app.get(path)(fail)
    app.get("/api/stream")(stream)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("unknown", 404),
        ("missing", 404),
        ("settings", 422),
        ("data", 422),
        ("conflict", 409),
        ("usage", 400),
        ("store", 503),
        ("bug", 500),
    ],
)
def test_statuses(failing: Any, name: str, status: int) -> None:
    answer = failing.get(f"/api/fail/{name}")
    assert answer.status_code == status
    told = answer.json()
    assert told["schema"] == 1
    assert told["error"]["key"]
    assert told["error"]["message"]
    openai = failing.get(f"/v1/fail/{name}")
    assert openai.status_code == status
    assert set(openai.json()["error"]) == {"message", "type", "param", "code"}


def test_people_get_a_page(failing: Any) -> None:
    answer = failing.get("/fail/unknown", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert "<main" in answer.text
    assert failing.get("/fail/unknown").json()["error"]["key"] == "runs.unknown_none"


def test_a_bug_is_one_line_in_the_log(failing: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "huohou.web"):
        failing.get("/api/fail/bug")
    (line,) = caplog.messages
    assert "GET /api/fail/bug: ZeroDivisionError: a long story" in line
    assert "test_failures.py:" in line or "huohou" in line


def test_a_bug_in_a_stream_ends_it(failing: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "huohou.web"):
        answer = failing.get("/api/stream")
    assert answer.content == b"one"
    assert "in the middle" in caplog.text


def test_a_wrong_request_says_what_is_wrong(failing: Any) -> None:
    assert failing.delete("/api/openapi.json").json()["error"]["key"] == "web.not_allowed"


def test_every_status_by_key_is_of_a_sentence() -> None:
    from huohou.text import sentences

    assert not [key for key in failures.STATUS if key not in sentences("en")]


def test_every_class_of_errors_has_a_status() -> None:
    for kind in HuohouError.__subclasses__():
        assert 400 <= failures.status_of(kind("config.not_mapping", path="x")) < 504


def test_data_in_a_page_cannot_leave_its_element() -> None:
    hostile = {"a": "</script><script>alert(1)</script>", "b": "<!--", "c": "\u2028&"}
    island = str(html.island(hostile))
    assert not set(island) & set("<>&\u2028")
    import json

    assert json.loads(island) == hostile


def test_numbers_that_are_none_stay_what_they_are() -> None:
    assert html.island({"loss": math.nan, "top": [math.inf, -math.inf, 0.0]}) == (
        '{"loss":"NaN","top":["Infinity","-Infinity",0.0]}'
    )
