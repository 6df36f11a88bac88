"""A training of an encoder whose process is really killed is the one that nobody touched."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_embed import events, losses, of_kind, planned

from huohou.jobs import again
from huohou.recipes import Start
from huohou.record import checkpoints
from huohou.record.workspace import EVENTS, PLAN
from tiny_encoder import tiny_encoder_folder
from waiting import PATIENCE, wait_until

FLAGS = ("train.num_epochs=5", "train.evals_per_epoch=2", "train.learning_rate=1e-3")


def life(folder: Path, seg: int, start: Start) -> "subprocess.Popen[bytes]":
    """The training process of a job, on one thread."""
    command = [sys.executable, "-m", "huohou.jobs.child", str(folder), "--seg", str(seg)]
    return subprocess.Popen(
        [*command, "--start", again.dumps(start)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kills", [(3, 9, 14)])
def test_killed_it_is_the_same_run(tmp_path: Path, kills: tuple[int, ...]) -> None:
    plan = planned(tmp_path, tiny_encoder_folder(tmp_path / "model"), *FLAGS)
    whole, folder = tmp_path / "whole", tmp_path / "job"
    for path in (whole, folder):
        path.mkdir()
        plan.save(path / PLAN)
    assert life(whole, 0, Start()).wait(PATIENCE) == 0
    place = folder / checkpoints.FOLDER
    for seg, kill in enumerate((*kills, None)):
        point, damaged = checkpoints.newest(place)
        assert not damaged
        process = life(folder, seg, Start(point.path if point else None))
        if kill is None:
            assert process.wait(PATIENCE) == 0
            break
        at = kill
        wait_until(lambda: max(losses(events(folder / EVENTS)), default=0) >= at, every=0.005)  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    assert losses(events(folder / EVENTS)) == losses(events(whole / EVENTS))
    last = f"{checkpoints.FOLDER}/checkpoint-{plan.prediction.updates}/model.safetensors"
    for name in ("model/model.safetensors", last):
        one, other = load_file(whole / name), load_file(folder / name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name
    ends = [of_kind(events(p / EVENTS), "end")[-1]["state"] for p in (whole, folder)]
    assert ends == ["completed"] * 2
