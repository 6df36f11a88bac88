"""Workers that split a model compute what one process computes with all of it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import distributed

from halting import stopping_after
from huohou import api
from huohou.models import load_hollow, load_model
from huohou.models.encoder import load_encoder
from huohou.recipes import embed, sharding
from huohou.record import checkpoints
from teams import (
    CLOSE,
    alone,
    begin,
    events,
    largest_difference,
    losses,
    pair_flags,
    sft_flags,
    together,
)
from tiny import tiny_llama_folder
from tiny_encoder import tiny_encoder_folder
from waiting import PATIENCE

SPLIT = ("compute.on=torchrun", "compute.workers=2", "compute.sharding=fsdp")
# An update is cut into pieces, of which the workers have not as many each; one of 25 rows is left
# for the last update of a pass, so that a worker has nothing of its own.
PIECES = ("train.num_epochs=7", "train.max_tokens=90")
# Runs where Python starts: the second worker has no memory for an update.
LACKING = """
import os
if os.environ.get("RANK") == "1":
    from huohou.recipes.trainer import AnswerTrainer
    def update(self, model, rows):
        raise MemoryError("no room")
    AnswerTrainer._update = update
"""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["embed", "sft"])
def test_workers_that_split_the_model_are_one_process(tmp_path: Path, recipe: str) -> None:
    """And a run goes over from one process to them and back, by its checkpoints."""
    flags = sft_flags(tmp_path, 25) if recipe == "sft" else pair_flags(tmp_path, recipe, 25)
    plan = api.make_plan(None, [*flags, *PIECES])
    split = api.make_plan(None, [*flags, *PIECES, *SPLIT])
    assert split.facts["workers"]["sharding"] == "fsdp"
    whole = alone(plan, tmp_path / "whole")
    parts = alone(plan, tmp_path / "parts", stop_at=3)
    with stopping_after(22, tmp_path / "site"):
        together(split, parts, 1, checkpoint=last(parts))
    (parts / "stop").unlink()
    alone(plan, parts, seg=2, checkpoint=last(parts))
    seen = [e for e in events(parts) if e["kind"] == "metrics"]
    assert sum(e["seg"] == 1 for e in seen) == 22
    assert [e["step"] for e in seen] == list(range(1, 29))
    assert largest_difference(losses(whole), losses(parts)) < CLOSE
    assert largest_difference(losses(whole, "eval_loss"), losses(parts, "eval_loss")) < CLOSE


@pytest.mark.slow
def test_a_worker_without_a_part_of_a_weight(tmp_path: Path) -> None:
    """Two kinds of tokens, three workers: the third has none of that table."""
    flags = [*pair_flags(tmp_path, "embed", 25), "train.num_epochs=1", "train.max_tokens=90"]
    whole = alone(api.make_plan(None, flags), tmp_path / "whole")
    three = api.make_plan(None, [*flags, *SPLIT, "compute.workers=3"])
    parts = together(three, tmp_path / "parts")
    assert largest_difference(losses(whole), losses(parts)) < CLOSE
    assert largest_difference(losses(whole, "eval_loss"), losses(parts, "eval_loss")) < CLOSE


def test_an_encoder_that_was_looked_at_can_be_trained(tmp_path: Path) -> None:
    """In a team of one: what an evaluation gathers into has to be good for a gradient too."""
    with team_of_one():
        encoder = load_encoder(str(tiny_encoder_folder(tmp_path / "bert")))
        texts = ["quick brown fox", "lazy dog"]
        whole = encoder.encode(texts)
        embed.split(encoder, "cpu")
        assert sharding.is_split(encoder.transformer)
        assert abs(encoder.encode(texts) - whole).max() < 1e-6
        encoder(*encoder.pad(encoder.tokenize(texts))).mu[:, 0].sum().backward()
        sharding.let_go(encoder)
        assert all(p.grad is not None for p in encoder.parameters() if p.requires_grad)


@pytest.mark.slow
def test_a_worker_that_lacks_memory_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot try smaller pieces while the other waits for its part of the weights."""
    (tmp_path / "sitecustomize.py").write_text(LACKING)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    process = begin(api.make_plan(None, [*sft_flags(tmp_path), *SPLIT]), tmp_path / "job")
    out, _ = process.communicate(timeout=PATIENCE)
    end = events(tmp_path / "job")[-1]
    assert (end["kind"], end["state"], end["reason"]) == ("end", "failed", "out-of-memory"), out
    assert "Worker 1 on" in end["error"] and "-s train.max_tokens=N" in end["error"]


@pytest.mark.parametrize("tied", [True, False])
def test_a_head_of_its_own_stays_one(tmp_path: Path, tied: bool) -> None:
    """Also where the model's settings say that it is tied, and its files have another one."""
    folder = tiny_llama_folder(tmp_path / "llama", tie_word_embeddings=False)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": tied}))
    ids = torch.arange(3, 40)[None]
    with team_of_one(), torch.no_grad():
        name = str(folder)
        parts = sharding.built(lambda: load_hollow(name), lambda: load_model(name), "cpu")
        whole = load_model(name)
        assert float((parts(ids).logits - whole(ids).logits).abs().max()) < 1e-5


@contextmanager
def team_of_one() -> Iterator[None]:
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def last(folder: Path) -> Path:
    found, _ = checkpoints.newest(folder / "checkpoints")
    assert found is not None
    return found.path
