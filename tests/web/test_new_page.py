"""Starting a job in a real browser: chosen, planned, started, and it really trains."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from holding import Held
from made_jobs import install_fake, rows_file, tiny_model
from playwright.sync_api import expect
from serving import Server, serving

import page_job
from huohou.record.store import Store
from waiting import wait_until

SLOW = 300_000  # ms: the first plan loads the training libraries


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server is started: rows to train on, rows to watch, a tiny model."""
    here = tmp_path_factory.mktemp("new")
    rows_file(here)
    rows_file(here, "eval.jsonl", [{"prompt": "What is 20 and 1?", "completion": "21"}])
    tiny_model(here)
    return here


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """One for all tests here, with the recipe of milliseconds: its plans are made by one process."""
    with pytest.MonkeyPatch.context() as patch:
        install_fake(place / "site", patch, steps=10)
        with serving(place) as running:
            yield running


def field(page: Any, key: str) -> Any:
    return page.get_by_test_id(f"set-{key}")


def fill(page: Any, **fields: str) -> None:
    for name, value in fields.items():
        field(page, name.replace("__", ".")).fill(value)


def number_of(page: Any) -> int:
    """Number of the job whose page it is."""
    return int(page.url.rsplit("/", 1)[1])


def start_button(page: Any) -> Any:
    return page.get_by_test_id("start-button")


def planned(page: Any) -> None:
    """Until the plan of what is filled in is there. Where the one before took the page many seconds
    it makes the next only when it is asked to."""
    make = page.get_by_test_id("make-plan")
    wait_until(lambda: start_button(page).is_enabled() or make.is_visible())
    while start_button(page).is_disabled():
        make.evaluate("one => one.click()")
        wait_until(lambda: start_button(page).is_enabled() or make.is_visible())


def test_a_job_is_started_and_its_points_come_without_a_reload(server: Server, page: Any) -> None:
    page.goto("/new")
    expect(start_button(page)).to_be_disabled()
    fill(page, model="tiny-model", data__train="train.jsonl", data__eval="eval.jsonl")
    fill(page, train__num_epochs="10", train__batch_size="2", name="sums")
    planned(page)
    preview = page.get_by_test_id("plan-preview")
    expect(preview.get_by_test_id("plan-train")).to_contain_text("12 rows")
    expect(preview.get_by_test_id("plan-time")).to_contain_text("60 updates")
    assert not violations(page)
    start_button(page).click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+$"))
    state = page.get_by_test_id("job-state").first
    expect(page.get_by_test_id("chart-loss")).to_contain_text(re.compile(r"\d points"))
    expect(state).to_have_text("completed", timeout=SLOW)
    done = server.http.get(f"/api/jobs/{number_of(page)}").json()
    assert (done["status"], done["step"], done["current_epoch"]) == ("completed", 60, 10)
    page.get_by_test_id("job-again").click()
    expect(field(page, "train.num_epochs")).to_have_value("10")
    expect(field(page, "data.train")).to_have_value("train.jsonl")
    expect(field(page, "model")).to_have_value("tiny-model")
    expect(field(page, "name")).to_have_value("sums")
    expect(page).to_have_url(re.compile("/new$"))


@pytest.mark.slow
def test_two_workers_are_planned_and_train(server: Server, page: Any) -> None:
    page.goto("/new")
    fill(page, model="tiny-model", data__train="train.jsonl", data__eval="eval.jsonl")
    fill(page, train__num_epochs="1", train__batch_size="4", name="team")
    field(page, "compute.on").fill("torchrun")
    field(page, "compute.workers").fill("2")
    planned(page)
    preview = page.get_by_test_id("plan-preview")
    expect(preview).to_contain_text("Workers")
    expect(preview.get_by_test_id("plan-workers")).to_contain_text("2 on torchrun: about")
    start_button(page).click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+$"))
    expect(page.get_by_test_id("job-state").first).to_have_text("completed", timeout=SLOW)
    number = number_of(page)
    lines = (server.workspace / f"{number}-team" / "events.jsonl").read_text().splitlines()
    begin = next(one for one in map(json.loads, lines) if one["kind"] == "start")
    assert begin["workers"] == 2
    page.goto(f"/jobs/{number}?lang=zh")
    page.get_by_test_id("plan-part").locator("summary").first.click()
    expect(page.get_by_test_id("plan-workers")).to_contain_text("工作进程torchrun 上 2 个：约")


