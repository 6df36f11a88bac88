"""The page of a job in a browser: curves, live points, zoom, findings, log, plan, both languages."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from made_jobs import ACCURACY, scored
from playwright.sync_api import expect
from serving import Server, serving

import page_job
from huohou.evaluate.card import Metric, Scorecard, save
from huohou.record import checkpoints
from huohou.record.finding import Advice
from page_job import Jobs, rows, steps, words

CURVES = "body[data-ready=charts]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file."""
    with serving(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture(scope="module")
def jobs(server: Server) -> Jobs:
    return Jobs(server.workspace)


def shown(page: Any, jobs: Jobs, query: str = "") -> Any:
    """The page of the newest job, its first curves drawn."""
    page.goto(f"/jobs/{jobs.number}{query}")
    page.wait_for_selector(CURVES)
    return page


def test_a_job_that_has_ended(page: Any, jobs: Jobs) -> None:
    jobs.written(findings=(page_job.OVERFIT,))
    shown(page, jobs)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{jobs.number} bank codes")
    expect(page.get_by_test_id("job-state")).to_have_text("completed")
    expect(page.get_by_test_id("job-facts")).to_contain_text("100 of 100")
    told = words(page)
    assert "train loss: from 2.69 at step 1 to" in told
    assert "eval loss: from" in told
    assert "lowest" in told
    assert "105 points, each drawn." in told
    for chart in ("loss", "learning_rate", "grad_norm", "tokens_per_second"):
        page.get_by_test_id(f"chart-{chart}").scroll_into_view_if_needed()  # then it is drawn
        expect(page.get_by_test_id(f"chart-{chart}").locator("canvas")).to_have_count(1)
    card = page.get_by_test_id("finding-card")
    expect(card).to_contain_text("Overfitting: the evaluation loss rises")
    card.locator("summary").click()
    expect(card.locator("pre")).to_have_text("train:\n  num_epochs: 2")
    expect(page.get_by_test_id("log-lines")).to_contain_text("training")
    expect(page.get_by_test_id("timeline-table").locator("tbody tr")).to_have_count(2)


def test_a_scorecard_is_shown_and_a_report_written(page: Any, jobs: Jobs) -> None:
    folder = jobs.written()
    scored(folder, 15)
    shown(page, jobs)
    row = page.get_by_test_id("scorecard").locator("tbody tr")
    expect(row).to_contain_text(ACCURACY)
    expect(row.locator("td.number").first.locator("b")).to_have_text("25.0 %")
    expect(row.locator(".range")).to_have_text("10.0 % to 90.0 %")
    expect(row.locator("td.number").last).to_have_text("60")
    expect(page.get_by_test_id("scorecard-part")).to_contain_text("It knows some.")
    row.locator("summary").click()
    expect(row).to_contain_text("right answers")
    expect(page.get_by_test_id("report-link")).to_have_count(0)
    page.get_by_test_id("report-make").click()
    with page.expect_popup() as opened:
        page.get_by_test_id("report-link").click()
    expect(opened.value.locator("body")).to_contain_text(ACCURACY)
    assert (folder / "report.md").is_file()
    assert not violations(page)


def test_points_appear_without_a_reload(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        job.points(5)
        shown(page, jobs)
        expect(page.get_by_test_id("job-state")).to_have_text("running")
        page.evaluate("globalThis.mark = 1")
        job.points(7)
        job.evaluate(1.5)
        job.say("a line that was just printed")
        expect(page.get_by_test_id("chart-loss")).to_contain_text("13 points")
        expect(page.get_by_test_id("job-facts")).to_contain_text("12 of 100")
        expect(page.get_by_test_id("log-lines")).to_contain_text("a line that was just printed")
        job.point(gpu_memory=5.0, eval_accuracy=0.5)  # series that were not there before
        page.get_by_test_id("chart-accuracy").scroll_into_view_if_needed()
        expect(page.get_by_test_id("chart-accuracy").locator("canvas")).to_have_count(1)
        assert page.evaluate("globalThis.mark") == 1
        job.end()
        expect(page.get_by_test_id("job-state")).to_have_text("completed")
        expect(page.get_by_test_id("action-resume")).to_be_visible()
        expect(page.get_by_test_id("action-stop")).to_have_count(0)
        assert steps(rows(page)) == list(range(1, 14))


@pytest.mark.slow
def test_a_job_that_waits_gets_its_first_curve_by_itself(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        shown(page, jobs)
        expect(page.get_by_test_id("charts-empty")).to_contain_text("No numbers yet")
        job.points(3)
        expect(page.get_by_test_id("chart-loss").locator("canvas")).to_have_count(1)
        expect(page.get_by_test_id("charts-empty")).to_be_hidden()
        expect(page.get_by_test_id("chart-loss")).to_contain_text("3 points")
        assert steps(rows(page)) == [1, 2, 3]


def test_a_reload_in_the_middle_loses_nothing(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        job.points(10)
        shown(page, jobs)
        job.points(10)
        page.reload()
        page.wait_for_selector(CURVES)
        job.points(10)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("30 points")
        assert steps(rows(page)) == list(range(1, 31))


def test_the_server_is_restarted(
    page: Any, server: Server, jobs: Jobs, expected: list[str]
) -> None:
    expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"]  # fmt: skip
    with jobs.living() as job:
        job.points(10)
        shown(page, jobs)
        job.points(5)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("15 points")
        server.end()
        job.points(5)
        expect(page.locator("#connection")).to_be_visible()
        server.restart()
        job.points(5)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("25 points")
        expect(page.locator("#connection")).to_be_hidden()
        assert steps(rows(page)) == list(range(1, 26))


def test_two_tabs_show_the_same(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        job.points(4)
        shown(page, jobs)
        other = shown(page.context.new_page(), jobs)
        page.bring_to_front()
        job.points(4)
        for tab in (page, other):
            tab.bring_to_front()
            expect(tab.get_by_test_id("chart-loss")).to_contain_text("8 points")


@pytest.mark.slow
def test_a_hidden_tab_catches_up(page: Any, jobs: Jobs) -> None:
    """Hidden, a tab holds no connection and draws nothing; seen again, nothing is missing."""
    hide = """(hidden) => { Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange")); }"""
    with jobs.living() as job:
        job.points(4)
        shown(page, jobs)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("4 points")
        page.evaluate(hide, True)
        job.points(6)
        page.wait_for_timeout(1500)
        assert "4 points" in words(page)
        page.evaluate(hide, False)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("10 points")


# Looking at curves


def dragged(page: Any, begin: float, end: float, chart: str = "loss") -> None:
    """Drag over a chart from one part of its width to another."""
    box = page.get_by_test_id(f"chart-{chart}").locator(".u-over").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + begin * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (begin + end) / 2 * box["width"], y)
    page.mouse.move(box["x"] + end * box["width"], y)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.mouse.up()


def zoomed(page: Any) -> tuple[int, int]:
    """The steps that the address names, as soon as it does: it follows what is dragged."""
    expect(page).to_have_url(re.compile(r"zoom=\d+-\d+"))
    low, high = re.findall(r"zoom=(\d+)-(\d+)", page.url)[0]
    return int(low), int(high)


def test_zooming_reads_the_part_anew(page: Any, jobs: Jobs) -> None:
    jobs.written(steps=5000, evals=4)
    shown(page, jobs)
    assert "5,004 points in" in words(page)
    with page.expect_response(lambda answer: "lo=" in answer.url):
        dragged(page, 0.5, 0.55)
    expect(page.get_by_test_id("zoom-out")).to_be_visible()
    expect(page.get_by_test_id("chart-loss")).to_contain_text("each drawn")
    table = rows(page)
    low, high = zoomed(page)
    assert (low, high) == (pytest.approx(2500, abs=60), pytest.approx(2750, abs=60))
    assert steps(table) == list(range(low, high + 1))  # every point by itself now
    page.get_by_test_id("zoom-out").click()
    expect(page.get_by_test_id("chart-loss")).to_contain_text("5,004 points in")
    dragged(page, 0.5, 0.55)  # the same part once more
    expect(page.get_by_test_id("chart-loss")).to_contain_text("each drawn")
    page.reload()
    page.wait_for_selector(CURVES)
    expect(page.get_by_test_id("zoom-out")).to_be_visible()
    page.get_by_test_id("chart-loss").locator(".u-over").dblclick(position={"x": 300, "y": 100})
    expect(page.get_by_test_id("zoom-out")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("zoom"))
    assert max(steps(rows(page))) == 5000


@pytest.mark.slow
def test_smoothing_stays_in_the_address_and_zooming_does_not_change_it(
    page: Any, jobs: Jobs
) -> None:
    jobs.written(steps=4000, evals=0)
    shown(page, jobs)
    page.get_by_test_id("smooth").fill("0.9")
    expect(page.get_by_test_id("smooth-value")).to_have_text("0.9")
    expect(page).to_have_url(re.compile(r"smooth=0\.9"))
    whole = {int(row[2]): float(row[7]) for row in rows(page)[1:] if row[0] == "loss"}
    with page.expect_response(lambda answer: "lo=" in answer.url):
        dragged(page, 0.5, 0.6)
    expect(page.get_by_test_id("chart-loss")).to_contain_text("each drawn")
    part = {int(row[2]): float(row[7]) for row in rows(page)[1:] if row[0] == "loss"}
    both = sorted(set(whole) & set(part))
    assert len(both) > 20
    assert all(abs(whole[step] - part[step]) < 0.005 for step in both)


@pytest.mark.parametrize(
    "axis",
    [
        pytest.param("epoch", marks=pytest.mark.slow),
        "time",
        pytest.param("wall", marks=pytest.mark.slow),
    ],
)
def test_axes(page: Any, jobs: Jobs, axis: str) -> None:
    jobs.written()
    shown(page, jobs)
    button = page.get_by_test_id(f"axis-{axis}")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(f"x={axis}"))
    dragged(page, 0.25, 0.75)
    low, high = zoomed(page)
    assert (low, high) == (pytest.approx(25, abs=4), pytest.approx(76, abs=4))


@pytest.mark.slow
def test_a_logarithm_needs_positive_values(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        job.point(loss=1.0, learning_rate=0.0, grad_norm=0.0)
        job.point(loss=-1.0, learning_rate=0.0, grad_norm=0.0)
        shown(page, jobs, query="?log=1")
        expect(page.get_by_test_id("chart-loss")).to_contain_text("No log scale")


@pytest.mark.slow
def test_values_that_are_no_numbers_are_said(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        for loss in (2.0, 1.0, float("nan"), 1.5, float("inf"), 1.4):
            job.point(loss=loss)
        shown(page, jobs)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("2 values are no numbers")
        table = rows(page)
        assert [row[3] for row in table if row[0] == "loss"][2:5] == ["NaN", "1.5", "Infinity"]


def test_with_the_keyboard(page: Any, jobs: Jobs) -> None:
    jobs.written()
    shown(page, jobs)
    chart = page.get_by_test_id("chart-learning_rate").get_by_role("figure")
    chart.scroll_into_view_if_needed()
    expect(chart.locator("canvas")).to_have_count(1)  # then it is drawn
    chart.focus()
    page.keyboard.press("Home")
    expect(page.get_by_test_id("spoken")).to_contain_text("step 1 ")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("spoken")).to_contain_text("step 4 ")
    expect(page.get_by_test_id("spoken")).to_contain_text("Learning rate 9.604e−4")
    page.keyboard.press("End")
    expect(page.get_by_test_id("spoken")).to_contain_text("step 100 ")
    page.keyboard.press("+")
    expect(page.get_by_test_id("zoom-out")).to_be_visible()
    page.keyboard.press("0")
    expect(page.get_by_test_id("zoom-out")).to_be_hidden()


@pytest.mark.slow
def test_the_table_behind_a_chart(page: Any, jobs: Jobs) -> None:
    jobs.written()
    shown(page, jobs)
    chart = page.get_by_test_id("chart-loss")
    chart.get_by_text("Table", exact=True).click()
    expect(chart.locator("tbody tr")).to_have_count(25)
    chart.get_by_role("button", name="Next").click()
    expect(chart.locator("tbody tr").first).to_contain_text("26")


def test_without_the_chart_library_all_but_the_curves_is_there(
    page: Any, jobs: Jobs, expected: list[str]
) -> None:
    """As after an install that could not reach npm's registry."""
    expected.append("uPlot")
    page.route("**/uPlot*", lambda route: route.abort())
    with jobs.living() as job:
        job.points(5)
        shown(page, jobs)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("The chart library is missing")
        job.points(2)
        expect(page.get_by_test_id("chart-loss")).to_contain_text("7 points")
        assert steps(rows(page)) == list(range(1, 8))
        expect(page.get_by_test_id("job-facts")).to_contain_text("7 of 100")


@pytest.mark.slow
def test_downloads(page: Any, jobs: Jobs) -> None:
    jobs.written(name="=cmd()", series={"=cmd()": 1.5})
    shown(page, jobs)
    place = page.get_by_test_id("chart-loss")
    found = {}
    for form in ("json", "png"):
        place.get_by_test_id("export").locator("summary").click()
        with page.expect_download() as saving:
            place.get_by_test_id(f"save-{form}").click()
        assert re.fullmatch(r"[\w.-]+", saving.value.suggested_filename)
        found[form] = Path(saving.value.path()).read_bytes()
    assert found["png"].startswith(b"\x89PNG")
    told = json.loads(found["json"])
    assert [one["name"] for one in told["series"]] == ["loss", "eval_loss"]
    assert len(told["series"][0]["last"]) == 100
    hostile = page.get_by_test_id("chart-=cmd()")
    hostile.scroll_into_view_if_needed()  # then it is drawn
    expect(hostile.locator("canvas")).to_have_count(1)
    table = rows(page, "=cmd()")
    assert len(table) == 101
    assert {row[0] for row in table[1:]} == {"'=cmd()"}, "a spreadsheet takes it for a text"
    assert not [cell for row in table for cell in row if cell.lstrip().startswith(tuple("=+-@"))]


@pytest.mark.slow
def test_a_number_of_the_scorecard_says_how_it_was_counted(page: Any, jobs: Jobs) -> None:
    folder = jobs.written()
    bleu = Metric("text.bleu", "What papers call BLEU.", 41.5, None, None, 9, unit="points")
    counted = replace(bleu, tokenisation="sacrebleu zh", settings="nrefs:1|case:mixed|tok:zh")
    asked = {"on": "test", "source": "q.jsonl", "asked": 9, "rows": 9, "fingerprint": "0" * 64}
    save(Scorecard({"name": "x"}, asked, None, {}, (counted,)), folder, "scorecard", [])
    shown(page, jobs)
    place = page.get_by_test_id("scorecard")
    place.locator("summary").click()
    for words_ in ("What papers call BLEU.", "Cut into: sacrebleu zh.", "|tok:zh."):
        expect(place.get_by_text(words_)).to_be_visible()


# Findings, plan, log, files, report


@pytest.mark.slow
def test_a_finding_is_put_aside_and_stays_there(page: Any, jobs: Jobs) -> None:
    jobs.written(findings=(page_job.OVERFIT,))
    shown(page, jobs)
    page.get_by_test_id("dismiss").click()
    expect(page.get_by_test_id("no-findings")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("no-findings")).to_be_visible()
    page.get_by_text("Put aside: 1").click()
    page.get_by_test_id("undismiss").click()
    expect(page.get_by_test_id("dismiss")).to_be_visible()


def test_a_finding_that_comes_live(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        job.points(50)
        shown(page, jobs)
        expect(page.get_by_test_id("no-findings")).to_be_visible()
        expect(page.get_by_test_id("chart-loss")).to_contain_text("50 points")
        job.journal.finding(page_job.OVERFIT)
        expect(page.get_by_test_id("finding-card")).to_contain_text("Overfitting")
        page.get_by_role("button", name="Show on the curve").click()
        expect(page.get_by_test_id("zoom-out")).to_be_visible()


@pytest.mark.slow
def test_plan_and_files(page: Any, jobs: Jobs) -> None:
    jobs.written()
    shown(page, jobs)
    page.get_by_test_id("plan-part").locator("> summary").click()
    expect(page.get_by_test_id("plan-table")).to_contain_text("train.learning_rate")
    expect(page.get_by_test_id("plan-command")).to_contain_text("huohou train")
    page.get_by_test_id("files-part").locator("> summary").click()
    with page.expect_download() as saving:
        page.get_by_test_id("files-table").get_by_role("link", name="plan.json").click()
    assert json.loads(Path(saving.value.path()).read_text())["name"] == "bank codes"


def test_the_log(page: Any, jobs: Jobs) -> None:
    lines = [f"line {n}" for n in range(5000)] + ["Error: it <b>broke</b>", "the end"]
    jobs.written(log="\n".join(lines) + "\n")
    shown(page, jobs)
    log = page.get_by_test_id("log-lines")
    expect(log).to_contain_text("the end")
    expect(log).to_contain_text("it <b>broke</b>")
    expect(log.get_by_text("line 10", exact=True)).to_have_count(0)
    page.get_by_test_id("log-search").fill("line 10")
    expect(page.get_by_test_id("log-where")).to_contain_text("lines found")
    expect(log.locator("mark").first).to_have_text("line 10")
    page.get_by_test_id("log-search").fill("")
    page.get_by_test_id("log-level").select_option("error")
    expect(log.locator("div:visible", has_text="broke")).to_have_count(1)
    expect(log.get_by_text("the end")).to_be_hidden()


@pytest.mark.slow
def test_a_log_that_grows_while_somebody_reads(page: Any, jobs: Jobs) -> None:
    """What is held of it stays small, and nothing is left out when it is followed again."""
    with jobs.living() as job:
        job.point()
        shown(page, jobs)
        log = page.get_by_test_id("log-lines")
        many = [f"early {n}" for n in range(5000)]
        job.say("\n".join(many))
        expect(log).to_contain_text("early 4999")
        assert log.evaluate("box => box.childElementCount") <= 4000
        page.get_by_test_id("log-follow").uncheck()
        log.evaluate("box => box.scrollTop = 0")  # lines were let go: they are read again
        expect(log.get_by_text("early 0", exact=True)).to_have_count(1)
        job.say("\n".join(f"late {n}" for n in range(10_000)))
        expect(log).to_contain_text("late 10")
        page.wait_for_timeout(2000)
        assert log.evaluate("box => box.childElementCount") <= 8000
        page.get_by_test_id("log-follow").check()
        expect(log).to_contain_text("late 9999")
        job.say("and on")
        expect(log).to_contain_text("and on")
        shown_lines = log.evaluate("box => [...box.children].map(line => line.textContent)")
        last = [line for line in shown_lines if line.startswith("late")]
        assert last == [f"late {n}" for n in range(10_000)][-len(last) :]
        assert len(last) > 100


@pytest.mark.slow
def test_what_a_failed_job_says(page: Any, jobs: Jobs) -> None:
    jobs.written(state="failed", error="Traceback\nValueError: no <i>rows</i>")
    shown(page, jobs)
    expect(page.get_by_test_id("job-error")).to_contain_text("ValueError: no <i>rows</i>")


@pytest.mark.slow
def test_stop_and_keep_asks_first(page: Any, jobs: Jobs) -> None:
    with jobs.living() as job:
        job.points(3)
        shown(page, jobs)
        page.get_by_test_id("action-stop").click()
        expect(page.get_by_role("dialog")).to_contain_text("checkpoint is saved")
        page.get_by_test_id("choice-cancel").click()
        expect(page.get_by_test_id("job-state")).to_have_text("running")


@pytest.mark.slow
def test_what_the_server_refuses_is_said(page: Any, jobs: Jobs, expected: list[str]) -> None:
    expected.append("status of 4..")
    jobs.written()
    shown(page, jobs)
    page.get_by_test_id("action-resume").click()
    page.get_by_test_id("extend-epochs").fill("")
    page.get_by_test_id("choice-yes").click()
    expect(page.get_by_test_id("toast")).to_contain_text("epochs")


def test_a_branch_begins_at_a_checkpoint_that_is_there_now(page: Any, jobs: Jobs) -> None:
    """A running job saves new ones and drops old ones after its page was opened."""
    place = jobs.written() / "checkpoints"

    def save(step: int) -> None:
        folder = place / f"checkpoint-{step}"
        checkpoints.seal(folder.rename(place / checkpoints.STAGING), folder, {})

    save(20)
    shown(page, jobs)
    save(40)
    (place / "checkpoint-20").rename(place / "dropped")
    page.get_by_test_id("action-branch").click()
    offered = page.get_by_test_id("branch-from").locator("option")
    expect(offered).to_have_count(2)
    expect(offered.nth(1)).to_have_attribute("value", "checkpoint-40")


def test_nothing_of_a_job_is_taken_for_html(page: Any, jobs: Jobs) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    told = replace(page_job.OVERFIT, title=evil, why=evil, advice=(Advice(evil, {evil: evil}),))
    jobs.written(name=f"a {evil}", findings=(told,), state="failed", error=evil, log=evil)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    shown(page, jobs)
    for part in ("plan-part", "files-part"):
        page.get_by_test_id(part).locator("> summary").click()
    expect(page.get_by_test_id("job-error")).to_contain_text(evil)
    expect(page.get_by_test_id("finding-card").first).to_contain_text(evil)
    assert page.locator("main img, main script").count() == 0


# For everybody


def test_in_chinese(page: Any, jobs: Jobs) -> None:
    jobs.written(findings=(page_job.OVERFIT,))
    shown(page, jobs, query="?lang=zh")
    expect(page.get_by_test_id("job-state")).to_have_text("已完成")
    assert "训练损失：从第 1 步的" in words(page)
    page.get_by_test_id("plan-part").locator("> summary").click()
    text = page.locator("main").inner_text()
    assert "web." not in text.replace("web.js", "web.")
    assert not re.search(r"\bweb\.\w+\.", text)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_how_it_looks(page: Any, jobs: Jobs, theme: str) -> None:
    """Nothing to hold but the picture, and that nothing is wider than the window."""
    jobs.written(findings=(page_job.OVERFIT,), steps=1500)
    page.set_viewport_size({"width": 390 if theme == "dark" else 1280, "height": 900})
    shown(page, jobs, query=f"?theme={theme}")
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
