"""Each bad input gets one clear line that says where, and exit code 2."""

from collections.abc import Callable
from pathlib import Path

import pytest

from huohou.cli.main import run

GOOD = '{"prompt": "2 + 2?", "completion": "4"}\n'


def text(content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "rows.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


CASES: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "missing file": (lambda folder: folder / "rows.jsonl", ["rows.jsonl"]),
    "folder as a file": (lambda folder: folder, ["folder"]),
    "broken JSON": (text(GOOD + '{"prompt": "a", \n'), ["rows.jsonl:2"]),
    "wrong encoding": (text('{"prompt": "银行", "completion": "是"}\n'.encode("gbk")), ["UTF-8"]),
    "empty": (text(""), ["rows.jsonl"]),
    "row without an answer": (
        text('{"messages": [{"role": "user", "content": "hi"}]}\n'),
        ["rows.jsonl:1"],
    ),
    "no known format": (text('{"a": 1}\n'), ["rows.jsonl:1"]),
    "two formats": (text(GOOD + '{"messages": []}\n'), ["rows.jsonl:2"]),
}


@pytest.mark.parametrize(("make", "words"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("verb", [["data", "check"], ["data", "split"]])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_data(
    make: Callable[[Path], Path],
    words: list[str],
    verb: list[str],
    language: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HUOHOU_LANG", language)
    path = make(tmp_path)
    extra = ["-o", str(tmp_path / "out")] if verb[1] == "split" else []
    assert run([*verb, str(path), *extra]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert len(written.err.strip().splitlines()) == 1, written.err
    for word in words if language == "en" else words[:1]:
        assert word in written.err or (language == "zh" and word == "folder")


def test_a_code_of_eleven_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "name,code\nA Bank,102100000021\nB Bank,102100000030\nC Bank,10210000004\n", "utf-8"
    )
    assert run(["data", "make", str(table), "-o", str(tmp_path / "out")]) == 2
    written = capsys.readouterr().err
    assert "table.csv:4" in written
    assert "10210000004" in written
    assert "11" in written


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("train: {num_epoch: 3}\n", ["num_epoch", "train.num_epochs"]),
        ("train: {batch_size: -1}\n", ["train.batch_size"]),
        ("recipe: sff\n", ["sff", "sft"]),
    ],
)
def test_a_bad_run_file(
    content: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(content, "utf-8")
    assert run(["plan", str(path)]) == 2
    written = capsys.readouterr().err
    assert len(written.strip().splitlines()) == 1
    assert all(word in written for word in words), written


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("smollm-135m", ["smollm-135m", "smollm2-135m"]),
        ("./no-such-folder", ["no-such-folder"]),
        ("nobody/nothing-1b", ["127.0.0.1", "HF_ENDPOINT"]),
    ],
)
def test_a_model_that_is_not_to_be_had(
    model: str,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    rows = text(GOOD)(tmp_path)
    assert run(["plan", "-s", f"data.train={rows}", "-s", f"model={model}"]) == 2
    written = capsys.readouterr().err
    assert all(word in written for word in words), written
    assert "Traceback" not in written
