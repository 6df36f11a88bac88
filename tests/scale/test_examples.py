"""The files for clusters that are given as a beginning: what can be seen of them without a cluster."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from huohou import config
from huohou.cli.train import command
from huohou.config import ComputeSettings

CLUSTER = Path(__file__).parents[2] / "examples" / "cluster"


def told(name: str) -> Any:
    return yaml.safe_load((CLUSTER / name).read_text(encoding="utf-8"))


def asked(line: str) -> ComputeSettings:
    """What a line that begins with ``huohou train`` asks of the cluster, as the command reads it."""
    program, verb, *words = shlex.split(line)
    assert (program, verb) == ("huohou", "train")
    seen = command.make_context("train", words).params
    assert str(seen["run_file"]).endswith("run.yaml")
    flags = [*seen["flags"], f"compute.on={seen['on']}", f"compute.workers={seen['workers']}"]
    return config.load(flags=flags, environment={}).run.compute


def test_on_kubernetes_each_pod_gets_a_worker_that_uses_all_of_it() -> None:
    spec = told("kuberay.yaml")["spec"]
    (group,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    compute = asked(spec["entrypoint"])
    assert compute.on == "ray"
    assert compute.workers == group["replicas"] == group["minReplicas"] == group["maxReplicas"]
    # With fewer cores each, Ray would put several workers into one pod and leave others empty.
    assert compute.cpus_per_worker == int(container["resources"]["requests"]["cpu"])


def test_rented_machines_are_as_many_as_workers() -> None:
    task = told("skypilot.yaml")
    (line,) = (one for one in task["run"].splitlines() if "huohou train" in one)
    compute = asked(line.strip().replace("$HEAD", "10.0.0.5"))
    assert compute.on == "ray://10.0.0.5:6379"
    assert compute.workers == task["num_nodes"]


@pytest.mark.parametrize("name", sorted(path.name for path in CLUSTER.iterdir()))
def test_every_file_is_yaml(name: str) -> None:
    assert told(name)
