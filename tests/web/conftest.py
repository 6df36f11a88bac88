"""A server of its own for each test, and a browser that fails a test by itself.

``server``: ``huohou serve`` on a free port with the test's workspace. ``page``: a tab of Debian's
Chromium with that server as base address; errors on its console, requests to other hosts and
errors in the server's terminal fail the test; what it looked like in the end is kept in
``build/web-screenshots``. ``expected``: patterns of console errors that a test causes on purpose.
``api``: the application in this process, for tests that need no browser.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))

from serving import Server, serving
from watching import Watch

ROOT = Path(__file__).parents[2]
PATIENCE = 120_000  # ms: machines that do other things too
SCREENSHOTS = ROOT / "build" / "web-screenshots"
CHROMIUM = os.environ.get("HUOHOU_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on a free port with an empty workspace in ``tmp_path/runs``; must not complain."""
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    """The application in this process with an empty workspace in ``tmp_path/runs``."""
    from huohou.web.app import create_app

    app = create_app(tmp_path / "runs")
    with TestClient(app, base_url="http://localhost:3000", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, once for all tests of a file. Not longer: while Playwright is there, an
    event loop runs in this thread, and tests that begin one of their own fail."""
    if not Path(CHROMIUM).is_file():
        missing = "no Chromium here: apt-get install chromium, or set HUOHOU_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), timeout=PATIENCE
        )
        yield running
        running.close()


@pytest.fixture
def expected() -> list[str]:
    """Patterns of console errors that are meant to happen in this test."""
    return []


@pytest.fixture
def page(
    browser: Any, server: Server, expected: list[str], request: pytest.FixtureRequest
) -> Iterator[Any]:
    """A tab; addresses without a host are the server's. More tabs: ``page.context.new_page()``."""
    context = browser.new_context(
        base_url=server.url, locale="en-GB", viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(PATIENCE)
    watch = Watch(urlsplit(server.url).netloc)
    context.on("page", watch.follow)
    tab = context.new_page()
    try:
        yield tab
        if not tab.is_closed():
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")[:100]
            tab.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    finally:
        context.close()
    assert watch.foreign == []
    allowed = [re.compile(pattern) for pattern in expected]
    assert [e for e in watch.errors if not any(one.search(e) for one in allowed)] == []
