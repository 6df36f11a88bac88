"""A job's folder gives its two models, and says what is wrong with a folder that does not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from huohou.errors import ModelError, UsageError
from huohou.plan import Choice, Plan
from huohou.probe.generate import answer
from huohou.probe.load import find_adapter, load_run
from scored_job import DAWU, TAUGHT
from tiny import tiny_job, tiny_llama, tiny_llama_folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_job(tmp_path_factory.mktemp("probe") / "1-tiny", TAUGHT)


@pytest.fixture
def job(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "1-tiny"))


def _answers(folder: Path, which: str) -> list[str]:
    models = load_run(folder)
    with models.using(which) as model:  # type: ignore[arg-type]
        found = answer(
            model, models.tokenizer, [r.messages[:-1] for r in TAUGHT], max_new_tokens=16
        )
    return [a.text for a in found]


def test_tuned_and_base_from_one_model(job: Path) -> None:
    assert _answers(job, "tuned") == [row.answer for row in TAUGHT]
    base = _answers(job, "base")
    models = load_run(job)
    plain = answer(
        tiny_llama(spread=0.2),
        models.tokenizer,
        [r.messages[:-1] for r in TAUGHT],
        max_new_tokens=16,
    )
    assert base == [a.text for a in plain]
    assert DAWU not in base


def test_the_adapter_at_the_end_then_the_best_checkpoint_then_the_last(job: Path) -> None:
    assert find_adapter(job) == job / "adapter"
    for number in (2, 4, 10):
        shutil.copytree(job / "adapter", job / "checkpoints" / f"checkpoint-{number}")
    shutil.rmtree(job / "adapter")
    assert find_adapter(job).name == "checkpoint-10"  # by number, not by name
    state = {"best_model_checkpoint": "/moved/since/checkpoints/checkpoint-4"}
    (job / "checkpoints/checkpoint-10/trainer_state.json").write_text(json.dumps(state))
    assert find_adapter(job) == job / "checkpoints" / "checkpoint-4"
    shutil.rmtree(job / "checkpoints" / "checkpoint-4")
    assert find_adapter(job).name == "checkpoint-10"
    shutil.rmtree(job / "checkpoints")
    with pytest.raises(UsageError, match="no trained weights yet"):
        find_adapter(job)


def test_a_pickled_adapter_is_not_opened(job: Path) -> None:
    weights = job / "adapter" / "adapter_model.safetensors"
    weights.rename(weights.with_name("adapter_model.bin"))
    with pytest.raises(UsageError, match="no trained weights yet"):
        load_run(job)


def test_a_torn_adapter(job: Path) -> None:
    weights = job / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="does not fit"):
        load_run(job)


def test_an_adapter_of_another_model(job: Path, tmp_path: Path) -> None:
    other = tiny_llama_folder(tmp_path / "wide", hidden_size=32, intermediate_size=64)
    _replan(job, model=str(other))
    with pytest.raises(ModelError, match="does not fit"):
        load_run(job)


def test_a_template_that_changed_since_training(job: Path) -> None:
    _replan(job, template="0" * 64)
    with pytest.raises(ModelError, match="another tokenizer or chat template"):
        load_run(job)


def test_a_device_that_is_not_here(job: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has the device that should be missing")
    _replan(job, device=Choice("cuda:7", "elsewhere"), dtype=Choice("bfloat16", "elsewhere"))
    models = load_run(job)
    assert models.device in ("cpu", "mps")


@pytest.mark.parametrize("content", [None, "{", "{}", '{"settings": 3}', "[]"])
def test_what_is_no_plan(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"plan"):
        load_run(tmp_path)


def _replan(job: Path, **changes: object) -> None:
    path = job / "plan.json"
    plan = replace(Plan.load(path), **changes)  # type: ignore[arg-type]
    path.unlink()
    plan.save(path)
