"""``huohou env``: the facts for a bug report, with or without torch, and without secrets."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from huohou import machine
from huohou.cli.main import run


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("HUOHOU_DB", "postgresql://me:secret@db.example/runs")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")


def test_json_has_the_facts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["env", "--json"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["schema"] == 1
    for name in ("huohou", "torch", "transformers", "peft"):
        assert found["packages"][name] == version(name)
    assert found["packages"]["bitsandbytes"] is None or isinstance(
        found["packages"]["bitsandbytes"], str
    )
    assert found["processor"]["cores"] >= 1 and found["processor"]["name"]
    assert found["memory_bytes"] > 10**8
    assert "cpu" in found["devices"] and found["problem"] is None
    assert set(found["speed"]) == {"float32", "bfloat16"}
    assert found["workspace"]["path"] == str(tmp_path / "not" / "yet")
    assert found["workspace"]["exists"] is False and found["workspace"]["free_bytes"] > 0
    assert not (tmp_path / "not").exists()  # looking changes nothing
    assert found["environment"]["HUOHOU_DB"] == "postgresql://***@db.example/runs"
    assert "secret" not in out


def test_the_table_is_for_people_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["env"]) == 0
    english = capsys.readouterr().out
    assert english.startswith("huohou") and "secret" not in english
    assert run(["--lang", "zh", "env"]) == 0
    chinese = capsys.readouterr().out
    assert "处理器" in chinese
    assert len(chinese.splitlines()) == len(english.splitlines())


def test_without_torch_it_still_answers() -> None:
    script = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'peft', 'huggingface_hub', 'filelock'):\n"
        "    sys.modules[name] = None\n"
        "from huohou.cli.main import main; main(['--lang', 'en', 'env', '--json'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["devices"] == {} and "torch" in found["problem"]
    assert found["packages"]["numpy"]


@pytest.mark.parametrize(
    "broken", ["OSError('libcudart.so: no such file')", "RuntimeError('driver too old')"]
)
def test_a_broken_torch_is_quoted(broken: str, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(f"raise {broken}")
    script = "from huohou.cli.main import main; main(['--lang', 'en', 'env'])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert broken.split("'")[1] in done.stdout


def test_a_package_that_is_not_there_is_none() -> None:
    assert machine.installed("no-such-package-anywhere") is None


def test_the_place_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    found = machine.place(tmp_path / "a" / "b")
    assert found["writable"] is True and found["exists"] is False
