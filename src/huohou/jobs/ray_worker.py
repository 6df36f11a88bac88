"""What Ray Train runs in each worker: the recipe, as one of a team."""

import os
from pathlib import Path
from typing import Any

from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend

from huohou.jobs import again
from huohou.recipes import Start


class _OwnGpu(_TorchBackend):
    """Each worker sees its own GPU alone, as those of torchrun do."""

    share_cuda_visible_devices = False


class _Config(TorchConfig):
    @property
    def backend_cls(self) -> type[_OwnGpu]:
        """Ray asks for it."""
        return _OwnGpu


def torch_config() -> TorchConfig:
    """How the workers find each other."""
    from huohou.recipes.team import PATIENCE

    return _Config(timeout_s=int(PATIENCE.total_seconds()))


def dumps(start: Start) -> str:
    """A start, for ``train``."""
    return again.dumps(start)


def train(told: dict[str, Any]) -> None:
    """A worker's life. Raises RuntimeError where all have to be started again."""
    from huohou.jobs import member
    from huohou.jobs.stopping import StopWatch
    from huohou.plan import Plan
    from huohou.recipes.team import here, hide
    from huohou.record.workspace import PLAN

    hide()
    folder = Path(told["folder"])
    watch = StopWatch(folder, None, signals=False)
    plan = Plan.load(folder / PLAN)
    start = again.loads(told["start"])
    os.chdir(folder)
    if member.Member(plan, folder, here(), watch).work(int(told["seg"]), start):
        raise RuntimeError("a worker is gone")
