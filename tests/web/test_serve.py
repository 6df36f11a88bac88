"""``huohou serve``: how it begins, what it says, how it ends."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from waiting import PATIENCE, wait_until

sys.path.insert(0, str(Path(__file__).parent))

from made_jobs import written
from serving import Server, environment, serving


def test_ctrl_c_ends_it_without_a_trace(server: Any) -> None:
    assert server.http.get("/").status_code == 200
    assert server.end() == 130
    assert "Traceback" not in server.log.read_text()
    assert "huohou runs ls" in server.log.read_text()


def test_ctrl_c_does_not_wait_for_streams(server: Any) -> None:
    """A page that is open holds a stream of events; the server ends all the same."""
    with server.http.stream("GET", "/api/events?list=1") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert server.end() == 130
    # a server that waits for its readers gives up after a while, and complains of them
    assert not server.complaints()


def test_a_taken_port_says_what_to_do(server: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "huohou", "serve", "--port", str(server.port)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment()
    )
    assert done.returncode == 2
    assert f"http://localhost:{server.port}" in done.stderr
    assert "huohou serve --port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "no.such.name.invalid"], "--host"),
        (["--host", "203.0.113.7"], "--host"),  # of nobody here
        (["--port", "70000"], "70000"),
        (["--token-file", "short"], "16"),
        (["--token-file", "no/such/folder/token"], "token"),
    ],
)
def test_wrong_calls(options: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short\n")
    command = [sys.executable, "-m", "huohou", "serve", "--port", "0", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment()
    )
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_address_that_it_prints_opens(tmp_path: Path) -> None:
    running = Server(tmp_path, "--token-file", "token")
    try:
        assert running.http.get("/").status_code == 401
        assert running.http.get(running.first, follow_redirects=True).status_code == 200
        assert running.http.get("/").status_code == 200
        token = (tmp_path / "token").read_text().strip()
        assert token in running.first
        running.restart()
        assert running.http.get("/").status_code == 200  # the token of the file is still good
    finally:
        running.close()
    assert token not in running.log.read_text()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the browser here is a shell script")
def test_the_browser_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {tmp_path}/asked.new\nmv {tmp_path}/asked.new {tmp_path}/asked\n'
    )
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    with serving(tmp_path, "--open") as running:
        wait_until((tmp_path / "asked").exists)
        assert (tmp_path / "asked").read_text().strip() == running.first


def test_it_says_so_where_a_whole_home_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huohou.web import serve
    from huohou.web.access import Access

    monkeypatch.chdir(tmp_path)
    for home, open_ in ((tmp_path, True), (tmp_path / "lin", True), (tmp_path.parent, False)):
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("USERPROFILE", str(home))
        assert (tmp_path.resolve() in serve._homes()) is open_
    monkeypatch.setenv("HOME", str(tmp_path))
    told: list[str] = []
    monkeypatch.setattr(serve, "_warm", lambda: None)

    async def begin() -> None:
        serve._begin("http://localhost:1/", Access(), False, told.append)

    asyncio.run(begin())
    assert any("whole home folder" in line and str(tmp_path) in line for line in told)


def test_everywhere_needs_a_token_and_says_where(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0") as running:
        assert "token=" in running.first
        assert running.http.get("/").status_code == 401
        assert running.http.get(running.first, follow_redirects=True).status_code == 200
        refused = running.http.get("/", headers={"host": "example.org"})
        assert refused.status_code == 403


def test_no_old_script_is_used_after_an_update(server: Any) -> None:
    """A browser asks each time, and is told quickly that nothing has changed."""
    first = server.http.get("/static/js/api.js")
    assert first.headers["cache-control"] == "no-cache"
    again = server.http.get("/static/js/api.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


def test_texts_are_compressed_and_streams_are_not(server: Any) -> None:
    asks = {"accept-encoding": "gzip"}
    for path in ("/", "/static/app.css", "/static/lib/uPlot.iife.min.js", "/api/openapi.json"):
        assert server.http.get(path, headers=asks).headers["content-encoding"] == "gzip", path
    with server.http.stream("GET", "/api/events?list=1", headers=asks) as answer:
        assert "content-encoding" not in answer.headers
    (folder,) = written(server.workspace, {})
    (folder / "weights.safetensors").write_bytes(bytes(100_000))
    answer = server.http.get("/api/jobs/1/files/weights.safetensors", headers=asks)
    assert "content-encoding" not in answer.headers
    assert len(answer.content) == 100_000


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM is not sent there")
def test_a_service_manager_ends_it(server: Any) -> None:
    server.process.terminate()
    assert server.process.wait(PATIENCE) in (-15, 143)
    assert server.log.read_text() == ""


def test_it_needs_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from huohou.web.app import create_app\n"
        "create_app().openapi()\n"
        "heavy = {'torch', 'transformers', 'scipy', 'pandas'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment())
