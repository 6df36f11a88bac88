"""Stage 2 end to end on tiny encoders: what it leaves, what it decides, what it refuses."""

import json
import math
import random
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from huohou import config
from huohou.data.pairs import fingerprint_pairs, read_pairs
from huohou.diagnose.engine import diagnose
from huohou.errors import DataError, RunFailedError, UsageError
from huohou.models.encoder import load_encoder
from huohou.plan import Choice, DataPart, Plan, Prediction
from huohou.recipes import Start, align
from huohou.record import checkpoints
from huohou.record.events import Follower
from huohou.record.readers.huohou_run import read_run
from huohou.record.recorder import Recorder
from tiny_encoder import tiny_encoder_folder

# Two words for each thing: questions use the one, passages the other. Who has learnt which belong
# together ranks questions that were never seen.
WORDS = list(
    zip("abcdefghijklm", "nopqrstuvwxyz", strict=True),
)


def write_pairs(path: Path, count: int, seed: int, kind: str = "same") -> Path:
    """Questions of three things, answered by the passage of the same three.

    kind: "noise" for a passage of others, "words" for one with a word of the question, which tells
    something without any learning.

    No question of seed 2 is one of another seed's.
    """
    chance = random.Random(seed)
    lines: dict[tuple[int, ...], str] = {}
    while len(lines) < count:
        things = tuple(sorted(chance.sample(range(len(WORDS)), 3)))
        if (sum(things) % 3 == 0) != (seed == 2):
            continue
        answer = sorted(chance.sample(range(len(WORDS)), 3)) if kind == "noise" else things
        query = " ".join(WORDS[i][0] for i in things)
        own = answer[:1] if kind == "words" else []
        positive = " ".join(WORDS[i][i not in own] for i in answer) + f" {seed}"
        row = {"query": query, "positive": positive, "title": f"{seed}-{things}"}
        lines[things] = json.dumps(row)
    path.write_text("\n".join(lines.values()) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stage1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("stage1"), hidden_dropout_prob=0.0)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def data_part(path: Path, part: str) -> DataPart:
    pairs = read_pairs(path, part)
    return DataPart(str(path), pairs.format, len(pairs.queries), 0, 0, fingerprint_pairs(pairs))


def planned(train: Path, watched: Path | None, model: Path, *flags: str) -> Plan:
    settings = [
        f"model={model}",
        "recipe=align",
        "train.max_length=32",
        "train.batch_size=8",
        "train.learning_rate=1e-3",
        "train.num_epochs=2",
        "train.schedule=constant",
        "train.warmup_ratio=0",
        "align.draw=random",
        *flags,
    ]
    return Plan(
        name="tiny",
        recipe="align",
        model=str(model),
        settings=config.load(flags=settings, environment={}).table(),
        train=data_part(train, "train"),
        eval=data_part(watched, "eval") if watched else None,
        device=Choice("cpu", "test"),
        dtype=Choice("float32", "test"),
        template="",
        prediction=Prediction(*(0 for _ in fields(Prediction))),
    )


def life(
    plan: Plan, folder: Path, seg: int = 0, stop_at: int | None = None, **start: Any
) -> list[dict[str, Any]]:
    """One process life in this process; events of this life."""
    folder.mkdir(exist_ok=True)
    if not (folder / "plan.json").exists():
        plan.save(folder / "plan.json")
    path = folder / "events.jsonl"

    def mine() -> list[dict[str, Any]]:
        return [e for e in Follower(path).poll() if e["seg"] == seg]

    def should_stop() -> bool:
        return stop_at is not None and sum(e["kind"] == "metrics" for e in mine()) >= stop_at

    with Recorder(path, seg) as recorder:
        align.run(plan, folder, recorder, should_stop, Start(**start))
        recorder.end("stopped" if should_stop() else "completed")
    return mine()


