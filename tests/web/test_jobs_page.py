"""The list of jobs in a real browser: looked through, followed live, steered, chosen."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from made_jobs import install_fake, written
from playwright.sync_api import expect
from serving import Server

import page_job
from huohou import api as facade
from huohou.record.store import Store
from waiting import PATIENCE


def names(page: Any) -> list[str]:
    """Names of the jobs that are shown, from above."""
    found: list[str] = page.get_by_test_id("job-link").all_inner_texts()
    return found


def row(page: Any, name: str) -> Any:
    return page.get_by_test_id("job-row").filter(
        has=page.get_by_role("link", name=name, exact=True)
    )


@pytest.mark.slow
def test_an_empty_workspace_says_what_to_do(page: Any) -> None:
    page.goto("/")
    expect(page.get_by_test_id("jobs-welcome")).to_be_visible()
    expect(page.get_by_test_id("jobs-welcome")).to_contain_text("huohou demo")
    expect(page.get_by_test_id("jobs-table")).to_be_hidden()
    page.get_by_test_id("new-job").click()
    expect(page).to_have_url(re.compile("/new$"))


def test_jobs_are_shown_with_what_there_is_to_know(page: Any, server: Server) -> None:
    written(
        server.workspace,
        {"name": "good one"},
        {"name": "<b>bold</b>", "findings": (page_job.OVERFIT,)},
        {"name": "联行号", "state": "failed", "error": "no memory"},
    )
    page.goto("/")
    assert names(page) == ["联行号", "<b>bold</b>", "good one"]
    failed = row(page, "联行号")
    expect(failed.get_by_test_id("job-state")).to_have_text("failed")
    expect(failed).to_contain_text("no memory")
    expect(failed.get_by_test_id("job-verdict")).to_have_text("faulty")
    expect(row(page, "<b>bold</b>").get_by_test_id("job-verdict")).to_have_text("look at it")
    good = row(page, "good one")
    expect(good.get_by_test_id("job-verdict")).to_have_text("healthy")
    expect(good).to_contain_text("epoch 2 of 2")
    expect(good).to_contain_text("took 1 min 42 s")
    expect(page.get_by_test_id("jobs-count")).to_have_text("3 jobs")


def test_what_is_looked_for_stands_in_the_address(page: Any, server: Server) -> None:
    written(
        server.workspace,
        {"name": "codes"},
        {"name": "triage", "state": "failed"},
        {"name": "codes again", "state": "stopped"},
    )
    page.goto("/")
    page.get_by_test_id("jobs-search").fill("codes")
    expect(page.get_by_test_id("jobs-count")).to_have_text("2 jobs")
    assert names(page) == ["codes again", "codes"]
    page.get_by_test_id("jobs-status").select_option("stopped")
    expect(page.get_by_test_id("jobs-count")).to_have_text("1 job")
    page.reload()
    assert names(page) == ["codes again"]
    expect(page.get_by_test_id("jobs-search")).to_have_value("codes")
    page.get_by_test_id("jobs-search").fill("nothing like it")
    expect(page.get_by_test_id("jobs-none")).to_be_visible()
    page.get_by_test_id("jobs-none").get_by_role("link").click()
    expect(page.get_by_test_id("job-row")).to_have_count(3)


@pytest.mark.slow
def test_the_list_reads_without_scripts(browser: Any, server: Server) -> None:
    written(server.workspace, {"name": "codes"}, {"name": "triage", "state": "failed"})
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    context.set_default_timeout(1000 * PATIENCE)
    tab = context.new_page()
    tab.goto("/?status=failed")
    expect(tab.get_by_test_id("job-row")).to_have_count(1)
    expect(tab.get_by_test_id("job-row")).to_contain_text("triage")
    context.close()


def test_a_job_that_begins_elsewhere_appears_and_moves(page: Any, server: Server) -> None:
    written(server.workspace, {"name": "before"})
    page.goto("/")
    assert names(page) == ["before"]
    with page_job.living(server.workspace, 2, "now", steps=20) as job:
        job.points(5)
        Store(server.workspace).take_in(job.folder)
        expect(row(page, "now").get_by_test_id("job-state")).to_have_text("running")
        expect(row(page, "now")).to_contain_text("epoch 0.5 of 2")
        job.points(5)
        Store(server.workspace).take_in(job.folder)
        expect(row(page, "now")).to_contain_text("epoch 1 of 2")
        job.end()
    Store(server.workspace).take_in(job.folder)
    expect(row(page, "now").get_by_test_id("job-state")).to_have_text("completed")
    expect(page.get_by_test_id("jobs-count")).to_have_text("2 jobs")


# A note can be clicked for twelve seconds, of which a busy machine may need more.
STAYS = """const later = globalThis.setTimeout;
globalThis.setTimeout = (run, ms, ...more) => (ms >= 12000 && ms < 13000 ? 0 : later(run, ms, ...more));
"""


@pytest.mark.slow
def test_put_away_undone_and_found_again(page: Any, server: Server) -> None:
    written(server.workspace, {"name": "first"}, {"name": "second"})
    page.add_init_script(STAYS)
    page.goto("/")
    row(page, "second").get_by_test_id("act-put-away").click()
    expect(page.get_by_test_id("job-row")).to_have_count(1)
    page.get_by_test_id("toast-action").click()
    expect(page.get_by_test_id("job-row")).to_have_count(2)
    row(page, "first").get_by_test_id("act-put-away").click()
    expect(page.get_by_test_id("job-row")).to_have_count(1)
    page.get_by_test_id("trash").locator("summary").click()
    page.get_by_test_id("restore").click()
    expect(page.get_by_test_id("job-row")).to_have_count(2)
    assert (server.workspace / "1-first").is_dir()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Before the server: what it starts has the recipe of milliseconds."""
    install_fake(tmp_path / "site", monkeypatch, steps=40_000, seconds=0.02)
    return monkeypatch


