"""The page of questions in a browser: evidence, words as they come, history, marks, both models."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asked_jobs import make_jobs, put_into
from axe import violations
from holding import Held
from playwright.sync_api import expect
from serving import Server

from huohou import api
from scored_job import DAWU, MADE_UP, ZHICHUN

HOSTILE = "<img src=x onerror=alert(1)> <script>document.title='taken'</script> &amp;"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace of two finished jobs, for all tests of this file."""
    place = tmp_path_factory.mktemp("answers")
    put_into(make_jobs(place), place / "runs")
    return place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """One server: opening PyTorch takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUOHOU_HOME", str(place / "runs"))
        patch.setenv("HUOHOU_CACHE", str(place / "cache"))
        patch.setenv("HUOHOU_LANG", "en")
        running = Server(place)
    try:
        yield running
    finally:
        running.close()
    assert running.complaints() == ""


@pytest.fixture(autouse=True)
def workspace(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace with an empty history."""
    for name in ("answers.jsonl", "marked.jsonl"):
        (place / "runs" / name).unlink(missing_ok=True)
    monkeypatch.setenv("HUOHOU_HOME", str(place / "runs"))
    return place / "runs"


def ask(page: Any, question: str) -> Any:
    """The card of the answer."""
    page.get_by_test_id("ask-input").fill(question)
    page.get_by_test_id("ask-button").click()
    card = page.get_by_test_id("answer-card").first
    expect(card).to_contain_text(question)
    expect(page.get_by_test_id("ask-button")).to_be_visible()
    return card


def test_a_question_is_answered_with_its_evidence(page: Any) -> None:
    page.goto("/answers")
    expect(page.get_by_test_id("model-select")).to_have_value("1-tiny")
    card = ask(page, "code of Zhichun branch?")
    expect(card.get_by_test_id("answer-text")).to_contain_text(ZHICHUN)
    row = card.get_by_test_id("evidence-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Zhichun branch")
    expect(row.locator("td.hit")).to_have_text(ZHICHUN)
    expect(card).to_contain_text("copied, not written")
    expect(card.get_by_test_id("answer-seconds")).to_be_visible()
    expect(page.get_by_test_id("history-row")).to_have_count(1)
    assert not violations(page)


def test_what_else_it_could_be_is_asked_by_a_click(page: Any) -> None:
    page.goto("/answers?mode=lookup")
    card = ask(page, "code of Dowu branch?")
    expect(card.get_by_test_id("evidence-row")).to_have_count(0)  # nobody has that name
    card.get_by_test_id("alternative").filter(has_text="Dawu branch").click()
    expect(page.get_by_test_id("answer-card")).to_have_count(2)
    again = page.get_by_test_id("answer-card").first
    expect(again.get_by_test_id("answer-text")).to_contain_text(DAWU)
    expect(page.get_by_test_id("history-row")).to_have_count(2)


