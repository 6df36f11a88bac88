"""Where a training runs: in its own process, or in workers that torchrun or Ray start."""

from argparse import Namespace
from pathlib import Path

from huohou.plan import Plan
from huohou.record.workspace import PLAN


def of(folder: Path) -> Plan | None:
    """The plan of a job whose training is shared by workers; None where one process trains."""
    try:
        plan = Plan.load(folder / PLAN)
    except (OSError, ValueError, KeyError, TypeError):  # told by the training process itself
        return None
    on = plan.settings.get("compute.on")
    return plan if on is not None and on.value != "local" else None


def hand_over(told: Namespace, plan: Plan) -> int:
    """Start the workers of a plan and stay until they are done; the exit code."""
    if plan.value("compute.on") == "torchrun":
        from huohou.jobs import torchrun

        torchrun.become(told, plan)
    from huohou.jobs import cluster

    return cluster.drive(told, plan)