def test_stopped_and_resumed_with_the_keyboard(
    fake: pytest.MonkeyPatch, server: Server, page: Any
) -> None:
    from dataclasses import replace

    plan = replace(page_job.plan_of("keys", 10, 2.0), recipe="fake")
    facade.train(plan, detach=True)
    page.goto("/")
    expect(row(page, "keys").get_by_test_id("job-state")).to_have_text("running")
    row(page, "keys").get_by_test_id("act-stop").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("saves a checkpoint")
    assert not violations(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(row(page, "keys").get_by_test_id("act-stop")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_test_id("choice-keep").focus()
    page.keyboard.press("Enter")
    expect(row(page, "keys").get_by_test_id("job-state")).to_have_text("stopped")
    # the button that had the focus is gone; the row has it still
    expect(row(page, "keys").locator(":focus")).to_have_count(1)
    expect(row(page, "keys").get_by_test_id("act-resume")).to_be_visible()


@pytest.mark.slow
def test_chosen_jobs_are_kept_and_compared(page: Any, server: Server) -> None:
    short = ({"name": f"job {n}", "steps": 5, "evals": 0} for n in range(1, 13))
    written(server.workspace, *short)
    page.goto("/")
    for name in ("job 12", "job 3"):
        row(page, name).get_by_test_id("pick").check()
    page.reload()
    expect(row(page, "job 3").get_by_test_id("pick")).to_be_checked()
    for number in (1, 2, 4, 5, 6, 7, 8, 9):
        row(page, f"job {number}").get_by_test_id("pick").check()
    expect(row(page, "job 10").get_by_test_id("pick")).to_be_disabled()
    page.get_by_role("button", name="Leave job 9 out").click()
    expect(row(page, "job 10").get_by_test_id("pick")).to_be_enabled()
    page.get_by_test_id("compare").click()
    expect(page).to_have_url(re.compile(r"/compare\?jobs=12,3,1,2,4,5,6,7,8$"))


@pytest.mark.slow
def test_many_jobs_come_by_the_page(page: Any, server: Server) -> None:
    short = ({"name": f"job {n}", "steps": 3, "evals": 0} for n in range(1, 1001))
    written(server.workspace, *short)
    page.goto("/")
    expect(page.get_by_test_id("job-row")).to_have_count(50)
    expect(page.get_by_test_id("jobs-count")).to_have_text("1,000 jobs")
    page.get_by_test_id("jobs-more").scroll_into_view_if_needed()
    expect(page.get_by_test_id("job-row")).to_have_count(100)
    assert names(page)[-1] == "job 901"


@pytest.mark.slow
def test_in_chinese(page: Any, server: Server) -> None:
    written(server.workspace, {"name": "联行号", "state": "stopped"})
    page.goto("/?lang=zh")
    expect(page.get_by_role("heading", level=1)).to_have_text("训练监控")
    expect(row(page, "联行号").get_by_test_id("job-state")).to_have_text("已停止")
    expect(row(page, "联行号")).to_contain_text("第 2 / 2 轮")
    assert re.search(r"web\.(js\.)?\w+\.", page.locator("body").inner_text()) is None


@pytest.mark.slow
def test_pages_go_on_where_no_stream_comes_through(
    page: Any, server: Server, expected: list[str]
) -> None:
    """Behind a proxy that swallows streams the list, a comparison and a job ask again and again."""
    expected += ["ERR_FAILED"]
    written(server.workspace, {"name": "before"}, {"name": "other"})
    with page_job.living(server.workspace, 3, "now", steps=20) as job:
        job.points(5)
        Store(server.workspace).take_in(job.folder)
        page.context.route("**/api/events*", lambda route: route.abort())
        compared, one = page.context.new_page(), page.context.new_page()
        for tab, path in ((page, "/"), (compared, "/compare?jobs=1,3"), (one, "/jobs/3")):
            tab.goto(path)
        for tab in (page, compared, one):
            tab.bring_to_front()
            expect(tab.locator("#connection")).to_contain_text("every two seconds")
        job.points(5)
        Store(server.workspace).take_in(job.folder)
        expect(one.get_by_test_id("chart-loss")).to_contain_text("10 points")
        page.bring_to_front()
        expect(row(page, "now")).to_contain_text("epoch 1 of 2")
        job.end()
    Store(server.workspace).take_in(job.folder)
    page_job.written(server.workspace, 4, "later")
    Store(server.workspace).rebuild()
    expect(row(page, "now").get_by_test_id("job-state")).to_have_text("completed")
    expect(page.get_by_test_id("job-link").first).to_have_text("later")
    expect(page.get_by_test_id("jobs-count")).to_have_text("4 jobs")
    compared.bring_to_front()
    expect(compared.locator("#runs")).to_contain_text("completed")
    facade.put_away(["4"])
    page.bring_to_front()
    expect(page.get_by_test_id("job-row")).to_have_count(3)
    expect(page.locator("#connection")).to_be_visible()
