"""``huohou diagnose --probe`` as it is typed."""

import json
from pathlib import Path

import pytest

from huohou.cli import main


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main.run(["diagnose", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_what_is_served_is_what_was_trained(
    taught: Path, merged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, rows = taught.parent / "base", taught.parent / "train.jsonl"
    models = ("--base", base, "--adapter", taught / "adapter", "--data", rows)
    code, out, _ = _run(capsys, "--probe", *models, "--merged", merged)
    assert code == 0 and out.startswith("HEALTHY") and "8 of 8 prompts" in out


def test_a_base_that_is_served_for_the_tuned_model(
    taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, rows = taught.parent / "base", taught.parent / "train.jsonl"
    models = ("--base", base, "--adapter", taught / "adapter", "--data", rows)
    code, out, _ = _run(capsys, "--probe", *models, "--merged", base)
    assert code == 1 and out.startswith("FAULTY") and "same-as-base" in out
    code, out, _ = _run(capsys, "--probe", *models, "--merged", base, "--json")
    told = json.loads(out)
    assert code == 1 and told["schema"] == 1 and told["verdict"] == "faulty"
    assert [finding["code"] for finding in told["findings"]] == ["same-as-base"]
    assert told["ran"] == ["same-as-base", "train-serve-mismatch", "never-stops"]
    assert told["source"]["seen"]["sides"][0]["side"] == "merged"


@pytest.mark.parametrize(
    "arguments", [(), ("--probe",), ("x.json", "--probe", "--base", "b", "--adapter", "a")]
)
def test_what_a_probe_wants_is_said(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = _run(capsys, *arguments)
    assert code == 2 and "--probe --base MODEL --adapter DIR" in err


def test_a_folder_without_an_adapter(
    taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80")
    base = taught.parent / "base"
    code, _, err = _run(capsys, "--probe", "--base", base, "--adapter", tmp_path)
    assert code == 2 and "pickle" in err


def test_a_file_that_is_no_gguf(
    taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.gguf").write_bytes(b"not one" * 9)
    models = ("--base", taught.parent / "base", "--adapter", taught / "adapter")
    code, _, err = _run(capsys, "--probe", *models, "--gguf", tmp_path / "x.gguf")
    assert code == 2 and "x.gguf" in err
