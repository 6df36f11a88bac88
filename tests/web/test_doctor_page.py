"""The doctor's page in a browser: logs handed in by file, folder, drop and paste."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from playwright.sync_api import expect
from serving import Server, serving
from sick_logs import REPORT, burst, by_epoch

HOSTILE = "Epoch 1/3 - loss: <img src=x onerror=alert(1)>\n<script>alert(2)</script>\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here: it keeps nothing of what is handed in."""
    with serving(tmp_path_factory.mktemp("doctor")) as running:
        yield running


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "trainer_state.json"
    path.write_text(burst(), encoding="utf-8")
    return path


def test_a_log_handed_in_is_diagnosed(page: Any, log: Path) -> None:
    page.goto("/doctor")
    page.get_by_test_id("upload-input").set_input_files(log)
    verdict = page.get_by_test_id("doctor-verdict")
    expect(verdict.locator(".chip")).to_have_text("FAULTY")
    card = page.get_by_test_id("finding-card").first
    expect(card).to_have_attribute("data-code", "nan-loss")
    expect(page.get_by_test_id("dismiss")).to_have_count(0)
    expect(page.get_by_test_id("chart-loss").locator("canvas")).to_be_visible()
    expect(page.get_by_test_id("chart-loss")).to_contain_text("408 points")
    assert not violations(page)
    card.get_by_role("button", name="Show on the curve").click()
    expect(page.get_by_test_id("zoom-out")).to_be_visible()
    page.get_by_test_id("zoom-out").click()
    with page.expect_download() as download:
        page.get_by_test_id("keep-page").click()
    assert download.value.suggested_filename == "trainer_state.html"
    saved = Path(download.value.path()).read_text(encoding="utf-8")
    assert "nan-loss" in saved
    expect(page.get_by_test_id("doctor-extent")).to_contain_text("rules looked at this log")


@pytest.mark.slow
def test_a_folder_keeps_its_shape_and_epochs_are_an_axis(page: Any, tmp_path: Path) -> None:
    folder = tmp_path / "my run"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "train.log").write_text(by_epoch(), encoding="utf-8")
    (folder / "notes.bin").write_bytes(b"\0" * 100)
    page.goto("/doctor")
    page.get_by_test_id("upload-folder").set_input_files(folder)
    verdict = page.get_by_test_id("doctor-verdict")
    expect(verdict).to_contain_text("train.log")
    expect(page.get_by_test_id("chart-loss")).to_be_visible()


@pytest.mark.slow
def test_pasted_text_and_the_next_one(page: Any, expected: list[str]) -> None:
    expected.append("422")
    page.goto("/doctor")
    page.get_by_text("Or paste text").click()
    page.get_by_test_id("paste-input").fill(REPORT)
    page.get_by_test_id("paste-button").click()
    expect(page.get_by_test_id("doctor-claims")).to_be_visible()
    page.get_by_test_id("paste-input").fill("nothing of a log")
    page.get_by_test_id("paste-button").click()
    expect(page.get_by_test_id("doctor-problem")).to_be_visible()
    expect(page.get_by_test_id("doctor-result")).to_be_hidden()


@pytest.mark.slow
def test_dropped_and_in_chinese(page: Any, log: Path) -> None:
    page.goto("/doctor?lang=zh")
    expect(page.locator("h1")).to_have_text("这次训练正常吗？")
    transfer = page.evaluate_handle(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "trainer_state.json"));
            return transfer;
        }""",
        log.read_text(encoding="utf-8"),
    )
    page.get_by_test_id("drop").dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(page.get_by_test_id("drop")).to_have_class("drop over")
    page.get_by_test_id("drop").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.get_by_test_id("doctor-verdict").locator(".chip")).to_have_text("有问题")
    expect(page.get_by_test_id("finding-card").first).to_contain_text("NaN")


def test_what_is_in_a_log_is_text(page: Any, expected: list[str], tmp_path: Path) -> None:
    expected.append("422")
    page.goto("/doctor")
    page.get_by_text("Or paste text").click()
    page.get_by_test_id("paste-input").fill(HOSTILE + by_epoch())
    page.get_by_test_id("paste-button").click()
    expect(page.get_by_test_id("doctor-verdict")).to_be_visible()
    named = tmp_path / "<img src=x onerror=alert(1)>.log"
    named.write_text("no log at all")
    page.get_by_test_id("upload-input").set_input_files(named)
    expect(page.get_by_test_id("doctor-problem")).to_be_visible()
    assert page.locator("main img").count() == 0


@pytest.mark.slow
def test_what_is_too_large_is_not_sent(page: Any, tmp_path: Path, server: Server) -> None:
    huge = tmp_path / "huge.log"
    with huge.open("wb") as out:
        out.truncate(100 * 2**20)
    page.goto("/doctor")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_test_id("upload-input").set_input_files(huge)
    expect(page.get_by_test_id("doctor-problem")).to_contain_text("at most 67.1 MB")
    assert "POST" not in sent
