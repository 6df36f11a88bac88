"""What all pages have in common, in a real browser."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from axe import violations
from playwright.sync_api import expect
from serving import Server, serving
from watching import Watch

import page_job
from waiting import PATIENCE, wait_until

PATHS = ("/", "/jobs/1", "/new", "/compare?jobs=1,2", "/doctor", "/answers", "/nothing/here")
NAVIGATION = {
    "/": "jobs",
    "/new": "new",
    "/compare": "compare",
    "/doctor": "doctor",
    "/answers": "answers",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here, with two jobs: they only look."""
    folder = tmp_path_factory.mktemp("shell")
    page_job.written(folder / "runs", 1, findings=(page_job.OVERFIT,))
    page_job.written(folder / "runs", 2, "second try", state="failed", error="boom")
    with serving(folder) as running:
        yield running


def settled(page: Any, path: str) -> None:
    """Open a page and wait for its scripts."""
    page.goto(path)
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)


@pytest.mark.parametrize(
    ("language", "scheme"),
    [
        ("en", "light"),
        pytest.param("zh", "dark", marks=pytest.mark.slow),
        pytest.param("en", "dark", marks=pytest.mark.slow),
        pytest.param("zh", "light", marks=pytest.mark.slow),
    ],
)
def test_every_page_opens_without_a_serious_violation(
    page: Any, expected: list[str], language: str, scheme: str
) -> None:
    """Of axe's rules; no errors on the console and no foreign request are seen to by the fixture."""
    expected.append("404.*/nothing/here")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"/?lang={language}")
    for path in PATHS:
        settled(page, path)
        assert page.locator("html").get_attribute("lang") == ("zh-CN" if language == "zh" else "en")
        assert not violations(page), f"{path} {language} {scheme}"
        # no key is shown in the place of a sentence
        shown = page.locator("body").inner_text()
        assert not re.search(r"\bweb\.[a-z]+\.|\bstate\.[a-z]+", shown), path
        assert "undefined" not in shown
        assert "[object" not in shown


def test_the_language_is_changed_in_place(page: Any) -> None:
    page.goto("/compare?jobs=1%2C2")
    page.get_by_test_id("lang-toggle").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).not_to_have_url(re.compile("lang"))
    expect(page).to_have_url(re.compile("compare.*jobs=1"))
    page.goto("/")
    assert page.locator("h1").first.inner_text() == "训练监控"
    page.get_by_test_id("lang-toggle").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.slow
def test_the_theme_is_kept(page: Any) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    toggle = page.get_by_test_id("theme-toggle")

    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))

    light = ground()
    page.emulate_media(color_scheme="dark")
    dark = ground()
    assert light != dark  # as the system has it
    toggle.click()  # light
    assert ground() == light
    toggle.click()  # dark
    page.emulate_media(color_scheme="light")
    page.reload()
    assert ground() == dark


def test_keyboard_alone(page: Any) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("e => e === document.activeElement")
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.goto("/")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.getAttribute('href')"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", seen[-1]
    assert [href for href in seen if href in NAVIGATION][:6] == ["/", *NAVIGATION]


@pytest.mark.slow
def test_it_fits_a_telephone(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for path in PATHS[:-1]:
        settled(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_it_reads_without_scripts(browser: Any, server: Server) -> None:
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    context.set_default_timeout(1000 * PATIENCE)
    tab = context.new_page()
    for path in PATHS[:-1]:
        tab.goto(path)
        assert tab.locator("h1").count() == 1, path
    tab.goto("/")
    tab.get_by_test_id("lang-toggle").click()
    expect(tab.locator("html")).to_have_attribute("lang", "zh-CN")
    context.close()


def comes(tab: Any, there: Callable[[], bool]) -> None:
    """Wait until it is there."""
    wait_until(lambda: tab.wait_for_timeout(50) or there())


def test_the_watch_sees_what_it_is_there_for(browser: Any, server: Server) -> None:
    """The fixture ``page`` fails a test by what this notes."""
    context = browser.new_context(base_url=server.url)
    context.set_default_timeout(1000 * PATIENCE)
    watch = Watch(urlsplit(server.url).netloc)
    context.on("page", watch.follow)
    tab = context.new_page()
    tab.goto("/")
    assert (watch.errors, watch.foreign) == ([], [])
    tab.evaluate("console.error('one')")
    tab.evaluate("setTimeout(() => { throw Error('two') })")
    tab.evaluate("document.body.append(Object.assign(new Image(), {src: '/nothing.png'}))")
    for told in ("one", "two", "404"):
        comes(tab, lambda told=told: any(told in error for error in watch.errors))
    tab.goto(server.url.replace("localhost", "127.0.0.1"))
    comes(tab, lambda: bool(watch.foreign))
    context.close()
