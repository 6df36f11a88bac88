"""Several runs over one another: the server's answer, and the page in a real browser."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_jobs import ACCURACY, scored, written
from playwright.sync_api import expect
from serving import Server, serving
from starlette.testclient import TestClient

import page_job
from huohou.config import Setting
from huohou.record.store import Store
from huohou.web import app


def set_in_plan(folder: Path, **settings: Any) -> None:
    """Write other settings into a job's plan, as if the page had given them."""
    from huohou.plan import Plan

    plan = Plan.load(folder / "plan.json")
    changed = {k.replace("__", "."): Setting(v, "page") for k, v in settings.items()}
    (folder / "plan.json").unlink()
    replace(plan, settings=plan.settings | changed).save(folder / "plan.json")


def filled(workspace: Path) -> None:
    """Jobs 1 to 4: two scored on the same questions, one on others, one that was never scored."""
    folders = [page_job.written(workspace, n, f"run {n}", steps=40 * n) for n in range(1, 5)]
    set_in_plan(folders[1], train__learning_rate=1e-3)
    set_in_plan(folders[2], train__learning_rate=1e-3, lora__rank=4)
    scored(folders[0], 10)
    scored(folders[1], 50)
    scored(folders[2], 30, questions="other")
    Store(workspace).rebuild()


# The answer


def test_only_what_differs_is_listed(api: TestClient, tmp_path: Path) -> None:
    filled(tmp_path / "runs")
    told = api.get("/api/compare?jobs=1,2,3").json()
    assert [job["id"] for job in told["jobs"]] == [1, 2, 3]
    assert told["base"] == 1
    differ = {one["key"]: one for one in told["differ"]}
    assert differ["train.learning_rate"]["values"] == [2e-4, 1e-3, 1e-3]
    assert differ["train.learning_rate"]["from"] == ["default", "page", "page"]
    assert differ["lora.rank"]["values"] == [16, 16, 4]
    assert set(differ) == {"train.learning_rate", "lora.rank"}
    assert told["same"] > 20
    assert "loss" in told["series"][0]


def test_a_number_is_the_same_as_a_whole_one_and_as_a_fraction(
    api: TestClient, tmp_path: Path
) -> None:
    for n, rate in enumerate((1, 1.0), 1):  # of the defaults, and of a plan that was read back
        set_in_plan(page_job.written(tmp_path / "runs", n), train__evals_per_epoch=rate)
    Store(tmp_path / "runs").rebuild()
    assert api.get("/api/compare?jobs=1,2").json()["differ"] == []


def test_scores_are_compared_on_the_same_questions_only(api: TestClient, tmp_path: Path) -> None:
    filled(tmp_path / "runs")
    told = api.get("/api/compare?jobs=1,2,3,4&base=1").json()
    assert [card and card["metrics"][0]["value"] for card in told["cards"]] == [
        pytest.approx(1 / 6),
        pytest.approx(5 / 6),
        0.5,
        None,
    ]
    better, other, none = told["paired"]
    (difference,) = better["differences"]
    assert (difference["metric"], difference["verdict"], difference["n"]) == (
        ACCURACY,
        "better",
        60,
    )
    assert difference["low"] > 0
    assert "flips" not in better
    assert (other["job"], none["job"]) == (3, 4)
    assert "differences" not in other and other["problem"]
    assert "differences" not in none and none["problem"]


def test_another_base(api: TestClient, tmp_path: Path) -> None:
    filled(tmp_path / "runs")
    told = api.get("/api/compare?jobs=1,2&base=2").json()
    assert [(one["job"], one["base"]) for one in told["paired"]] == [(1, 2)]
    assert told["paired"][0]["differences"][0]["verdict"] == "worse"


def test_a_log_of_another_program_has_no_plan(api: TestClient, tmp_path: Path) -> None:
    folder = page_job.written(tmp_path / "runs", 1)
    page_job.written(tmp_path / "runs", 2)
    (folder / "plan.json").unlink()
    Store(tmp_path / "runs").rebuild()
    told = api.get("/api/compare?jobs=1,2").json()
    assert told["differ"] == []
    assert [job["id"] for job in told["jobs"]] == [1, 2]


@pytest.mark.parametrize(
    ("jobs", "status"),
    [("9", 404), ("", 422), ("1,", 422), ("../x", 422), (",".join(map(str, range(1, 12))), 400)],
)
def test_what_cannot_be_compared(api: TestClient, tmp_path: Path, jobs: str, status: int) -> None:
    count = 11 if status == 400 else 8
    written(tmp_path / "runs", *({"steps": 2, "evals": 0} for _ in range(count)))
    assert api.get("/api/compare", params={"jobs": jobs}).status_code == status


