"""Workers of a Ray cluster: started, and started again after a death, by Ray Train.

The training process is Ray's driver. Before anything starts it makes sure that the cluster can be
reached, has what was asked for, sees the job's folder on every machine, and runs the same versions.
The first worker writes ``events.jsonl`` and the checkpoints into that folder, as everywhere.
"""

import contextlib
import os
import sys
import threading
import time
import traceback
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huohou import machine
from huohou.errors import RunFailedError, StoreError
from huohou.jobs import crew, stopping
from huohou.jobs.address import address_of, check_address
from huohou.jobs.exitcodes import FAILED
from huohou.jobs.nodes import check_nodes
from huohou.jobs.stopping import StopWatch
from huohou.plan import Plan
from huohou.record.recorder import Recorder
from huohou.record.workspace import EVENTS
from huohou.text import language, say

PAUSE = 1.0  # seconds between two looks at what a cluster has
# What a worker needs to know of the driver's surroundings.
HANDED_ON = ("HUOHOU_", "HF_", "TRANSFORMERS_", "MODELSCOPE_", "TORCH_")


def drive(told: Namespace, plan: Plan) -> int:
    """Let a cluster carry out a plan; returns the exit code of the training process."""
    watch = StopWatch(told.folder, told.parent)
    threading.Thread(target=_relay, args=(watch, told.folder), daemon=True).start()
    try:
        with connected(plan), _recorder(told) as recorder:
            _prepare(plan, told.folder, recorder, watch)
            recorder.close()
            if not recorder.ended:
                _fit(told, plan)
    except Exception as error:  # noqa: BLE001 - the edge of the process: whatever it was is recorded
        return _failed(error, told)
    return 0


def _relay(watch: StopWatch, folder: Path) -> None:
    """Workers look for the file alone, whoever asked and however."""
    while not watch.asked():
        time.sleep(stopping.SECONDS)
    if stopping.requested(folder) is None:
        with contextlib.suppress(OSError):
            stopping.request(folder)


@contextlib.contextmanager
def connected(plan: Plan) -> Iterator[None]:
    """A driver of the plan's cluster; without an address that of RAY_ADDRESS, or one of this
    machine's cores for this run alone.

    Raises RunFailedError where it cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    address = address_of(plan.value("compute.on"))
    if address:
        check_address(address)
    handed = {k: v for k, v in os.environ.items() if k.startswith(HANDED_ON)}
    how: dict[str, Any] = {
        "runtime_env": {"env_vars": handed | {"HUOHOU_LANG": language()}},
        "log_to_driver": True,
    }
    try:
        if address or os.environ.get("RAY_ADDRESS"):
            ray.init(address=address, **how)
        else:
            how["include_dashboard"] = False
            ray.init(address="local", num_cpus=machine.cores(), **how)
    except (ConnectionError, RuntimeError, ValueError) as error:
        problem = str(error).strip().splitlines()[0]
        raise RunFailedError("cluster.refused", address=address, problem=problem) from error
    try:
        yield
    finally:
        ray.shutdown()


def _recorder(told: Namespace) -> Recorder:
    """For what there is to say before the workers have the record."""
    seg = crew.life_of(told.folder, told.seg, told.start).seg
    return Recorder(told.folder / EVENTS, seg, echo=sys.stdout)


def _prepare(plan: Plan, folder: Path, recorder: Recorder, watch: StopWatch) -> None:
    """Raises RunFailedError where the workers could not train."""
    wait_for_room(plan, recorder, watch)
    if watch.asked():
        recorder.end("stopped")
        return
    check_nodes(folder)
    recorder.log(say("cluster.starts", workers=plan.value("compute.workers")))


def wait_for_room(plan: Plan, recorder: Recorder, watch: StopWatch) -> None:
    """Until the cluster has what was asked for; it is said what is lacking, and how long.

    Raises RunFailedError when the time is up.
    """
    import ray

    wanted, limit = _wanted(plan), float(plan.value("compute.wait"))
    until = time.monotonic() + limit
    has: dict[str, float] = ray.cluster_resources()
    if lacking := _lacking(wanted, has):
        recorder.alert(say("cluster.waits", lacking=lacking, seconds=f"{limit:g}"))
    while lacking and not watch.asked():
        if time.monotonic() >= until:
            raise RunFailedError("cluster.too_small", lacking=lacking, seconds=f"{limit:g}")
        time.sleep(min(PAUSE, max(0.05, until - time.monotonic())))
        lacking = _lacking(wanted, ray.cluster_resources())


def _wanted(plan: Plan) -> dict[str, float]:
    """Of each resource, for all workers."""
    workers = int(plan.value("compute.workers"))
    return {name: count * workers for name, count in each_worker(plan).items()}


def each_worker(plan: Plan) -> dict[str, float]:
    """What a worker takes of its machine, in Ray's words."""
    gpus = plan.value("compute.gpus_per_worker")
    if gpus is None:
        gpus = 0.0 if plan.device.value == "cpu" else 1.0
    found = {"CPU": float(plan.value("compute.cpus_per_worker"))}
    return found | ({"GPU": float(gpus)} if gpus else {})


def _lacking(wanted: dict[str, float], has: dict[str, float]) -> str:
    """In words; empty when there is enough."""
    short = {name: n for name, n in wanted.items() if has.get(name, 0.0) < n}
    told = (
        {"name": k, "wanted": f"{n:g}", "has": f"{has.get(k, 0.0):g}"} for k, n in short.items()
    )
    return "; ".join(say("cluster.lacks", **one) for one in told)


def _fit(told: Namespace, plan: Plan) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    from huohou.jobs import ray_worker

    resources = each_worker(plan)
    told_to = {"folder": str(told.folder), "seg": told.seg, "start": ray_worker.dumps(told.start)}
    TorchTrainer(
        ray_worker.train,
        train_loop_config=told_to,
        torch_config=ray_worker.torch_config(),
        scaling_config=ScalingConfig(
            num_workers=int(plan.value("compute.workers")),
            use_gpu="GPU" in resources,
            resources_per_worker=resources,
        ),
        run_config=RunConfig(
            name=f".ray-{told.seg}",
            storage_path=str(told.folder),
            failure_config=FailureConfig(max_failures=int(plan.value("compute.restarts"))),
        ),
    ).fit()


def _failed(error: Exception, told: Namespace) -> int:
    """The record says how it ended, unless the first worker said so already."""
    with contextlib.suppress(OSError):
        traceback.print_exception(error)
    life = crew.life_of(told.folder, told.seg, told.start)
    if life.end is not None:
        return 0
    with contextlib.suppress(OSError, StoreError):
        seg = crew.last_seg(told.folder, told.seg)
        with Recorder(told.folder / EVENTS, seg) as recorder:
            recorder.end("failed", **crew.told(error))
    return FAILED
