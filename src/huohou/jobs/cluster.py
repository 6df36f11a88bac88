"""Workers of a Ray cluster: started, and started again after a death, by Ray Train.

The training process is Ray's driver. Before anything starts it makes sure that the cluster can be
reached, has what was asked for, sees the job's folder on every machine, and runs the same versions.
The first worker writes ``events.jsonl`` and the checkpoints into that folder, as everywhere.
"""

import contextlib
import math
import os
import sys
import threading
import time
import traceback
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from huohou.errors import RunFailedError, StoreError
from huohou.jobs import crew, stopping
from huohou.jobs.claim import Claim, claim_of_plan
from huohou.jobs.connection import connected
from huohou.jobs.exitcodes import FAILED
from huohou.jobs.nodes import check_nodes
from huohou.jobs.room import lacks, wait_for_room
from huohou.jobs.stopping import StopWatch
from huohou.plan import Plan
from huohou.record.recorder import Recorder
from huohou.record.workspace import EVENTS
from huohou.text import say

if TYPE_CHECKING:
    from ray.train.v2.api.config import FailureConfig

A_TRY = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"  # for one start of all workers, by Ray Train
SECONDS_A_TRY = 60


def drive(told: Namespace, plan: Plan) -> int:
    """Let a cluster carry out a plan; returns the exit code of the training process."""
    watch = StopWatch(told.folder, told.parent)
    threading.Thread(target=_relay, args=(watch, told.folder), daemon=True).start()
    try:
        claim = claim_of_plan(plan)
        with connected(claim.on), _recorder(told) as recorder:
            _prepare(claim, told.folder, recorder, watch)
            recorder.close()
            if not recorder.ended:
                _fit(told, claim)
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


def _recorder(told: Namespace) -> Recorder:
    """For what there is to say before the workers have the record."""
    seg = crew.life_of(told.folder, told.seg, told.start).seg
    return Recorder(told.folder / EVENTS, seg, echo=sys.stdout)


def _prepare(claim: Claim, folder: Path, recorder: Recorder, watch: StopWatch) -> None:
    """Raises RunFailedError where the workers could not train."""
    wait_for_room(claim, recorder.alert, watch.asked)
    if watch.asked():
        recorder.end("stopped")
        return
    check_nodes(folder)
    recorder.log(say("cluster.starts", workers=claim.workers))


def _fit(told: Namespace, claim: Claim) -> None:
    """Raises RunFailedError where the workers could not be started (again)."""
    from ray.train import ControllerError, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2._internal.exceptions import WorkerGroupStartupTimeoutError

    from huohou.jobs import ray_worker

    told_to = {"folder": str(told.folder), "seg": told.seg, "start": ray_worker.dumps(told.start)}
    trainer = TorchTrainer(
        ray_worker.train,
        train_loop_config=told_to,
        torch_config=ray_worker.torch_config(),
        scaling_config=ScalingConfig(
            num_workers=claim.workers,
            use_gpu="GPU" in claim.each,
            resources_per_worker=dict(claim.each),
        ),
        run_config=RunConfig(
            name=f".ray-{told.seg}",
            storage_path=str(told.folder),
            failure_config=_failures(claim),
        ),
    )
    try:
        trainer.fit()
    except ControllerError as error:
        if not isinstance(error.controller_failure, WorkerGroupStartupTimeoutError):
            raise
        facts = {"lacking": lacks(claim), "seconds": f"{claim.wait:g}"}
        raise RunFailedError("cluster.lost_room", **facts) from error


def _failures(claim: Claim) -> "FailureConfig":
    """How often workers that died are started again, and how often it is tried to start them.

    Ray Train gives each try so many seconds and would try for ever.
    """
    from ray.train.v2.api.config import FailureConfig

    tries = math.ceil(claim.wait / float(os.environ.get(A_TRY, SECONDS_A_TRY)))
    return FailureConfig(max_failures=claim.restarts, controller_failure_limit=tries)


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