# The page


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here: they only look."""
    folder = tmp_path_factory.mktemp("compare")
    filled(folder / "runs")
    with serving(folder) as running:
        yield running


def test_runs_are_laid_over_one_another(page: Any) -> None:
    page.goto("/compare?jobs=1,2,3")
    expect(page.get_by_test_id("compare-run")).to_have_count(3)
    chart = page.get_by_test_id("chart-loss")
    expect(chart.locator(".key")).to_have_count(6)
    expect(chart).to_contain_text("run 3 #3 · eval loss")
    expect(chart).to_contain_text("255 points")
    rows = page.get_by_test_id("differ-row")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="lora.rank").locator("td")).to_have_text(["16", "16", "4"])
    change = page.get_by_test_id("card-row").get_by_test_id("change")
    expect(change).to_have_count(1)
    expect(change).to_contain_text("▲ better +66.7")
    expect(page.get_by_test_id("compare-note")).to_have_count(2)


@pytest.mark.slow
def test_a_run_keeps_its_colour(page: Any) -> None:
    def colours() -> dict[str, str]:
        found: dict[str, str] = page.get_by_test_id("compare-run").evaluate_all(
            "rows => Object.fromEntries(rows.map(r => [r.querySelector('a').textContent,"
            " r.querySelector('svg').style.getPropertyValue('--line-color')]))"
        )
        return found

    page.goto("/compare?jobs=1,2,3")
    expect(page.get_by_test_id("compare-run")).to_have_count(3)
    before = colours()
    assert len(set(before.values())) == 3
    page.get_by_test_id("leave-out").first.click()
    expect(page.get_by_test_id("compare-run")).to_have_count(2)
    assert colours() == {k: v for k, v in before.items() if k != "run 1 #1"}
    expect(page).to_have_url(re.compile(r"\?jobs=2,3$"))


def test_what_is_looked_at_stands_in_the_address(page: Any) -> None:
    page.goto("/compare?jobs=1,2")
    page.get_by_test_id("base").nth(1).check()
    expect(page).to_have_url(re.compile("base=2"))
    expect(page.get_by_test_id("change")).to_contain_text("▼ worse")
    page.get_by_test_id("axis-epoch").click()
    page.get_by_test_id("log-scale").check()
    expect(page).to_have_url(re.compile("x=epoch.*log=1"))
    page.reload()
    expect(page.get_by_test_id("axis-epoch")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("log-scale")).to_be_checked()
    expect(page.get_by_test_id("base").nth(1)).to_be_checked()
    page.goto("/compare?jobs=1,2&zoom=10-20")
    chart = page.get_by_test_id("chart-loss")
    expect(page.get_by_test_id("zoom-out")).to_be_visible()
    expect(chart.locator("canvas")).to_be_visible()
    with page.expect_response(lambda answer: "lo=" in answer.url):
        chart.get_by_role("figure").focus()
        page.keyboard.press("+")
    expect(page).not_to_have_url(re.compile("zoom=10-20"))
    low, high = map(float, re.findall(r"zoom=([\d.]+)-([\d.]+)", page.url)[0])
    assert 10 <= low < high <= 20
    page.reload()
    expect(page.get_by_test_id("zoom-out")).to_be_visible()
    page.get_by_test_id("zoom-out").click()
    expect(page.get_by_test_id("zoom-out")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("zoom"))


@pytest.mark.slow
def test_runs_are_chosen_here_too(page: Any) -> None:
    page.goto("/compare")
    expect(page.get_by_test_id("compare-run")).to_have_count(4)  # the newest
    page.get_by_test_id("pick-search").fill("run 2")
    pick = page.get_by_test_id("pick-list").get_by_test_id("pick")
    expect(pick).to_have_count(1)
    pick.uncheck()
    expect(page.get_by_test_id("compare-run")).to_have_count(3)
    pick.check()
    expect(page).to_have_url(re.compile(r"jobs=4,3,1,2$"))


@pytest.mark.slow
def test_in_chinese_and_with_the_keyboard(page: Any) -> None:
    page.goto("/compare?jobs=1,2&lang=zh")
    chart = page.get_by_test_id("chart-loss").get_by_role("figure")
    expect(chart.locator("canvas")).to_be_visible()
    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#spoken")).to_contain_text("run 1 #1")
    expect(page.get_by_role("heading", level=1)).to_have_text("对比")
    assert re.search(r"web\.(js\.)?\w+\.", page.locator("body").inner_text()) is None


def test_runs_have_colours_of_their_own_in_both_themes() -> None:
    """Each as six digits, which the charts make see-through."""
    sheet = (app.STATIC / "compare.css").read_text("utf-8")
    digits = "(#[0-9a-f]{6})"
    both = re.findall(rf"--run-\d: light-dark\({digits}, {digits}\);", sheet)
    light, dark = zip(*both, strict=True)
    assert len(set(light)) == len(set(dark)) == 10
    assert not set(light) & set(dark)
