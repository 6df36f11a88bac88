"""Runs whose checkpoints are copied to a storage: on a fresh disk they go on as if nothing was."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import s3
from halting import stopping_after
from huohou import api
from huohou.cli.main import run
from huohou.record import checkpoints
from huohou.record.copies import Copies
from huohou.record.events import Follower
from huohou.record.storage import Storage
from teams import alone, events, largest_difference, losses, sft_flags

CLOSE = 1e-4


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def address() -> Iterator[str]:
    with s3.server() as found:
        yield found


def stopped(flags: list[str], tmp_path: Path, step: int) -> Path:
    """A run that was stopped after so many updates; its folder."""
    with stopping_after(step, tmp_path / "site"):
        assert api.train(api.make_plan(None, flags))["status"] == "stopped"
    folder = tmp_path / "runs" / "1-run"
    assert max(losses(folder)) == step
    return folder


def alerts(folder: Path) -> list[str]:
    both = events(folder) + Follower(folder / "job.jsonl").poll()
    return [e["text"] for e in both if e["kind"] == "alert"]


@pytest.mark.slow
def test_on_another_machine_it_goes_on_with_the_same_losses(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*sft_flags(tmp_path), "train.num_epochs=10"]
    whole = alone(api.make_plan(None, flags), tmp_path / "whole")
    folder = stopped([*flags, f"compute.storage={address}"], tmp_path, 14)
    copies = Copies(Storage(address), folder)
    here = [path.name for path in checkpoints.listed(folder / "checkpoints")]
    assert sorted(checkpoints.name(one.step) for one in copies.whole()) == sorted(here)
    there = copies.storage.read("events.jsonl")
    assert there == (folder / "events.jsonl").read_text(encoding="utf-8")
    shutil.rmtree(folder.parent)
    assert run(["runs", "fetch", copies.address]) == 0
    assert api.run("1")["status"] == "stopped"
    assert run(["resume", "1"]) == 0
    last = max(checkpoints.step_of(Path(name)) or 0 for name in here)
    assert f"Fetched checkpoint-{last} from {copies.address}" in capsys.readouterr().err
    second = next(e for e in events(folder) if e["seg"] == 1 and e["kind"] == "start")
    assert second["resumed_from"] == last
    assert losses(folder) == losses(whole)
    assert losses(folder, "eval_loss") == losses(whole, "eval_loss")
    assert best_of(folder) == best_of(whole)
    kept = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert sorted(checkpoints.name(one.step) for one in copies.whole()) == kept
    # On a busy machine a checkpoint may make room for the next before it is copied: that is said.
    assert not any("could not be copied" in text for text in alerts(folder))


def best_of(folder: Path) -> int:
    """Update of the best evaluation, as the last checkpoint knows it."""
    state = checkpoints.listed(folder / "checkpoints")[-1] / "trainer_state.json"
    return int(json.loads(state.read_text(encoding="utf-8"))["best_global_step"])


@pytest.mark.slow
def test_another_number_of_workers_goes_on_from_there(tmp_path: Path) -> None:
    """Begun by one process, gone on with by two on a fresh disk; the newest copy is damaged."""
    flags = [*sft_flags(tmp_path), "train.num_epochs=8"]
    whole = alone(api.make_plan(None, flags), tmp_path / "whole")
    root = tmp_path / "there"
    told = [*flags, f"compute.storage=file://{root}"]
    folder = stopped(told, tmp_path, 14)
    steps = [one.step for one in Copies(Storage(f"file://{root}"), folder).whole()]
    (weights,) = root.glob(f"*/checkpoints/checkpoint-{steps[0]}-*/adapter_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    shutil.rmtree(folder / "checkpoints")
    assert run(["resume", "1", "--on", "torchrun", "--workers", "2"]) == 0
    log = (folder / "train.log").read_text(encoding="utf-8")
    assert largest_difference(losses(whole), losses(folder)) < CLOSE
    second = next(e for e in events(folder) if e["seg"] == 1 and e["kind"] == "start")
    assert (second["workers"], second["resumed_from"]) == (2, steps[1]), log
    there = [one.step for one in Copies(Storage(f"file://{root}"), folder).whole()]
    assert there[0] == 32


def test_what_cannot_be_written_to_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [piece for flag in sft_flags(tmp_path) for piece in ("-s", flag)]
    assert run(["train", *flags, "--storage", "file:///proc/huohou"]) == 2
    assert "Nothing was started: file:///proc/huohou" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("1-*"))
