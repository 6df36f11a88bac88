"""What is asked of a Ray cluster: how many workers, and what each takes of its machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from huohou.config import ComputeSettings
from huohou.plan import Plan
from huohou.text import say


@dataclass(frozen=True, slots=True)
class Claim:
    """on: as ``compute.on`` has it; each: what a worker takes, in Ray's words; wait: seconds for
    the cluster to have it; restarts: how often what died is started again.
    """

    on: str
    workers: int
    each: Mapping[str, float]
    wait: float
    restarts: int

    def lacking(self, has: Mapping[str, float]) -> str:
        """What a cluster that has this much is short of, in words; empty when there is enough."""
        return self._short("cluster.lacks", has)

    def not_whole(self, machines: Sequence[Mapping[str, float]]) -> str:
        """That machines with so much each cannot hold every worker; empty where they can."""
        fit = sum(
            min(int(has.get(name, 0.0) / count) for name, count in self.each.items())
            for has in machines
        )
        return "" if fit >= self.workers else say("cluster.not_whole", fit=fit, **self._asked())

    def taken(self, free: Mapping[str, float]) -> str:
        """That others have what was asked for, where so much is free."""
        return self._short("cluster.taken", free) or say("cluster.no_room", **self._asked())

    def _short(self, key: str, has: Mapping[str, float]) -> str:
        wanted = {name: count * self.workers for name, count in self.each.items()}
        short = {name: n for name, n in wanted.items() if has.get(name, 0.0) < n}
        told = (
            {"name": k, "wanted": f"{n:g}", "has": f"{has.get(k, 0.0):g}"} for k, n in short.items()
        )
        return "; ".join(say(key, **one) for one in told)

    def _asked(self) -> dict[str, str]:
        each = ", ".join(f"{count:g} {name}" for name, count in self.each.items())
        return {"workers": str(self.workers), "each": each}


def claim_of(compute: ComputeSettings, device: str) -> Claim:
    """By settings; device: where one process would compute."""
    gpus = compute.gpus_per_worker
    if gpus is None:
        gpus = 0.0 if device == "cpu" else 1.0
    each = {"CPU": float(compute.cpus_per_worker)} | ({"GPU": gpus} if gpus else {})
    return Claim(compute.on, compute.workers, each, compute.wait, compute.restarts)


def claim_of_plan(plan: Plan) -> Claim:
    """By the settings of a plan."""
    told = {name: plan.value(f"compute.{name}") for name in ComputeSettings.model_fields}
    return claim_of(ComputeSettings(**told), plan.device.value)