@pytest.mark.slow
def test_from_memory_is_told_as_it_is_and_marked(page: Any, workspace: Path) -> None:
    page.goto("/answers?mode=closed&job=1")
    card = ask(page, "code of Zhichun branch?")
    expect(card.get_by_test_id("answer-text")).to_have_text(MADE_UP)
    expect(card).to_contain_text("the model's own words")
    expect(card).to_contain_text("not in the table")
    card.get_by_test_id("mark-wrong").click()
    card.get_by_test_id("correct-input").fill(ZHICHUN)
    card.get_by_test_id("correct-save").click()
    expect(page.get_by_test_id("marked-link")).to_be_visible()
    rows = (workspace / "marked.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(rows[0])["meta"]["expect"] == ZHICHUN
    card.get_by_test_id("prompt-part").locator("summary").click()
    expect(card.get_by_test_id("prompt")).to_contain_text("<|im_start|>system")
    expect(card.get_by_test_id("prompt")).to_contain_text("Answer with the code alone.")
    page.reload()
    expect(page.get_by_test_id("history-row").first).to_contain_text("✗")
    page.get_by_test_id("history-row").first.locator("button").click()
    again = page.get_by_test_id("answer-card").first
    expect(again.get_by_test_id("mark-wrong")).to_have_attribute("aria-pressed", "true")
    expect(again.get_by_test_id("correct-input")).to_have_value(ZHICHUN)


def test_the_history_is_searched_and_outlives_a_new_index(page: Any, server: Server) -> None:
    page.goto("/answers?mode=lookup")
    for name in ("Dawu", "Zhichun", "Xingfa"):
        ask(page, f"code of {name} branch?")
    api.reindex()
    page.reload()
    expect(page.get_by_test_id("history-row")).to_have_count(3)
    page.get_by_test_id("history-search").fill("xingfa")
    expect(page.get_by_test_id("history-row")).to_have_count(1)
    page.get_by_test_id("history-row").locator("button").click()
    expect(page.get_by_test_id("evidence-row").first).to_contain_text("Xingfa branch")
    page.get_by_test_id("history-search").fill("nothing like that")
    expect(page.get_by_test_id("history-row")).to_have_count(0)


@pytest.mark.slow
def test_tuned_and_base_beside_each_other(page: Any) -> None:
    page.goto("/answers?mode=chat&job=1")
    page.get_by_test_id("which-both").click()
    page.get_by_test_id("sampling").locator("summary").click()
    expect(page.get_by_test_id("system")).to_have_value("Answer with the code alone.")
    page.get_by_test_id("max-tokens").fill("20")
    card = ask(page, "code of Dawu branch?")
    tuned, base = card.get_by_test_id("side-tuned"), card.get_by_test_id("side-base")
    expect(tuned.get_by_test_id("answer-text")).to_have_text(DAWU)
    expect(base).to_contain_text("tokens/s")
    expect(tuned).to_contain_text("ended its turn by itself")
    tuned.get_by_test_id("prompt-part").locator("summary").click()
    expect(tuned.get_by_test_id("prompt")).to_contain_text("<|im_start|>user\ncode of Dawu branch?")
    page.get_by_test_id("temperature").fill("1.5")
    page.get_by_test_id("sampling-reset").click()
    expect(page.get_by_test_id("temperature")).to_have_value("0")
    expect(page.get_by_test_id("max-tokens")).to_have_value("256")


@pytest.mark.slow
def test_a_talk_goes_on_and_is_stopped(page: Any) -> None:
    page.goto("/answers?mode=chat&job=1")
    ask(page, "code of Dawu branch?")
    expect(page.get_by_test_id("new-talk")).to_be_visible()
    card = ask(page, "and again?")
    card.get_by_test_id("prompt-part").locator("summary").click()
    expect(card.get_by_test_id("prompt")).to_contain_text(f"<|im_start|>assistant\n{DAWU}")
    page.get_by_test_id("new-talk").click()
    expect(page.get_by_test_id("answer-card")).to_have_count(0)
    page.route("**/api/chat", lambda route: None)  # an answer that takes very long
    for stop in ("button", "key"):
        page.get_by_test_id("ask-input").fill("say much")
        page.get_by_test_id("ask-input").press("Enter")
        if stop == "button":
            page.get_by_test_id("stop-button").evaluate("one => one.click()")
        else:
            page.keyboard.press("Escape")
        expect(page.get_by_test_id("answer-card").first).to_contain_text("Stopped.")
        expect(page.get_by_test_id("ask-button")).to_be_visible()


def test_a_question_waits_for_what_the_model_was_trained_with(page: Any) -> None:
    """Asked without its system prompt it would be another model."""
    held = Held(page, "/api/models/")
    sent: list[Any] = []
    page.on("request", lambda one: sent.append(one.post_data_json) if "/api/chat" in one.url else 0)
    page.goto("/answers?mode=chat&job=1")
    page.get_by_test_id("ask-input").fill("code of Dawu branch?")
    page.get_by_test_id("ask-button").click()
    expect(page.get_by_test_id("answer-card")).to_have_count(1)
    held.comes()
    assert sent == []
    held.release()
    expect(page.get_by_test_id("answer-text")).to_have_text(DAWU)
    assert [turn["role"] for turn in sent[0]["messages"]] == ["system", "user"]


def test_what_is_typed_and_answered_is_text(page: Any, place: Path) -> None:
    table = place / "evil.csv"
    table.write_text(f'name,code\n"{HOSTILE}",17\n"=cmd()|x",18\n', encoding="utf-8")
    page.goto("/answers?mode=lookup")
    page.get_by_test_id("table-browse").click()
    page.get_by_test_id("places").get_by_text(place.name).first.click()
    page.get_by_test_id("places").get_by_text("evil.csv").click()
    expect(page.get_by_test_id("table-select")).to_have_value(re.compile("evil.csv$"))
    card = ask(page, HOSTILE)
    expect(card.get_by_test_id("evidence-row")).to_contain_text(HOSTILE)
    expect(page.get_by_test_id("history-row").first).to_contain_text(HOSTILE)
    page.reload()
    expect(page.get_by_test_id("history-row").first).to_contain_text(HOSTILE)
    assert page.locator("main img").count() == 0
    assert "taken" not in page.title()


@pytest.mark.slow
def test_documents_are_handed_in_and_quoted(page: Any, tmp_path: Path) -> None:
    notes = tmp_path / "kilns.md"
    notes.write_text(
        "# Kilns\n\nThe kiln is heated to 1240 degrees for porcelain.\n\n# Opening\n\n"
        "The workshop opens at nine and closes at six.\n\n# Glazes\n\nCeladon is green by iron.\n",
        encoding="utf-8",
    )
    page.goto("/answers?mode=documents")
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("documents-upload").click()
    chooser.value.set_files(notes)
    expect(page.get_by_test_id("documents-select")).to_have_value(re.compile("kilns.md$"))
    card = ask(page, "How hot is the kiln for porcelain?")
    quote = card.get_by_test_id("evidence-row")
    expect(quote.locator("mark")).to_have_text("The kiln is heated to 1240 degrees for porcelain.")
    expect(quote).to_contain_text("kilns.md:3")


def test_in_chinese_by_keyboard_alone(page: Any) -> None:
    page.goto("/answers?lang=zh&mode=lookup")
    expect(page.get_by_test_id("ask-button")).to_have_text("提问")
    page.get_by_test_id("ask-input").focus()
    page.keyboard.type("code of Nowhere branch?")
    page.keyboard.press("Enter")
    card = page.get_by_test_id("answer-card").first
    expect(card.locator(".chip")).to_be_visible()
    expect(card).to_contain_text(re.compile("没有|不确定|不止"))


@pytest.mark.slow
def test_what_cannot_be_done_is_said(page: Any, expected: list[str]) -> None:
    expected.append("400")
    page.goto("/answers?mode=lookup&job=smollm2-135m")
    page.get_by_test_id("table-select").evaluate("one => one.replaceChildren()")
    card = ask(page, "anything?")
    expect(card).to_contain_text("table")
    expect(card.locator(".notice.error")).to_be_visible()
