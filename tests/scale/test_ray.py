"""Two workers of a Ray cluster compute what one process computes, and go on after a death."""

import os
import re
from pathlib import Path

import pytest

from halting import slowed, stopping_after
from huohou import api
from huohou.jobs.cluster import A_TRY
from huohou.record import checkpoints
from huohou.record.events import Follower
from teams import (
    ALIGN,
    CLOSE,
    alone,
    begin,
    code_of,
    command,
    events,
    is_over,
    job_folder,
    kill,
    kill_ray_worker,
    largest_difference,
    losses,
    nodes,
    pair_flags,
    sft_flags,
    shared,
    shown,
    start,
    together,
)
from waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow


def as_one_process(recipe: str, on: str, place: Path) -> Path:
    """Two workers and one process give the same losses; the folder of the workers."""
    more = ALIGN if recipe == "align" else ()
    flags = sft_flags(place) if recipe == "sft" else pair_flags(place, recipe, 26, *more)
    plan = api.make_plan(None, flags)
    one = alone(plan, place / "one")
    two = together(shared(plan, on, 2), place / "two")
    assert len(losses(one)) == 24
    assert largest_difference(losses(one), losses(two)) < CLOSE
    assert largest_difference(losses(one, "eval_loss"), losses(two, "eval_loss")) < CLOSE
    return two


@pytest.mark.parametrize("recipe", ["sft", "embed", "align"])
def test_two_workers_are_one_process(tmp_path: Path, recipe: str) -> None:
    two = as_one_process(recipe, "ray", tmp_path)
    begun = next(e for e in events(two) if e["kind"] == "start")
    assert begun["workers"] == 2


@pytest.mark.parametrize("recipe", ["sft", "embed"])
def test_two_nodes_are_one_process(tmp_path: Path, recipe: str) -> None:
    """A worker on each of two nodes; the in-batch negatives of an encoder come from both."""
    with nodes({"num_cpus": 1}) as address:
        as_one_process(recipe, f"ray://{address}", tmp_path)


@pytest.mark.parametrize("records", [True, False], ids=["the first", "another"])
def test_a_killed_worker_is_recovered(tmp_path: Path, records: bool) -> None:
    """The first one writes record and checkpoints."""
    flags = [*sft_flags(tmp_path), "train.num_epochs=10"]
    whole = alone(api.make_plan(None, flags), tmp_path / "whole")
    with slowed(0.3, tmp_path / "site"):  # so that it cannot be over before
        process = start("--on", "ray", "--workers", "2", flags=flags)
    folder = job_folder(tmp_path / "runs")
    wait_until(lambda: len(losses(folder)) > 10)
    kill_ray_worker(folder, records=records)
    out, err = process.communicate(timeout=PATIENCE)
    assert "completed" in out, out + err
    lived = events(folder)
    assert {e["seg"] for e in lived} == {0, 1}
    begun = next(e for e in lived if e["kind"] == "start" and e["seg"] == 1)
    assert 8 <= begun["resumed_from"] < 40
    journal = Follower(folder / "job.jsonl").poll()
    assert [e["seg"] for e in journal if e["kind"] == "segment"] == [0, 1]
    assert any(e["kind"] == "alert" and "A worker died" in e["text"] for e in journal)
    assert largest_difference(losses(whole), losses(folder)) < CLOSE
    told = {e["code"] for e in journal if e["kind"] == "finding"}
    assert told == findings_of(tmp_path, flags)


def findings_of(tmp_path: Path, flags: list[str]) -> set[str]:
    """What is found of the same run that nobody disturbed."""
    out, err = start(flags=[*flags, "name=quiet"]).communicate(timeout=PATIENCE)
    assert "completed" in out, err
    (folder,) = (tmp_path / "runs").glob("*-quiet")
    return {e["code"] for e in Follower(folder / "job.jsonl").poll() if e["kind"] == "finding"}


def test_a_job_whose_supervisor_died_is_found_again(tmp_path: Path) -> None:
    """The command in the foreground is killed: the workers stop with a checkpoint, and a resume
    goes on from it to what the whole run comes to."""
    flags = [*sft_flags(tmp_path), "train.num_epochs=10"]
    whole = alone(api.make_plan(None, flags), tmp_path / "whole")
    with slowed(0.3, tmp_path / "site"):
        process = start("--on", "ray", "--workers", "2", flags=flags)
    folder = job_folder(tmp_path / "runs")
    wait_until(lambda: len(losses(folder)) > 5)
    kill(process)
    wait_until(lambda: is_over(folder))
    job = shown("1")
    assert job["status"] == "stopped"
    found, _ = checkpoints.newest(folder / "checkpoints")
    assert found is not None
    assert max(losses(folder)) == found.step < 40
    out, err = command("resume", "1").communicate(timeout=PATIENCE)
    assert "completed" in out, out + err
    again = next(e for e in events(folder) if e["seg"] == 1 and e["kind"] == "start")
    assert again["resumed_from"] == found.step
    assert again["workers"] == 2
    assert largest_difference(losses(whole), losses(folder)) < CLOSE


