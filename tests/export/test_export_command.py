"""``huohou export`` as it is typed, and what it says to bad input."""

import json
import shutil
from pathlib import Path

import pytest

from huohou.cli import main
from huohou.record.recorder import Journal
from small_disk import small_disk
from tiny import tiny_llama_folder


@pytest.fixture
def job(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The taught job as number 1 of a workspace of this test's own."""
    folder = Path(
        shutil.copytree(
            taught, tmp_path / "place" / taught.name, ignore=shutil.ignore_patterns("exports")
        )
    )
    monkeypatch.setenv("HUOHOU_HOME", str(folder.parent))
    with Journal(folder / "job.jsonl", seg=0) as journal:
        journal.queued(1, "tiny", "sft", "base", epochs=2, steps=4, plan={})
        journal.state("completed")
    return folder


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main.run(["export", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def _left(job: Path) -> list[str]:
    """What lies in the exports of a job besides the kept figures."""
    exports = job / "exports"
    found = exports.iterdir() if exports.is_dir() else ()
    return sorted(path.name for path in found if path.name != ".trained")


def test_a_proved_release(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "1", "--to", "merged")
    assert code == 0 and out.startswith("proved  The model that was trained is in")
    assert "8 of 8 prompts have the token ids of training" in out
    assert "8 of 8 free answers end by themselves" in out
    assert "Merging the adapter" in err and _left(job) == ["merged"]


def test_as_json(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "last", "--to", "gguf", "--quantize", "q8_0", "--json")
    told = json.loads(out)
    assert code == 0 and told["schema"] == 1 and told["proved"] and told["form"] == "q8_0"
    assert _left(job) == ["gguf-q8_0"]


def test_a_refused_release_is_not_written(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import load_file, save_file

    path = job / "adapter" / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({k: v * (0 if "lora_B" in k else 1) for k, v in weights.items()}, path)
    code, out, _ = _run(capsys, "1", "--to", "adapter")
    assert code == 1 and out.startswith("refused") and "same-as-base" in out
    assert _left(job) == []


def test_what_is_there_is_not_overwritten(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = job.parent / "mine"
    mine.mkdir()
    (mine / "precious").write_text("x")
    code, _, err = _run(capsys, "1", "--to", "merged", "-o", mine)
    assert code == 2 and str(mine) in err and "not overwritten" in err
    assert [path.name for path in mine.iterdir()] == ["precious"]


def test_half_an_export(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = job / "exports" / "merged.part"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_text("half")
    code, _, err = _run(capsys, "1", "--to", "merged")
    assert code == 2 and "merged.part" in err and "broken off" in err
    assert (half / "model.safetensors").read_text() == "half"


def test_a_base_that_is_gone(job: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _planned(job, model=str(tmp_path / "gone"))
    code, _, err = _run(capsys, "1", "--to", "merged")
    assert code == 2 and "gone" in err and _left(job) == []


def test_a_base_with_other_weights(
    job: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = tiny_llama_folder(tmp_path / "other", seed=5, spread=0.2)
    _planned(job, model=str(other), facts={"base_weights": "0" * 64})
    code, _, err = _run(capsys, "1", "--to", "merged")
    assert code == 2 and "000000000000" in err and "other weights" in err and _left(job) == []


def test_a_run_that_never_finished(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(job / "adapter")
    code, _, err = _run(capsys, "1", "--to", "merged")
    assert code == 1 and "not come to its end" in err and _left(job) == []


def test_forms_and_targets_that_are_not_there(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = _run(capsys, "1", "--to", "merged", "--quantize", "q8_0")
    assert code == 2 and "float32, float16, bfloat16" in err
    code, _, err = _run(capsys, "1", "--to", "guf")
    assert code == 2 and "gguf" in err and _left(job) == []


def test_no_room_on_the_disk(job: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 200) as place:
        code, _, err = _run(capsys, "1", "--to", "merged", "-o", place / "out")
        assert code == 2 and "MB" in err and not any(place.iterdir())


@pytest.mark.parametrize("target", ["adapter", "merged", "gguf"])
def test_a_disk_that_fills_up(
    target: str,
    job: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The room looked enough before: what was written until then is taken away."""
    monkeypatch.setattr("huohou.export.release._refuse_full", lambda _models, _place: None)
    with small_disk(tmp_path / "small", 40) as place:
        code, _, err = _run(capsys, "1", "--to", target, "-o", place / "out")
        assert code == 2 and "full" in err and not any(place.iterdir())


def _planned(job: Path, **changes: object) -> None:
    path = job / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
