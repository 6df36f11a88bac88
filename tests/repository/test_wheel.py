"""The wheel in an empty environment: what a user without the training stack gets."""

import json
import os
import subprocess
import sys
import urllib.request
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of programs of an environment that holds the wheel and the base install only."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    pins = str(ROOT / "constraints.txt")
    run(str(programs / "python"), "-m", "pip", "install", "-q", "-c", pins, str(wheel))
    return programs


def run(*command: str, cwd: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


pytestmark = pytest.mark.slow


def test_base_install_has_no_torch_and_is_small(installed: Path) -> None:
    listed = run(str(installed / "python"), "-m", "pip", "list", "--format=json").stdout
    names = {package["name"].lower() for package in json.loads(listed)}
    assert not names & {"torch", "transformers", "peft", "pyarrow", "modelscope"}
    assert len(names) < 42


def test_help_and_env(installed: Path, tmp_path: Path) -> None:
    huohou = str(installed / "huohou")
    assert "diagnose" in run(huohou, "--help", cwd=tmp_path).stdout
    facts = json.loads(run(huohou, "env", "--json", cwd=tmp_path).stdout)
    assert facts["schema"] == 1


def test_diagnose_a_file(installed: Path, tmp_path: Path) -> None:
    history = [
        {"step": s, "epoch": s / 10, "loss": 2.0 if s < 7 else float("nan")} for s in range(1, 20)
    ]
    log = tmp_path / "trainer_state.json"
    log.write_text(json.dumps({"log_history": history, "global_step": 19}), encoding="utf-8")
    done = run(str(installed / "huohou"), "diagnose", str(log), "--json", cwd=tmp_path, code=1)
    found = json.loads(done.stdout)
    assert found["verdict"] == "faulty"
    assert found["findings"][0]["code"] == "nan-loss"


def test_check_data_says_what_needs_a_tokenizer(installed: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"prompt": "2 + 2?", "completion": "4"}\n{"prompt": "2 + 2?", "completion": "5"}\n',
        encoding="utf-8",
    )
    done = run(
        str(installed / "huohou"), "data", "check", str(rows), "--json", cwd=tmp_path, code=1
    )
    found = json.loads(done.stdout)
    assert "conflicting-answers" in {finding["code"] for finding in found["findings"]}
    assert "truncated-answer" in {one["code"] for one in found["skipped"]}


def test_training_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n', encoding="utf-8")
    done = run(str(installed / "huohou"), "train", "-s", f"data.train={rows}", cwd=tmp_path, code=2)
    assert "huohou[train]" in done.stderr


def test_examples_come_with_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = run(str(installed / "huohou"), "init", "facts", "--template", "facts", cwd=tmp_path)
    assert "huohou data make" in done.stdout
    assert list((tmp_path / "facts").glob("*.csv"))


def test_runs_on_an_empty_workspace(installed: Path, tmp_path: Path) -> None:
    run(str(installed / "huohou"), "runs", "ls", cwd=tmp_path)


def test_the_page_comes_whole_with_the_wheel(installed: Path, tmp_path: Path) -> None:
    """With its chart library, and it runs in the base install."""
    command = [str(installed / "huohou"), "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout
        try:
            address = serving.stdout.readline().split()[-1]
            for path in (
                "",
                "api/jobs",
                "static/lib/uPlot.iife.min.js",
                "static/lib/uPlot.min.css",
            ):
                with urllib.request.urlopen(address + path) as answer:
                    assert answer.status == 200
                    body = answer.read()
            assert b"uplot" in body
            with urllib.request.urlopen(address + "static/lib/uPlot.iife.min.js") as answer:
                assert b"(v1." in answer.read()[:100]
        finally:
            serving.terminate()