def losses(events: list[dict[str, Any]]) -> dict[int, float]:
    return {e["step"]: e["loss"] for e in events if e["kind"] == "metrics"}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def document(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def rows(folder: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def codes(folder: Path) -> set[str]:
    return {finding.code for finding in diagnose(read_run(folder)).findings}


def test_the_pipeline_of_document_001(tmp_path: Path, stage1: Path) -> None:
    """All its files, and a model that ranks what it never saw better: it replaces stage 1."""
    train, watched = (
        write_pairs(tmp_path / "t.jsonl", 150, 1),
        write_pairs(tmp_path / "v.jsonl", 60, 2),
    )
    plan = planned(train, watched, stage1, "train.num_epochs=8", "align.top_k=3")
    folder = tmp_path / "job"
    found = life(plan, folder)

    built = rows(folder, "constructed_data.jsonl")
    assert len(built) == 150 and all(len(row["negatives"]) == 5 for row in built)
    before = document(folder, "evaluation_results.json")
    assert [row["k"] for row in before["top_k"]] == [1, 3, 5]
    assert all(row["chance"] > 0 and not row["trained_on_eval"] for row in before["top_k"])
    hard = rows(folder, "hard_negatives.jsonl")
    assert len(hard) == before["hard_cases"]["count"] < 150
    for row in hard:
        assert sum(score >= row["scores"][0] for score in row["scores"][1:]) >= 3
    assert {row["id"] for row in before["results"] if row["hard"]} == {row["id"] for row in hard}

    start = next(e for e in found if e["kind"] == "start")
    assert (
        start["loss_kind"] == "margin" and start["candidates"] == 6 and start["rows"] == len(hard)
    )
    assert start["updates"] == 8 * math.ceil(len(hard) / 8)
    assert "hard_cases" not in start, "they are of training questions only"
    evals = [e for e in found if e["kind"] == "eval"]
    assert evals[0]["step"] == 0 and len(evals) == 9, "stage 1, then every pass"
    assert (folder / "checkpoints").is_dir()
    assert load_encoder(str(next((folder / "checkpoints").glob("checkpoint-*")))).dim == 32

    release = document(folder, "release.json")
    assert (release["chosen"], release["reason"]) == ("stage2", "better")
    assert release["low"] > 0 and release["among"] == 8 and release["level"] > 0.99
    assert same(folder / "model", folder / "best_model")
    held_out = document(folder, "heldout.json")
    assert len(held_out["queries"]) == 60 and not held_out["trained_on_eval"]
    gains = [row["after"] - row["before"] for row in held_out["queries"]]
    assert sum(gains) / 60 == pytest.approx(release["difference"])
    assert {"chance", "p_below"} <= held_out["candidates"]["after"][0].keys()
    assert max(e["eval_ndcg@10"] for e in evals) == pytest.approx(release["after"])


def test_stage_2_that_memorises_is_called_by_name_and_stage_1_is_kept(
    tmp_path: Path, stage1: Path
) -> None:
    """Few questions whose answers have nothing to do with them can only be learnt by heart."""
    train = write_pairs(tmp_path / "t.jsonl", 16, 1, "noise")
    watched = write_pairs(tmp_path / "v.jsonl", 40, 2, "words")
    plan = planned(train, watched, stage1, "train.num_epochs=60", "train.keep_checkpoints=1")
    folder = tmp_path / "job"
    events = life(plan, folder)
    assert losses(events)[max(losses(events))] < 0.01
    assert "memorised" in codes(folder)
    release = document(folder, "release.json")
    assert release["chosen"] == "stage1" and release["reason"] in ("not_better", "worse")
    assert same(folder / "model", stage1) and not same(folder / "best_model", stage1)
    assert any(e["kind"] == "alert" and "best_model/" in e["text"] for e in events)


def test_an_order_learnt_by_heart_is_called_by_name(tmp_path: Path, stage1: Path) -> None:
    """All pairs: below 0.0667 only who knows the arbitrary order of the negatives."""
    train = write_pairs(tmp_path / "t.jsonl", 16, 1, "noise")
    flags = ("align.mode=all-pairs", "train.num_epochs=60", "align.top_k=1")
    folder = tmp_path / "job"
    events = life(planned(train, None, stage1, *flags), folder)
    assert losses(events)[max(losses(events))] < 0.0667
    found = {finding.code: finding for finding in diagnose(read_run(folder)).findings}
    assert "hinge-floor" in found
    assert any("0.06667" in fact.text for fact in found["hinge-floor"].evidence)
    assert document(folder, "release.json")["reason"] == "unseen_needed"
    assert same(folder / "model", stage1)


@pytest.mark.parametrize("part", [0.0, 1.0])
def test_a_blend_is_decided_on_and_its_ends_are_the_stages(
    tmp_path: Path, stage1: Path, part: float
) -> None:
    train, watched = (
        write_pairs(tmp_path / "t.jsonl", 150, 1),
        write_pairs(tmp_path / "v.jsonl", 60, 2),
    )
    flags = ("train.num_epochs=6", f"align.blend={part}", "train.keep_checkpoints=1")
    folder = tmp_path / "job"
    life(planned(train, watched, stage1, *flags), folder)
    release = document(folder, "release.json")
    if part:
        assert release["chosen"] == "blend"
        assert same(folder / "model", folder / "best_model")
    else:
        assert release["chosen"] == "stage1" and release["difference"] == 0.0
        assert same(folder / "model", stage1)


@pytest.mark.parametrize("stop_at", [2, 5])
def test_stopped_and_resumed_is_the_same_run(tmp_path: Path, stop_at: int) -> None:
    """With dropout: random states matter."""
    model = tiny_encoder_folder(tmp_path / "stage1", hidden_dropout_prob=0.1)
    train, watched = (
        write_pairs(tmp_path / "t.jsonl", 60, 1),
        write_pairs(tmp_path / "v.jsonl", 9, 2),
    )
    flags = ("train.schedule=cosine", "train.warmup_ratio=0.2", "align.top_k=1")
    plan = planned(train, watched, model, *flags)
    whole = life(plan, tmp_path / "whole")
    first = life(plan, tmp_path / "job", stop_at=stop_at)
    assert not (tmp_path / "job" / "model").exists(), "a run that was stopped has no result"
    point, damaged = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None and not damaged
    second = life(plan, tmp_path / "job", 1, checkpoint=point.path)
    assert losses(first) | losses(second) == losses(whole)
    assert same(tmp_path / "whole" / "best_model", tmp_path / "job" / "best_model")
    results = [document(tmp_path / name, "release.json") for name in ("whole", "job")]
    assert results[0] == results[1]


def test_evaluating_on_what_is_trained_on(tmp_path: Path, stage1: Path) -> None:
    """Refused; forced, every number is marked, nothing is decided by it, the doctor says it."""
    train = write_pairs(tmp_path / "t.jsonl", 30, 1)
    with pytest.raises(UsageError, match="30 of the 30 questions"):
        life(planned(train, train, stage1), tmp_path / "refused")
    folder = tmp_path / "job"
    events = life(planned(train, train, stage1, "align.force=true"), folder)
    start = next(e for e in events if e["kind"] == "start")
    assert start["trained_on_eval"] is True
    assert all(e["eval_trained_on"] == 30 for e in events if e["kind"] == "eval")
    assert "trained-on-eval" in codes(folder)
    release = document(folder, "release.json")
    assert (release["chosen"], release["reason"]) == ("stage1", "trained_on_eval")
    held_out = document(folder, "heldout.json")
    after = document(folder, "evaluation_results_after.json")
    marked = [held_out, release, after, after["hard_cases"], *after["results"], *after["top_k"]]
    marked += [*held_out["measures"], *held_out["queries"], *held_out["candidates"]["after"]]
    assert all(one["trained_on_eval"] is True for one in marked)


def test_without_force_the_trained_questions_are_not_evaluated_again(
    tmp_path: Path, stage1: Path
) -> None:
    train, watched = (
        write_pairs(tmp_path / "t.jsonl", 30, 1),
        write_pairs(tmp_path / "v.jsonl", 9, 2),
    )
    life(planned(train, watched, stage1), tmp_path / "job")
    assert not (tmp_path / "job" / "evaluation_results_after.json").exists()


def test_entities_decide_where_there_are_some(tmp_path: Path, stage1: Path) -> None:
    """Identifiers are found in half of the questions: the rest falls back, and it is said."""
    lines = []
    for i in range(24):
        name = f"json_{'abcdefghijklmnopqrstuvwxyz'[i]}" if i % 2 else "open a file"
        row = {"query": f"read {name}", "positive": f"{name} sorts a list {i}"}
        lines.append(json.dumps(row))
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    flags = ("align.score=max_sim", "align.top_k=1", "align.mode=listwise", "train.max_length=60")
    folder = tmp_path / "job"
    events = life(planned(tmp_path / "t.jsonl", None, stage1, *flags), folder)
    said = [e["text"] for e in events if e["kind"] == "log"]
    assert any("12 of 24 pairs (50 %)" in text for text in said)
    assert 0 < document(folder, "evaluation_results.json")["entity_coverage"] < 1
    assert next(e for e in events if e["kind"] == "start")["entity_coverage"] > 0


def test_bad_input_is_a_clear_line(tmp_path: Path, stage1: Path) -> None:
    train = write_pairs(tmp_path / "t.jsonl", 9, 1)
    with pytest.raises(DataError, match="has an entity"):
        life(planned(train, None, stage1, "align.score=mean_pairs"), tmp_path / "a")
    with pytest.raises(RunFailedError, match="nothing for stage 2"):
        life(planned(train, None, stage1, "align.top_k=6"), tmp_path / "b")
    plan = planned(train, None, stage1)
    write_pairs(tmp_path / "t.jsonl", 8, 5)
    with pytest.raises(DataError, match="content has changed"):
        life(plan, tmp_path / "c")


def test_fewer_candidates_than_asked_are_told(tmp_path: Path, stage1: Path) -> None:
    train = write_pairs(tmp_path / "t.jsonl", 4, 1)
    events = life(planned(train, None, stage1, "align.top_k=1"), tmp_path / "job")
    assert any(e["kind"] == "alert" and "passages for 3 only" in e["text"] for e in events)
