"""Both stages as people run them: a run of stage 1, then stage 2 from that run by its name."""

import json
from pathlib import Path

import pytest
from test_align import data_part, document, life, planned, rows, write_pairs

from huohou import api
from huohou.cli.main import run
from huohou.errors import UsageError
from huohou.models.encoder import load_encoder
from tiny_encoder import tiny_encoder_folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A model, pairs to train on, pairs to watch."""
    model = tiny_encoder_folder(tmp_path / "base", hidden_dropout_prob=0.0)
    train = write_pairs(tmp_path / "train.jsonl", 60, 1)
    return model, train, write_pairs(tmp_path / "val.jsonl", 30, 2)


def flags(recipe: str, model: str | Path, train: Path, watched: Path) -> list[str]:
    return [
        f"recipe={recipe}",
        f"name={recipe}",
        f"model={model}",
        f"data.train={train}",
        f"data.eval={watched}",
        "train.max_length=32",
        "train.batch_size=8",
        "train.learning_rate=1e-3",
        "train.num_epochs=1",
        "train.device=cpu",
        "train.dtype=float32",
        "train.keep_checkpoints=1",
    ]


def test_mined_candidates_are_those_that_stage_1_takes_for_right(
    tmp_path: Path, files: tuple[Path, Path, Path]
) -> None:
    """From what may be trained on; more questions are hard than with candidates drawn at random."""
    model, train, watched = files
    hard = {}
    for draw in ("mined", "random"):
        flags_ = (f"align.draw={draw}", "align.closest=2", "train.keep_checkpoints=1")
        folder = tmp_path / draw
        life(planned(train, watched, model, *flags_), folder)
        hard[draw] = len(rows(folder, "hard_negatives.jsonl"))
        sources = {
            one["source"]
            for row in rows(folder, "constructed_data.jsonl")
            for one in row["negatives"]
        }
        assert draw in sources
    assert hard["mined"] > hard["random"]


@pytest.mark.slow
def test_stage_2_starts_from_a_run_of_stage_1(
    tmp_path: Path, files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, train, watched = files
    first = api.train(api.make_plan(None, flags("embed", model, train, watched)))
    assert first["status"] == "completed", first["error"]
    settings = flags("align", "embed", train, watched)
    plan = api.make_plan(None, settings)
    assert plan.model == str((Path(first["folder"]) / "model").resolve())
    sweep = [word for flag in settings for word in ("-s", flag)]
    code = run(["train", *sweep, "--blend", "0.5", "--sweep", "margin=0.05,0.2"])
    told = capsys.readouterr()
    assert code == 0, told.err
    assert "eval_ndcg@10" in told.out and "margin" in told.out
    found = api.compare_sweep("align")
    assert [row["set"] for row in found["rows"]] == [
        {"align.margin": "0.05"},
        {"align.margin": "0.2"},
    ]
    assert all(row["before"] is not None for row in found["rows"])
    folder = Path(api.run(str(found["best"]))["folder"])
    release = document(folder, "release.json")
    assert release["blend"] == 0.5 and release["stage1"] == plan.model
    chosen = load_encoder(str(folder / "model"))
    assert chosen.fingerprint == release["fingerprint"]
    assert found["rows"][0]["result"] in ("stage1", "blend")


def test_evaluating_on_what_is_trained_on_is_refused_before_it_starts(
    files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, train, _ = files
    settings = [word for flag in flags("align", model, train, train) for word in ("-s", flag)]
    assert run(["plan", *settings]) == 2
    assert "60 of the 60 questions" in capsys.readouterr().err
    assert run(["plan", *settings, "-s", "align.force=true"]) in (0, 1)


def test_a_run_without_a_model_is_no_stage_1(
    tmp_path: Path, files: tuple[Path, Path, Path]
) -> None:
    _, train, watched = files
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(json.dumps({"step": i, "loss": 1 / (i + 1)}) for i in range(9)))
    api.import_log(log, name="foreign")
    with pytest.raises(UsageError, match="has no model/ yet"):
        api.make_plan(None, flags("align", "foreign", train, watched))
    assert data_part(train, "train").rows == 60
