"""The recipe embed end to end on a tiny encoder: what it learns, says and leaves, and how it goes on."""

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from huohou import api
from huohou.errors import ConfigError, DataError
from huohou.models.encoder import load_encoder
from huohou.plan import Plan
from huohou.recipes import Start, embed, memory
from huohou.recipes.embedding import trainer as training
from huohou.recipes.memory import NotEnoughMemoryError
from huohou.record import checkpoints
from huohou.record.events import Follower
from huohou.record.recorder import Recorder
from tiny_encoder import tiny_encoder_folder

WORDS = [
    "open",
    "file",
    "read",
    "lines",
    "quick",
    "brown",
    "fox",
    "lazy",
    "dog",
    "value",
    "number",
    "sort",
    "list",
    "json",
    "parse",
    "queue",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def write_pairs(path: Path, count: int, seed: int = 0, shared: int = 1) -> Path:
    """Questions of two words of their passage; shared: questions a passage."""
    chance = random.Random(seed)
    lines = []
    for i in range(count):
        if i % shared == 0:
            words = chance.sample(WORDS, k=4 + i % 5)
            passage = " ".join([*words, str(i)])
        asked = " ".join([*chance.sample(words, k=2), "?" * (i % 3)])
        lines.append(json.dumps({"anchor": f"{asked} {i}", "positive": passage}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def planned(tmp_path: Path, model: Path, *flags: str, rows: int = 27, shared: int = 1) -> Plan:
    train = write_pairs(tmp_path / "train.jsonl", rows, shared=shared)
    watched = write_pairs(tmp_path / "val.jsonl", 9, seed=9)
    return api.make_plan(
        None,
        [
            "recipe=embed",
            f"model={model}",
            f"data.train={train}",
            f"data.eval={watched}",
            "train.max_length=64",
            "train.batch_size=8",
            "train.learning_rate=5e-3",
            "train.num_epochs=2",
            "train.device=cpu",
            "train.dtype=float32",
            *flags,
        ],
    )


def events(path: Path) -> list[dict[str, Any]]:
    return Follower(path).poll()


def life(
    plan: Plan, folder: Path, seg: int = 0, stop_at: int | None = None, **start: Any
) -> list[dict[str, Any]]:
    """One process life in this process; events of this life."""
    folder.mkdir(exist_ok=True)
    path = folder / "events.jsonl"

    def should_stop() -> bool:
        done = sum(e["kind"] == "metrics" and e["seg"] == seg for e in events(path))
        return stop_at is not None and done >= stop_at

    with Recorder(path, seg) as recorder:
        embed.run(plan, folder, recorder, should_stop, Start(**start))
    return [e for e in events(path) if e["seg"] == seg]


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [e for e in found if e["kind"] == kind]


def losses(found: list[dict[str, Any]]) -> dict[int, float]:
    return {e["step"]: e["loss"] for e in of_kind(found, "metrics")}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def test_it_learns_and_says_what_tells_the_truth(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model, "train.num_epochs=6")
    assert (plan.recipe, plan.train.rows, plan.prediction.updates) == ("embed", 27, 24)
    found = life(plan, tmp_path / "job")
    start = of_kind(found, "start")[0]
    assert start["loss_kind"] == "in-batch"
    assert (start["candidates"], start["scale"], start["eval_candidates"]) == (8, 20.0, 9)
    metrics = of_kind(found, "metrics")
    assert [e["step"] for e in metrics] == list(range(1, 25))
    assert metrics[-1]["loss"] < metrics[0]["loss"] / 2
    assert metrics[0]["ln_n"] == pytest.approx(math.log(8))
    assert metrics[3]["ln_n"] == pytest.approx(math.log(3)), "the last update of a pass is short"
    for one in metrics:
        assert -1 <= one["neg_sim"] <= 1
        assert 0 < one["spread"] < 1
        assert one["scale"] > 0
    evals = of_kind(found, "eval")
    assert [e["step"] for e in evals] == [0, 4, 8, 12, 16, 20, 24]
    names = {"eval_loss", "eval_ndcg@10", "eval_mrr@10", "eval_recall@5", "eval_accuracy@1"}
    assert all(names <= e.keys() for e in evals)
    assert "eval_recall@10" not in evals[0], "of 9 passages the first 10 are all of them"
    whole = json.loads((tmp_path / "job" / "checkpoints" / "checkpoint-24" / "trainer_state.json").read_text())  # fmt: skip
    best = max(evals[1:], key=lambda e: e["eval_ndcg@10"])
    assert whole["best_metric"] == best["eval_ndcg@10"]


def test_the_result_is_what_sentence_transformers_loads(tmp_path: Path, model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    plan = planned(tmp_path, model, "embed.loss=csd", "embed.head_dim=8", "train.num_epochs=1")
    found = life(plan, tmp_path / "job")
    start = of_kind(found, "start")[0]
    assert (start["loss_kind"], start["scale"], start["bias"]) == ("logistic", 5.0, 5.0)
    assert {"scale", "bias"} <= of_kind(found, "metrics")[-1].keys()
    folder = tmp_path / "job" / "model"
    ours = load_encoder(str(folder))
    assert ours.head is not None
    theirs = SentenceTransformer(str(folder), device="cpu")
    texts = ["open a file", "the quick brown fox"]
    np.testing.assert_allclose(theirs.encode(texts), ours.encode(texts), atol=1e-5)


def drawn(place: Path, model: Path, loss: str) -> Plan:
    """With dropout, and with negatives that are drawn: random states matter."""
    return planned(place, model, f"embed.loss={loss}", "train.max_tokens=60")


@pytest.fixture(scope="module", params=["sigmoid", "info-nce"])
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Path
) -> tuple[str, Path, list[dict[str, Any]]]:
    """For each loss a run that was never stopped: its folder and events, which are only read."""
    place = tmp_path_factory.mktemp("whole")
    return request.param, place / "job", life(drawn(place, model, request.param), place / "job")


@pytest.mark.parametrize("stop_at", [1, 5])
def test_stopped_and_resumed_is_the_same_run(
    tmp_path: Path, model: Path, stop_at: int, whole: tuple[str, Path, list[dict[str, Any]]]
) -> None:
    loss, finished, told = whole
    plan = drawn(tmp_path, model, loss)
    first = life(plan, tmp_path / "job", stop_at=stop_at)
    point, damaged = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None and not damaged
    assert point.step == stop_at + 1
    second = life(plan, tmp_path / "job", 1, checkpoint=point.path)
    assert of_kind(second, "start")[0]["resumed_from"] == stop_at + 1
    assert losses(first) | losses(second) == losses(told)
    expected, found = weights(finished), weights(tmp_path / "job")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    last = [of_kind(one, "eval")[-1] for one in (told, second)]
    assert last[0]["eval_loss"] == last[1]["eval_loss"]


def test_the_same_plan_is_the_same_run_and_another_seed_is_not(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model)
    one, two = life(plan, tmp_path / "one"), life(plan, tmp_path / "two")
    assert losses(one) == losses(two)
    other = planned(tmp_path, model, "train.seed=7")
    assert losses(life(other, tmp_path / "three")) != losses(one)


def test_a_branch_begins_from_the_weights(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model)
    life(plan, tmp_path / "job")
    point, _ = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None
    other = planned(tmp_path, model, "train.learning_rate=1e-9")
    life(other, tmp_path / "branch", checkpoint=point.path, weights_only=True)
    saved = load_file(point.path / "model.safetensors")
    for name, weight in weights(tmp_path / "branch").items():
        torch.testing.assert_close(weight, saved[name], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_where_memory_lacks_the_update_is_the_same_in_smaller_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = tiny_encoder_folder(tmp_path / "model", **off)  # masks go by the pieces
    plan = planned(tmp_path, model, "train.num_epochs=1")
    whole = life(plan, tmp_path / "whole")
    real = training.EmbedTrainer._gradient

    def lacking(self: Any, update: Any) -> Any:
        found = real(self, update)
        if self.cut.max_tokens > 100:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return found

    monkeypatch.setattr(training.EmbedTrainer, "_gradient", lacking)
    told = life(plan, tmp_path / "small")
    alerts = of_kind(told, "alert")
    assert [a["max_tokens"] for a in alerts] == [2048, 1024, 512, 256, 128, 64]
    assert alerts[0]["recompute"] is True
    assert losses(told) == pytest.approx(losses(whole), rel=1e-3)

    monkeypatch.setattr(memory, "is_out", lambda error: True)
    monkeypatch.setattr(
        training.EmbedTrainer, "_gradient", lambda *_: (_ for _ in ()).throw(RuntimeError("oom"))
    )
    with pytest.raises(NotEnoughMemoryError, match="max_length"):
        life(plan, tmp_path / "none")


def test_passages_dealt_to_updates(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model, "embed.group_passages=true", rows=60, shared=3)
    assert plan.prediction.updates == 6
    found = life(plan, tmp_path / "job")
    start = of_kind(found, "start")[0]
    assert (start["rows"], start["groups"]) == (60, 20)
    assert of_kind(found, "metrics")[0]["ln_n"] == pytest.approx(math.log(8))


def test_early_stopping(tmp_path: Path, model: Path) -> None:
    flags = ("train.early_stopping_patience=1", "train.num_epochs=30", "train.learning_rate=1e-9")
    found = life(planned(tmp_path, model, *flags), tmp_path / "job")
    assert len(of_kind(found, "metrics")) < 30 * 4


def test_bad_input_is_a_clear_line(tmp_path: Path, model: Path) -> None:
    with pytest.raises(ConfigError, match="variance"):
        planned(tmp_path, model, "embed.score=csd")
    with pytest.raises(ConfigError, match="variance"):
        planned(tmp_path, model, "embed.loss=csd", "embed.head=none", "embed.score=cosine")
    lonely = tmp_path / "lonely.jsonl"
    lonely.write_text('{"anchor": "a", "positive": "b"}\n{"anchor": "c", "positive": "b"}\n')
    with pytest.raises(DataError, match="one and the same passage"):
        api.make_plan(None, ["recipe=embed", f"model={model}", f"data.train={lonely}", "train.max_length=64"])  # fmt: skip


def test_changed_data_is_not_trained_on(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model)
    write_pairs(tmp_path / "train.jsonl", 27, seed=3)
    with pytest.raises(DataError):
        life(plan, tmp_path / "job")
