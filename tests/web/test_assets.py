"""Scripts and styles: what is sent of them, and nothing beside them."""

import gzip
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from huohou.web.assets import Assets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "static"
    (place / "js").mkdir(parents=True)
    (place / "js" / "a.js").write_text("export const a = 1;\n" * 100)
    (place / "app.css").write_text("p {}")
    (place / ".hidden.js").write_text("secret")
    (tmp_path / "outside.js").write_text("secret")
    return place


@pytest.fixture
def client(folder: Path) -> TestClient:
    return TestClient(Assets(PlainTextResponse("passed on", 404), folder))


def test_squeezed_for_who_can_read_it(client: TestClient, folder: Path) -> None:
    raw = (folder / "js" / "a.js").read_bytes()
    small = client.get("/static/js/a.js", headers={"accept-encoding": "gzip"})
    plain = client.get("/static/js/a.js", headers={"accept-encoding": "identity"})
    assert small.content == plain.content == raw
    assert int(small.headers["content-length"]) == len(gzip.compress(raw, 9)) < len(raw)
    assert "content-encoding" not in plain.headers
    assert small.headers["etag"] != plain.headers["etag"]
    assert small.headers["vary"] == "accept-encoding"
    assert small.headers["content-type"].startswith("text/javascript")
    assert client.get("/static/app.css").headers["content-type"].startswith("text/css")


def test_what_is_changed_is_sent_anew(client: TestClient, folder: Path) -> None:
    first = client.get("/static/app.css")
    asks = {"if-none-match": first.headers["etag"]}
    again = client.get("/static/app.css", headers=asks)
    assert (again.status_code, again.content) == (304, b"")
    (folder / "app.css").write_text("p { margin: 0 }")
    changed = client.get("/static/app.css", headers=asks)
    assert (changed.status_code, changed.text) == (200, "p { margin: 0 }")


def test_the_head_alone(client: TestClient) -> None:
    assert client.head("/static/app.css").headers["content-length"] == "4"


@pytest.mark.parametrize(
    "path",
    [
        "js/b.js",
        "js",
        "js/",
        "",
        ".hidden.js",
        "../outside.js",
        "%2e%2e/outside.js",
        "js//a.js",
        "/etc/hostname",
        "app.css%00",
        "js%5ca.js",
    ],
)
def test_what_is_not_there_is_passed_on(client: TestClient, path: str) -> None:
    assert client.get(f"http://testserver/static/{path}").text == "passed on"


def test_nothing_is_changed(client: TestClient) -> None:
    assert client.post("/static/app.css").text == "passed on"
    assert client.get("/staticapp.css").text == "passed on"
