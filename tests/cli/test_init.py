"""``huohou init``: files to start from that work as they stand, and nothing of the user's touched."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from huohou import api, config, text
from huohou.cli.main import run
from huohou.data.pairs import read_pairs
from huohou.data.read import read_dataset
from huohou.starter import TEMPLATES


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_run_file_is_valid(template: str, language: str, tmp_path: Path) -> None:
    assert run(["--lang", language, "init", str(tmp_path / "new"), "--template", template]) == 0
    written = (tmp_path / "new" / "run.yaml").read_text(encoding="utf-8")
    assert "«" not in written and "{" not in written
    assert bool(re.search("[一-鿿]", written)) is (language == "zh")
    settings = config.load(tmp_path / "new" / "run.yaml", environment={"HOME": str(tmp_path)})
    assert settings.run.recipe == TEMPLATES[template].recipe
    assert isinstance(settings.run.train.learning_rate, float)
    if template != "facts":  # its rows are made by the first command
        for name in (settings.run.data.train, settings.run.data.eval, settings.run.data.test):
            assert name is None or settings.path(name).is_file()


def test_sft_rows_are_read_and_held_apart(tmp_path: Path) -> None:
    api.init(tmp_path / "t")
    parts = {
        name: read_dataset(tmp_path / "t" / f"{name}.jsonl") for name in ("train", "eval", "test")
    }
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 40, "eval": 8, "test": 16}
    questions = [row.question for rows in parts.values() for row in rows]
    assert len(set(questions)) == 64
    kinds = {name: sorted({row.answer for row in rows}) for name, rows in parts.items()}
    assert kinds["train"] == kinds["eval"] == kinds["test"]
    assert len(kinds["train"]) == 8
    assert (
        api.data_check(tmp_path / "t" / "train.jsonl", tmp_path / "t" / "eval.jsonl")["findings"]
        == []
    )


def test_the_printed_commands_of_facts_work_up_to_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "codes"), "--template", "facts"]) == 0
    shown = capsys.readouterr().out
    monkeypatch.chdir(tmp_path / "codes")
    commands = [line.strip() for line in shown.splitlines() if line.startswith("  huohou")]
    assert len(commands) == 3
    assert run(commands[0].split()[1:]) == 0
    assert run(commands[1].split()[1:]) in (0, 1)
    assert commands[2] == "huohou train run.yaml"
    settings = config.load(Path("run.yaml"))
    for name in ("train", "eval", "test", "facts"):
        assert settings.path(getattr(settings.run.data, name)).is_file(), name


def test_embed_is_laid_out_for_a_recipe_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "e"), "--template", "embed"]) == 0
    assert "Next:" in capsys.readouterr().out
    assert api.init(tmp_path / "again", "embed")["ready"]
    settings = config.load(tmp_path / "e" / "run.yaml")
    assert (settings.run.recipe, settings.run.model) == ("embed", "minilm-l6")
    for name in ("train", "eval"):
        pairs = read_pairs(settings.path(getattr(settings.run.data, name)), name)
        assert all(query.positives for query in pairs.queries)


def test_nothing_is_overwritten_and_nothing_half_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "test.jsonl"
    mine.write_text("mine")
    assert run(["init", str(tmp_path)]) == 2
    assert "test.jsonl is there already" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["test.jsonl"]
    assert mine.read_text() == "mine"


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert run(["init", str(tmp_path)]) == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("folder", "template", "said"),
    [("file", "sft", "file cannot be written"), ("new", "fact", "Nearest: facts")],
)
def test_wrong_use(
    folder: str, template: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["init", str(tmp_path / folder), "--template", template]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "from huohou.cli.main import main; main(['init', 'new'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"HUOHOU_LANG": "en"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "new cannot be written" in done.stderr
    assert list((tmp_path / "new").iterdir()) == []


def test_here_needs_no_cd_and_json_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a b").mkdir()
    monkeypatch.chdir(tmp_path / "a b")
    assert run(["init"]) == 0
    assert "  cd " not in capsys.readouterr().out
    assert run(["init", "c d"]) == 0
    assert "  cd 'c d'" in capsys.readouterr().out
    assert run(["init", "e", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    assert found["files"] == sorted(p.name for p in Path("e").iterdir())
    assert len(found["commands"]) == 3