@pytest.mark.slow
def test_a_job_is_trained_longer_and_branched(server: Server, page: Any) -> None:
    """From the button to the last step, each by a training of its own."""
    page.goto("/new")
    fill(page, model="tiny-model", data__train="train.jsonl", data__eval="eval.jsonl")
    fill(page, train__num_epochs="2", train__batch_size="2", name="longer")
    planned(page)
    start_button(page).click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+$"))
    state, facts = page.get_by_test_id("job-state").first, page.get_by_test_id("job-facts")
    expect(state).to_have_text("completed", timeout=SLOW)
    expect(facts).to_contain_text("12 of 12")

    page.get_by_test_id("action-resume").click()
    page.get_by_test_id("extend-epochs").fill("2")
    page.get_by_test_id("choice-yes").click()
    expect(facts).to_contain_text("24 of 24", timeout=SLOW)
    expect(state).to_have_text("completed", timeout=SLOW)
    expect(page.get_by_test_id("chart-loss")).to_contain_text(re.compile("from [\\d.]+ at step 1 "))
    told = server.http.get(f"/api/jobs/{number_of(page)}/series?names=loss").json()
    assert told["series"]["loss"]["step"] == list(range(1, 25))  # without gap or double
    assert set(told["series"]["loss"]["seg"]) == {0, 1}

    first = number_of(page)
    page.get_by_test_id("action-branch").click()
    page.get_by_test_id("branch-name").fill("gentle")
    page.get_by_test_id("branch-from").select_option(index=1)
    page.get_by_test_id("branch-settings").fill("train.learning_rate: 1e-5")
    page.locator("#branch-epochs").fill("4")
    page.get_by_test_id("choice-yes").click()
    expect(page).not_to_have_url(re.compile(rf"/jobs/{first}$"), timeout=SLOW)
    expect(page.get_by_role("heading", level=1)).to_contain_text("gentle")
    expect(state).to_have_text("completed", timeout=SLOW)
    done = server.http.get(f"/api/jobs/{number_of(page)}").json()
    assert done["plan"]["settings"]["train.learning_rate"]["value"] == 1e-5
    assert done["name"] == "gentle"


def test_the_start_waits_for_the_plan_of_what_is_shown(server: Server, page: Any) -> None:
    page.goto("/new")
    page.get_by_test_id("recipe-fake").check()
    fill(page, model="tiny-model", data__train="train.jsonl")
    planned(page)
    held = Held(page, "/api/plan$")
    fill(page, train__learning_rate="1e-3")
    expect(start_button(page)).to_be_disabled()
    held.comes()
    expect(start_button(page)).to_be_disabled()
    held.release()
    planned(page)
    fill(page, train__learning_rate="fast")
    expect(start_button(page)).to_be_disabled()
    expect(page.locator('[data-key="train.learning_rate"]')).to_contain_text("not a number")
    fill(page, train__learning_rate="-1")
    expect(page.locator('[data-key="train.learning_rate"]')).to_contain_text("greater than 0")
    page.locator('[data-key="train.learning_rate"] .reset').click()
    planned(page)


def test_what_is_wrong_is_told_at_its_field(page: Any, expected: list[str]) -> None:
    expected.append("422")
    page.goto("/new")
    fill(page, model="tiny-model", data__train="no-such-file.jsonl")
    problem = page.get_by_test_id("plan-problem")
    expect(problem).to_contain_text("no-such-file.jsonl", timeout=SLOW)
    expect(field(page, "data.train")).to_have_attribute("aria-invalid", "true")
    expect(start_button(page)).to_be_disabled()
    problem.get_by_role("button").click()
    expect(field(page, "data.train")).to_be_focused()
    fill(page, data__train="/etc/passwd")
    expect(problem).to_contain_text("not in a folder that the page may read", timeout=SLOW)
    fill(page, data__train="train.jsonl")
    planned(page)
    expect(problem).to_be_hidden()
    expect(field(page, "data.train")).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.slow
def test_advice_is_one_click(page: Any) -> None:
    page.goto("/new")
    fill(page, model="tiny-model", data__train="train.jsonl", data__eval="eval.jsonl")
    card = page.get_by_test_id("finding-card").filter(has_text="too-few-updates")
    expect(card).to_be_visible(timeout=SLOW)
    card.get_by_test_id("apply").first.click()
    expect(field(page, "train.num_epochs")).to_have_value("50")
    planned(page)
    expect(card).to_have_count(0, timeout=SLOW)


@pytest.mark.slow
def test_every_setting_is_found_in_both_languages(page: Any) -> None:
    page.goto("/new")
    expect(field(page, "train.weight_decay")).to_be_hidden()
    find = page.get_by_test_id("find-setting")
    for words in ("weight decay", "权重衰减", "AdamW", "train.weight"):
        find.fill(words)
        expect(field(page, "train.weight_decay")).to_be_visible()
        expect(field(page, "train.num_epochs")).to_be_hidden()
    find.fill("align.margin")
    expect(page.locator("#found")).to_contain_text("recipe align only")
    find.fill("data.eval")
    page.locator("#found").get_by_role("button").click()
    expect(field(page, "data.eval")).to_be_focused()
    find.fill("")
    page.get_by_test_id("all-settings").check()
    keys = page.locator(".setting:visible").evaluate_all("all => all.map(e => e.dataset.key)")
    assert {"train.seed", "lora.dropout", "data.format", "data.system"} <= set(keys)
    assert "embed.scale" not in keys
    page.get_by_test_id("recipe-embed").check()
    expect(field(page, "embed.scale")).to_be_visible()
    expect(field(page, "lora.rank")).to_be_hidden()
    expect(field(page, "train.learning_rate")).to_have_attribute("placeholder", "0.00002")


