"""Two workers that torchrun starts compute what one process computes."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from halting import slowed, stopping_after
from huohou import api
from huohou.record import checkpoints
from huohou.record.events import Follower
from teams import (
    ALIGN,
    CLOSE,
    alone,
    code_of,
    command,
    events,
    is_over,
    job_folder,
    kill,
    kill_worker,
    largest_difference,
    losses,
    pair_flags,
    sft_flags,
    shared,
    shown,
    start,
    together,
)
from waiting import PATIENCE, wait_until


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["sft", "embed", "align"])
def test_two_workers_are_one_process(tmp_path: Path, recipe: str) -> None:
    more = ALIGN if recipe == "align" else ()
    flags = sft_flags(tmp_path) if recipe == "sft" else pair_flags(tmp_path, recipe, 26, *more)
    plan = api.make_plan(None, flags)
    one = alone(plan, tmp_path / "one")
    two = together(shared(plan, "torchrun", 2), tmp_path / "two")
    assert len(losses(one)) == 24
    assert largest_difference(losses(one), losses(two)) < CLOSE
    assert largest_difference(losses(one, "eval_loss"), losses(two, "eval_loss")) < CLOSE
    begin = next(e for e in events(two) if e["kind"] == "start")
    assert begin["workers"] == 2
    kept = {path.name for path in (one / "checkpoints").iterdir()}
    assert {path.name for path in (two / "checkpoints").iterdir()} == kept
    result = {"sft": "adapter/adapter_model"}.get(recipe, "model/model") + ".safetensors"
    ours, theirs = load_file(one / result), load_file(two / result)
    # A bias of keys changes nothing, so its gradient is rounding alone, which AdamW makes large.
    real = [name for name in ours if not name.endswith("key.bias")]
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in real) < 1e-3


@pytest.mark.slow
def test_a_run_goes_on_with_other_workers(tmp_path: Path) -> None:
    """Stopped by one process, gone on with by three workers, then by one process again."""
    plan = api.make_plan(None, [*sft_flags(tmp_path), "train.num_epochs=12"])
    whole = alone(plan, tmp_path / "whole")
    parts = alone(plan, tmp_path / "parts", stop_at=7)
    first, _ = checkpoints.newest(parts / "checkpoints")
    assert first is not None
    three = shared(plan, "torchrun", 3)
    with stopping_after(8, tmp_path / "site"):
        together(three, parts, 1, checkpoint=first.path)
    (parts / "stop").unlink()
    second, _ = checkpoints.newest(parts / "checkpoints")
    assert second is not None
    alone(plan, parts, seg=2, checkpoint=second.path)
    steps = [
        [e["step"] for e in events(parts) if e["kind"] == "metrics" and e["seg"] == seg]
        for seg in range(3)
    ]
    assert second.step == first.step + 8
    assert [step for life in steps for step in life] == list(range(1, 49))
    assert [life[-1] for life in steps] == [first.step, second.step, 48]
    assert largest_difference(losses(whole), losses(parts)) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_worker_is_recovered(tmp_path: Path, rank: int) -> None:
    """The first one writes record and checkpoints."""
    flags = [*sft_flags(tmp_path), "train.num_epochs=10"]
    whole = alone(api.make_plan(None, flags), tmp_path / "whole")
    with slowed(0.3, tmp_path / "site"):  # so that it cannot be over before
        process = start("--on", "torchrun", "--workers", "2", flags=flags)
    folder = job_folder(tmp_path / "runs")
    wait_until(lambda: len(losses(folder)) > 10)
    kill_worker(folder, rank)
    out, err = process.communicate(timeout=PATIENCE)
    assert "completed" in out, out + err
    lived = events(folder)
    assert {e["seg"] for e in lived} == {0, 1}
    journal = Follower(folder / "job.jsonl").poll()
    assert [e["seg"] for e in journal if e["kind"] == "segment"] == [0, 1]
    assert any(e["kind"] == "alert" and "A worker died" in e["text"] for e in journal)
    begin = next(e for e in lived if e["kind"] == "start" and e["seg"] == 1)
    assert 8 <= begin["resumed_from"] < 40
    assert largest_difference(losses(whole), losses(folder)) < CLOSE
    told = [e["code"] for e in journal if e["kind"] == "finding"]
    assert "crashed" not in told


@pytest.mark.slow
def test_a_job_whose_supervisor_died_is_found_again(tmp_path: Path) -> None:
    """The command in the foreground is killed: the workers stop with a checkpoint."""
    flags = [*sft_flags(tmp_path), "train.num_epochs=400"]
    with slowed(0.1, tmp_path / "site"):
        process = start("--on", "torchrun", "--workers", "2", flags=flags)
    folder = job_folder(tmp_path / "runs")
    wait_until(lambda: len(losses(folder)) > 10)
    kill(process)
    wait_until(lambda: is_over(folder))
    assert shown("1")["status"] == "stopped"
    found, _ = checkpoints.newest(folder / "checkpoints")
    assert found is not None
    again = command("resume", "1", "--on", "local", "--extend-epochs", "1")
    wait_until(lambda: any(e["seg"] == 1 and e["kind"] == "metrics" for e in events(folder)))
    assert next(e for e in events(folder) if e["seg"] == 1 and e["kind"] == "start")["resumed_from"] == found.step  # fmt: skip
    assert code_of(command("stop", "1")) == 0
    again.communicate(timeout=PATIENCE)