def test_a_stop_is_heard_and_others_go_on(tmp_path: Path) -> None:
    """Begun by one process, gone on with by Ray with two workers, then by torchrun with three."""
    plan = api.make_plan(None, sft_flags(tmp_path))
    whole = alone(plan, tmp_path / "whole")
    parts = alone(plan, tmp_path / "parts", stop_at=7)
    first, _ = checkpoints.newest(parts / "checkpoints")
    assert first is not None
    with stopping_after(8, tmp_path / "site"):
        together(shared(plan, "ray", 2), parts, 1, checkpoint=first.path)
    (parts / "stop").unlink()
    second, _ = checkpoints.newest(parts / "checkpoints")
    assert second is not None
    together(shared(plan, "torchrun", 3), parts, 2, checkpoint=second.path)
    lived = events(parts)
    assert [e["state"] for e in lived if e["kind"] == "end"] == ["stopped", "completed"]
    begun = [e for e in lived if e["kind"] == "start"]
    assert [e.get("workers", 1) for e in begun] == [1, 2, 3]
    assert second.step == first.step + 8
    steps = [e["step"] for e in lived if e["kind"] == "metrics"]
    assert steps == list(range(1, 25)), "each update once"
    assert largest_difference(losses(whole), losses(parts)) < CLOSE
    assert largest_difference(losses(whole, "eval_loss"), losses(parts, "eval_loss")) < CLOSE


def test_the_command_stops_a_run(tmp_path: Path) -> None:
    """``huohou stop``, as a person types it, while two workers of Ray train."""
    flags = [*sft_flags(tmp_path), "train.num_epochs=400"]
    with slowed(0.1, tmp_path / "site"):
        process = start("--on", "ray", "--workers", "2", flags=flags)
    folder = job_folder(tmp_path / "runs")
    wait_until(lambda: len(losses(folder)) > 3)
    assert code_of(command("stop", "1")) == 0
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out + err
    assert shown("1")["status"] == "stopped"
    found, _ = checkpoints.newest(folder / "checkpoints")
    assert found is not None
    assert max(losses(folder)) <= found.step < 1600


def test_too_small_a_cluster_is_waited_for_and_told(tmp_path: Path) -> None:
    plan = api.make_plan(None, sft_flags(tmp_path))
    with nodes() as address:
        told = shared(plan, f"ray://{address}", 4, **{"compute.wait": 3.0})
        process = begin(told, tmp_path / "job")
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    found = events(tmp_path / "job")
    waits = next(e for e in found if e["kind"] == "alert")
    assert "4 CPU asked for, the cluster has 1" in waits["text"]
    assert "up to 3 s" in waits["text"]
    end = found[-1]
    assert (end["kind"], end["state"]) == ("end", "failed")
    assert "4 CPU asked for, the cluster has 1" in end["error"]


def test_a_machine_that_does_not_come_back_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two machines one is gone with its worker, and the other alone has no room for both."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv(A_TRY, "5")
    plan = api.make_plan(None, [*sft_flags(tmp_path), "train.num_epochs=400"])
    folder = tmp_path / "job"
    with slowed(0.1, tmp_path / "site"):  # in their machine's surroundings, not in those of begin
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        try:
            other = cluster.add_node(num_cpus=1)
            cluster.wait_for_nodes()
            on = f"ray://{cluster.address}"
            process = begin(shared(plan, on, 2, **{"compute.wait": 10.0}), folder)
            wait_until(lambda: (folder / "events.jsonl").exists() and len(losses(folder)) > 10)
            cluster.remove_node(other, allow_graceful=False)
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            cluster.shutdown()
    assert process.returncode == 1, out
    end = events(folder)[-1]
    assert (end["kind"], end["state"]) == ("end", "failed")
    assert "could not be started" in end["error"]
    # Ray itself needs a while to see that a machine is gone and not only slow.
    assert re.search("2 CPU asked for, (the cluster has 1|[01] free)", end["error"])


def test_other_versions_on_a_node_are_told(tmp_path: Path) -> None:
    """A node whose Python finds another peft first."""
    other = tmp_path / "other" / "peft-0.1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: peft\nVersion: 0.1.0\n")
    plan = api.make_plan(None, sft_flags(tmp_path))
    before = os.environ.get("PYTHONPATH", "")
    with nodes({"num_cpus": 1, "env_vars": {"PYTHONPATH": f"{other.parent}:{before}"}}) as address:
        process = begin(shared(plan, f"ray://{address}", 2), tmp_path / "job")
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, out
    end = events(tmp_path / "job")[-1]
    assert "peft 0.1.0, here" in end["error"]


def test_nobody_at_the_address(tmp_path: Path) -> None:
    out, err = start("--on", "ray://127.0.0.1:9", flags=sft_flags(tmp_path)).communicate(
        timeout=PATIENCE
    )
    assert "Nobody listens at 127.0.0.1:9" in err
    assert not list((tmp_path / "runs").glob("1-*")), "no job was made"
    assert code_of(command("runs", "ls")) == 0, out