def test_the_four_choices(server: Server, page: Any) -> None:
    Store(server.workspace).take_in(page_job.written(server.workspace, 71, "taken"))
    page.goto("/new")
    page.get_by_test_id("recipe-fake").check()
    fill(page, model="tiny-model", data__train="train.jsonl", name="taken")
    planned(page)
    start_button(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("job 71, completed")
    expect(dialog).to_contain_text("Nothing of it is deleted")
    for choice in ("new", "backup", "continue", "cancel"):
        expect(dialog.get_by_test_id(f"choice-{choice}")).to_be_visible()
    dialog.get_by_test_id("choice-cancel").click()
    expect(start_button(page)).to_be_enabled()
    assert server.http.get("/api/jobs?q=taken").json()["total"] == 1
    start_button(page).click()
    page.get_by_test_id("choice-backup").click()
    expect(page).to_have_url(re.compile("/jobs/72$"))
    assert (server.workspace / "backup" / "71-taken").is_dir()


@pytest.mark.slow
def test_files_are_browsed_and_sent(page: Any, server: Server, place: Path, tmp_path: Path) -> None:
    page.goto("/new")
    page.get_by_test_id("browse-data.train").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("place")).to_have_text(str(place))
    dialog.get_by_role("button", name="train.jsonl").click()
    expect(field(page, "data.train")).to_have_value("train.jsonl")
    expect(field(page, "name")).not_to_have_value("")
    mine = rows_file(tmp_path, "my rows.jsonl")
    page.get_by_test_id("upload-input").set_input_files(mine)
    sent = server.workspace / "uploads" / "my-rows.jsonl"
    expect(field(page, "data.train")).to_have_value("runs/uploads/my-rows.jsonl")
    assert sent.read_text() == mine.read_text()
    expect(field(page, "name")).to_have_value("my-rows")


def test_of_two_folders_the_one_that_was_clicked_last_is_shown(
    server: Server, page: Any, place: Path
) -> None:
    server.workspace.mkdir(exist_ok=True)
    page.goto("/new")
    page.get_by_test_id("browse-data.train").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("place")).to_have_text(str(place))
    held = Held(page, "/api/places.*tiny-model")
    dialog.get_by_role("button", name="tiny-model").click()
    held.comes()
    dialog.get_by_role("button", name="runs").click()
    expect(dialog.get_by_test_id("place")).to_have_text(str(server.workspace))
    held.release()
    assert dialog.get_by_test_id("place").inner_text() == str(server.workspace)


@pytest.mark.slow
def test_rows_kept_aside(page: Any, server: Server) -> None:
    page.goto("/new")
    fill(page, data__train="train.jsonl")
    page.get_by_test_id("keep-aside").click()
    expect(field(page, "data.eval")).to_have_value(re.compile("uploads/train-split/eval.jsonl"))
    expect(page.get_by_test_id("keep-aside")).to_be_hidden()
    page.reload()  # what was filled in is still there
    expect(field(page, "data.eval")).to_have_value(re.compile("eval.jsonl"))


@pytest.mark.slow
def test_an_example_fills_the_form(page: Any) -> None:
    page.goto("/new?example=facts")
    expect(field(page, "data.train")).to_have_value(re.compile("example-facts/data/train.jsonl"))
    expect(field(page, "name")).to_have_value("bank-codes")
    expect(field(page, "lora.rank")).to_have_value("32")
    expect(page).to_have_url(re.compile("/new$"))
    page.get_by_test_id("example-embed").click()
    expect(page.get_by_test_id("recipe-embed")).to_be_checked()
    expect(field(page, "name")).to_have_value("faq-search")


def test_with_the_keyboard_alone(server: Server, page: Any) -> None:
    page.goto("/new")
    field(page, "data.train").focus()
    page.keyboard.type("train.jsonl")
    page.keyboard.press("Enter")  # in a field: no start by accident
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(":focus").get_attribute("name") == "recipe":
            break
    for _ in range(6):
        if page.locator(":focus").get_attribute("value") == "fake":
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(field(page, "model")).to_be_focused()
    page.keyboard.type("tiny-model")
    planned(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(":focus").get_attribute("data-testid") == "start-button":
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs/\d+$"))
    assert server.http.get(f"/api/jobs/{number_of(page)}").json()["recipe"] == "fake"


def test_in_chinese(page: Any) -> None:
    page.goto("/new?lang=zh")
    fill(page, model="tiny-model", data__train="train.jsonl")
    planned(page)
    expect(page.get_by_test_id("plan-train")).to_contain_text("12 行")
    expect(start_button(page)).to_have_text("开始训练")
    page.get_by_test_id("all-settings").check()
    text = page.locator("body").inner_text()
    assert re.search(r"web\.(js\.)?\w+\.|Default:|Peak", text) is None
    expect(page.locator('[data-key="train.learning_rate"] label')).to_contain_text("学习率")
