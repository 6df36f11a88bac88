"""What each role is shown in a browser: a reader nothing that changes something, on any page."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import made_jobs
from playwright.sync_api import expect
from serving import Server, serving
from test_people import LOOKS

import page_job
from huohou.people import People
from huohou.web.access import below
from waiting import wait_until

PAGES = ("/", "/jobs/1", "/jobs/2", "/compare?jobs=1,2", "/doctor", "/answers")
CHANGES = "act-|action-|restore|dismiss|report-make|new-job|job-again|table-browse|table-upload|documents-upload|mark-|correct-save"
CHANGING = re.compile(f"^({CHANGES})")
READ_ONLY = ("--read-only",)

pytestmark = pytest.mark.slow


@pytest.fixture
def options() -> tuple[str, ...]:
    return ()


@pytest.fixture
def server(tmp_path: Path, options: tuple[str, ...]) -> Iterator[Server]:
    """Two jobs that have ended, one put away, and one question that was answered."""
    runs = tmp_path / "runs"
    made_jobs.written(runs, {"findings": (page_job.OVERFIT,)}, {"state": "stopped"}, {})
    (runs / "trash").mkdir()
    (runs / "3-bank-codes").rename(runs / "trash" / "3-bank-codes")
    with serving(tmp_path, *options) as running:
        table = running.http.get("/api/models").json()["tables"][0]  # for readers, too
        asked = {"question": "大悟支行", "table": table, "mode": "lookup"}
        assert running.http.post("/api/ask", json=asked).status_code == 200
        yield running


@pytest.fixture
def people(server: Server) -> People:
    return People(server.workspace / "people.json")


# How many answers are under way, but for the stream of events.
COUNTS = """globalThis.underWay = 0;
const asks = globalThis.fetch;
globalThis.fetch = async (...how) => {
  underWay++;
  const answer = await asks(...how).catch((error) => { underWay--; throw error; });
  answer.clone().text().finally(() => setTimeout(() => underWay--, 100));
  return answer;
};
"""


@pytest.fixture
def page(page: Any) -> Any:
    """A tab that counts."""
    page.add_init_script(COUNTS)
    return page


def settled(page: Any) -> None:
    """Until all that the page asks the server for is there, and shown. It is the page that waits:
    a browser that stands still has not asked yet."""
    page.evaluate("new Promise((done) => setTimeout(() => requestAnimationFrame(done), 300))")
    wait_until(lambda: page.evaluate("underWay === 0"))


def shown(page: Any) -> set[str]:
    """Test ids of what can be used to change something, on all pages; all buttons are pressed
    that a reader has: none of them asks for a change."""
    found: set[str] = set()
    for path in PAGES:
        page.goto(path)
        settled(page)
        for part in page.locator("details").all():
            part.evaluate("one => one.open = true")
        page.locator("[data-testid=history-row]").first.click() if path == "/answers" else None
        settled(page)
        names = page.locator("[data-testid]:visible").evaluate_all(
            "all => all.map(one => one.dataset.testid)"
        )
        found |= {name for name in names if CHANGING.match(name)}
        found |= {"new"} if page.locator('a[href^="/new"]').count() else set()
    return found


def press_everything(page: Any) -> list[str]:
    """Press each button of each page; what was asked of the server that is no look."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.method != "GET" else None)
    for path in PAGES:
        page.goto(path)
        settled(page)
        for i in range(page.locator("main button:visible").count()):
            button = page.locator("main button:visible").nth(i)
            if button.count():
                button.dispatch_event("click")
        page.keyboard.press("Escape")
        settled(page)
    paths = [re.sub("^http://[^/]*", "", url) for url in asked]
    return [path for path in paths if not below(path, LOOKS)]


def test_a_reader_is_offered_nothing_and_an_operator_all(page: Any, people: People) -> None:
    operator, reader = people.add("wu", "operator"), people.add("lin", "reader")
    page.goto(f"/?token={reader}")
    assert page.get_by_test_id("role").is_visible()
    assert shown(page) == set()
    assert press_everything(page) == []
    page.goto(f"/?token={operator}")
    assert not page.get_by_test_id("role").is_visible()
    offered = shown(page)
    wanted = {"new", "new-job", "job-again", "act-resume", "act-put-away", "restore", "dismiss"}
    wanted |= {"action-resume", "report-make", "mark-right", "mark-wrong", "table-browse"}
    assert wanted <= offered, wanted - offered


@pytest.mark.parametrize("options", [READ_ONLY])
def test_read_only_offers_nothing_to_anybody(page: Any) -> None:
    page.goto("/")
    assert page.get_by_test_id("role").is_visible()
    assert shown(page) == set()


def test_who_is_revoked_is_asked_again(page: Any, people: People, expected: list[str]) -> None:
    """Also where the page lies open: its stream ends, and it asks for a token by itself."""
    expected += ["401"]
    token = people.add("lin", "reader")
    people.add("wu", "reader")
    page.goto(f"/jobs/1?token={token}")
    page.get_by_test_id("job-head").wait_for()
    people.revoke("lin")
    page.get_by_test_id("token-form").wait_for()
    assert "not valid" in page.get_by_test_id("error-message").inner_text()
    assert page.locator("nav").count() == 0
    page.get_by_label("Token").fill("wrong")
    with page.expect_navigation():  # the form is there before and after it
        page.get_by_role("button", name="Open the page").click()
    page.get_by_test_id("token-form").wait_for()
    expect(page).not_to_have_url(re.compile("token"))
    page.get_by_label("Token").fill(people.add("lin", "operator"))
    page.get_by_role("button", name="Open the page").click()
    page.get_by_test_id("job-again").wait_for()
    expect(page).to_have_url(re.compile("/jobs/1$"))
