"""``huohou ask``: the document, exit codes, what is kept, and what is refused."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asking import BRANCHES, CITIES, FOUR, MADE_UP, Dice
from huohou import api, text
from huohou.answer.choose import Lazy
from huohou.answer.types import Answer
from huohou.api import answers
from huohou.cli._ask import show
from huohou.cli.main import run
from huohou.errors import UsageError
from waiting import PATIENCE


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUOHOU_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(["ask", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(("question", "answer"), FOUR)
def test_the_four_questions(capsys: pytest.CaptureFixture[str], question: str, answer: str) -> None:
    code, out, err = ask(capsys, question, "--facts", str(BRANCHES), "--mode", "lookup", "--json")
    told = json.loads(out)
    assert (code, told["schema"], told["values"], told["status"]) == (0, 1, [answer], "found")
    assert told["verified"] is True
    assert 0.5 < told["confidence"] <= 1
    assert err.count("\n") <= 2


def test_words_go_to_stdout_and_what_they_stand_on_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = ask(capsys, FOUR[0][0], "--facts", str(BRANCHES), "--mode", "lookup")
    assert (code, out.count("\n")) == (0, 1)
    assert "402535510938" in out
    assert "found, " in err
    assert "✓ its check digit is right" in err


@pytest.mark.parametrize(
    ("question", "code", "status"),
    [
        ("火星市", 0, "unknown"),
        ("东乡县", 0, "ambiguous"),
        ("", 0, "unknown"),
    ],
)
def test_refusals_and_questions_back_are_answers(
    capsys: pytest.CaptureFixture[str], question: str, code: int, status: str
) -> None:
    got, out, _ = ask(capsys, question, "--facts", str(CITIES), "--mode", "lookup", "--json")
    assert (got, json.loads(out)["status"], json.loads(out)["values"]) == (code, status, [])


def test_what_a_model_invents_is_said_and_is_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_model", lambda *_: Lazy("dice", Dice))
    words = (FOUR[0][0], "--facts", str(BRANCHES), "--mode", "closed")
    code, out, _ = ask(capsys, *words, "--json")
    told = json.loads(out)
    assert (code, told["verified"], told["values"], told["status"]) == (1, False, [], "unsure")
    assert MADE_UP in told["note"]
    _, _, err = ask(capsys, *words)
    assert "not verified" in err
    assert f"Do not use them: {MADE_UP}" in err


def test_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--lang", "zh", "ask", FOUR[1][0], "--facts", str(BRANCHES), "--mode", "lookup"])
    said = capsys.readouterr()
    assert "联行号是 102100020794" in said.out
    assert "已查到" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["x"], "No table"),
        (["x", "--facts", "missing.csv"], "missing.csv"),
        (["x", "--facts", str(CITIES), "--key", "town"], "city"),
        (["x", "--facts", str(CITIES), "--model", "m"], "--passages"),
        (["x", "--facts", str(CITIES), "--passages", str(CITIES)], "--passages"),
        (["x", "--job", "7"], "7"),
        (["x", "--facts", str(CITIES), "--mode", "guess"], "guess"),
        (["--facts", str(CITIES)], "No question"),
    ],
)
def test_wrong_calls_are_told_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    code, out, err = ask(capsys, *words)
    assert (code, out) == (2, "")
    assert told in err


def test_key_and_value_choose_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("4381", "--facts", str(CITIES), "--key", "code", "--value", "province", "--json")
    _, out, _ = ask(capsys, *words, "--mode", "lookup")
    assert json.loads(out)["values"] == ["江西省"]


def test_questions_are_kept_where_there_is_a_workspace(tmp_path: Path) -> None:
    engine = api.open_engine(CITIES, mode="lookup")
    api.ask("武汉市", engine, "lookup")
    kept = tmp_path / "runs" / "answers.jsonl"
    assert not kept.parent.exists()  # a workspace is not made for it
    kept.parent.mkdir()
    for question in ("武汉市", "\ud800"):
        api.ask(question, engine, "lookup")
    lines = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    assert [line["status"] for line in lines] == ["found", "unknown"]
    assert lines[0]["values"] == ["5210"]


def test_a_job_without_a_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plan:
        def value(self, _: str) -> None: ...

    class Run:
        folder = Path("23-x")

    monkeypatch.setattr(answers, "find_run", lambda _: Run())
    monkeypatch.setattr(answers, "_plan", lambda _: Plan())
    with pytest.raises(UsageError, match="names no table"):
        api.open_engine(job="23", mode="lookup")


def test_a_small_loop_on_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "huohou", "ask", "--facts", str(CITIES), "--mode", "lookup"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asking:
        os.write(ours, "武汉市\n黄石市的代码\n\n".encode())
        out, err = asking.communicate(timeout=PATIENCE)
    os.close(ours)
    os.close(theirs)
    assert out.splitlines() == ["The code of 武汉市 is 5210.", "The code of 黄石市 is 5220."]
    assert err.startswith("Ask; an empty line ends.")
    assert asking.returncode == 0


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("sure", "shown"),
    [(0.9989, "99.8%"), (0.99999, "> 99.9%"), (0.996, "99.6%"), (0.5, "50%"), (1.0, "100%")],
)
def test_only_what_is_certain_is_shown_as_certain(
    language: str, sure: float, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = text.language()
    text.use(language)
    try:
        show(Answer("…", (), True, "found", sure, (), (), 0.0, "lookup", "value", "f"))
    finally:
        text.use(before)
    told = capsys.readouterr().err
    assert shown in told
    assert ("100%" in told) == (sure == 1)
