"""What somebody does while an answer is under way, and answers that come in another order."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from holding import Held
from playwright.sync_api import expect
from serving import Server, serving

from huohou.record import checkpoints
from page_job import Jobs
from waiting import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file."""
    with serving(tmp_path_factory.mktemp("held")) as running:
        yield running


@pytest.fixture(scope="module")
def jobs(server: Server) -> Jobs:
    return Jobs(server.workspace)


def shown(page: Any, jobs: Jobs) -> Any:
    """The page of the newest job, its first curves drawn."""
    page.goto(f"/jobs/{jobs.number}")
    page.wait_for_selector("body[data-ready=charts]")
    return page


def test_a_second_click_opens_no_second_question(page: Any, jobs: Jobs) -> None:
    folder = jobs.written() / "checkpoints" / "checkpoint-20"
    checkpoints.seal(folder.rename(folder.with_name(checkpoints.STAGING)), folder, {})
    shown(page, jobs)
    held = Held(page, rf"/api/jobs/{jobs.number}$")
    for _ in range(2):
        page.get_by_test_id("action-branch").click()
    held.comes()
    held.release()
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_test_id("action-branch").click()
    expect(page.get_by_role("dialog")).to_have_count(1)


# Left, and asked again before the browser has come to anything else.
AGAIN = """async () => {
    const press = (name) => document.querySelector(`[data-testid=${name}]`).click();
    press("action-resume");
    press("choice-cancel");
    for (let i = 0; i < 100; i++) await null;
    press("action-resume");
    return document.querySelectorAll("dialog[open]").length;
}"""


def test_a_question_that_was_left_can_be_asked_again_at_once(page: Any, jobs: Jobs) -> None:
    jobs.written()
    shown(page, jobs)
    assert page.evaluate(AGAIN) == 1


def test_an_older_answer_does_not_take_the_place_of_a_newer(
    page: Any, server: Server, jobs: Jobs
) -> None:
    with jobs.living() as job:
        job.points(3)
        shown(page, jobs)
        expect(page.get_by_test_id("job-state")).to_have_text("running")
        address = f"/api/jobs/{jobs.number}"
        older = server.http.get(address).text
        held = Held(page, f"{address}$", most=1)
        (job.folder / "checkpoints").mkdir()
        job.recorder.checkpoint(3, "checkpoints/checkpoint-3")  # the page reads the job again
        held.comes()
        job.end()
        expect(page.get_by_test_id("action-resume")).to_be_visible()
        held.release(lambda route: route.fulfill(body=older, content_type="application/json"))
        assert page.get_by_test_id("job-state").inner_text() == "completed"
        assert page.get_by_test_id("action-resume").is_visible()


def test_the_first_points_may_come_while_the_page_is_opened(
    page: Any, server: Server, jobs: Jobs
) -> None:
    with jobs.living() as job:
        held = Held(page, r"/series\?points=1$")
        page.goto(f"/jobs/{jobs.number}")
        held.comes()
        job.points(3)
        wait_until(lambda: server.http.get(f"/api/jobs/{jobs.number}").json()["step"] == 3)
        held.release()
        expect(page.get_by_test_id("chart-loss")).to_contain_text("3 points")
        expect(page.get_by_test_id("charts-empty")).to_be_hidden()


def test_curves_that_come_into_sight_early_open_no_second_stream(page: Any, jobs: Jobs) -> None:
    """Two would tell each point twice."""
    jobs.written(series={f"own_{n}": 1.0 for n in range(8)})
    held = Held(page, r"/log\?")
    streams: list[str] = []
    page.on("request", lambda one: streams.append(one.url) if "/api/events" in one.url else None)
    shown(page, jobs)
    last = page.get_by_test_id("chart-own_7")
    last.scroll_into_view_if_needed()
    expect(last.locator("canvas")).to_have_count(1)
    held.comes()
    held.release()
    wait_until(lambda: page.wait_for_timeout(20) or streams)
    assert (len(held.routes), len(streams)) == (1, 1)


def test_what_is_looked_for_in_a_log_is_shown_although_its_end_comes_later(
    page: Any, jobs: Jobs
) -> None:
    jobs.written(log="".join(f"line {n}\n" for n in range(5000)))
    shown(page, jobs)
    log, search = page.get_by_test_id("log-lines"), page.get_by_test_id("log-search")
    expect(log).to_contain_text("line 4999")
    search.fill("line 10")
    expect(log.locator("mark").first).to_have_text("line 10")
    held = Held(page, r"/log\?bytes=")
    search.fill("")
    held.comes()
    search.fill("line 20")
    expect(log.locator("mark").first).to_have_text("line 20")
    held.release()
    assert log.locator("mark").count() > 0
    search.fill("")
    expect(log).to_contain_text("line 4999")


def test_a_line_that_comes_while_the_log_is_read_is_there_once(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        job.point()
        job.say("one")
        shown(page, jobs)
        log, search = page.get_by_test_id("log-lines"), page.get_by_test_id("log-search")
        expect(log).to_contain_text("one")
        search.fill("one")
        expect(log.locator("mark")).to_have_count(1)
        held = Held(page, r"/log\?bytes=")
        search.fill("")
        held.comes()
        job.say("two")
        for points in (2, 3):  # the stream tells them after the line, or beside it
            job.point()
            expect(page.get_by_test_id("chart-loss")).to_contain_text(f"{points} points")
        held.release()
        expect(log.get_by_text("two", exact=True)).to_have_count(1)
        job.say("three")
        expect(log.get_by_text("three", exact=True)).to_have_count(1)
        assert log.locator("div:not(.partial)").all_inner_texts() == ["one", "two", "three"]


def test_the_axis_of_a_comparison_stays_until_the_other_can_be_drawn(page: Any, jobs: Jobs) -> None:
    jobs.written()
    jobs.written(steps=50)
    page.goto(f"/compare?jobs={jobs.number - 1},{jobs.number}")
    chart = page.get_by_test_id("chart-loss")
    expect(chart.locator("canvas")).to_have_count(1)
    drawn = chart.locator("canvas").element_handle()
    held = Held(page, "/clock")
    page.get_by_test_id("axis-epoch").click()
    held.comes(2)
    assert drawn.evaluate("canvas => canvas.isConnected"), "what is dragged over it now is kept"
    expect(page.get_by_test_id("axis-step")).to_have_attribute("aria-pressed", "true")
    held.release()
    expect(page.get_by_test_id("axis-epoch")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("x=epoch"))


def test_runs_that_were_chosen_stay_although_the_newest_come_later(page: Any, jobs: Jobs) -> None:
    for _ in range(3):
        jobs.written(steps=5, evals=0)
    held = Held(page, r"/api/jobs\?limit=50$", most=1)
    page.goto("/compare")
    held.comes()
    page.get_by_test_id("pick-runs").click()
    page.get_by_test_id("pick-list").get_by_test_id("pick").nth(1).check()
    expect(page.get_by_test_id("compare-run")).to_have_count(1)
    held.release()
    expect(page).to_have_url(re.compile(rf"jobs={jobs.number - 1}$"))
    assert page.get_by_test_id("compare-run").count() == 1
