"""Whether the machines of a Ray cluster can train a plan: asked of each before anything starts.

Each reads what the driver wrote into the job's folder and writes beside it; so a folder that only
looks the same is found. Each tells the versions that it has.
"""

import platform
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from huohou.errors import RunFailedError, first_line
from huohou.text import say

PACKAGES = ("huohou", "torch", "transformers", "peft", "accelerate", "ray")
SECONDS = 120.0  # a machine has to answer


@dataclass(frozen=True, slots=True)
class Answer:
    """host: a machine; read, wrote: whether it could in the job's folder; versions: what it has."""

    host: str
    read: bool
    wrote: bool
    versions: Mapping[str, str]


def check_nodes(folder: Path) -> None:
    """Raise RunFailedError for a folder that is not shared, or other versions."""
    token = secrets.token_hex(8)
    place = folder / f".shared-{token}"
    place.write_text(token, encoding="ascii")
    try:
        answers = _asked(folder, token)
        apart = [one.host for one in answers if not (one.read and one.wrote)]
        apart += [one.host for one in answers if one.wrote and not _seen(folder, token, one.host)]
        if apart:
            hosts = ", ".join(sorted(set(apart)))
            raise RunFailedError("cluster.not_shared", folder=folder, hosts=hosts)
        _need_same(answers)
    finally:
        for left in folder.glob(f".shared-{token}*"):
            left.unlink(missing_ok=True)


def check_versions() -> None:
    """Raise RunFailedError for other versions alone: no folder has to be shared."""
    _need_same(_asked(None, ""))


def _need_same(answers: Sequence[Answer]) -> None:
    lines = other_versions(versions(), answers)
    if lines:
        raise RunFailedError("cluster.versions", lines="\n".join(f"  {one}" for one in lines))


def other_versions(ours: Mapping[str, str], answers: Sequence[Answer]) -> list[str]:
    """What a machine has of another version than we have, in words."""
    return [
        say(
            "cluster.version",
            host=one.host,
            package=name,
            theirs=one.versions.get(name) or "-",
            ours=mine or "-",
        )
        for one in answers
        for name, mine in ours.items()
        if one.versions.get(name) != mine
    ]


def versions() -> dict[str, str]:
    """Of what a run's numbers depend on; empty for what is not installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def look(folder: str | None, token: str, host: str) -> dict[str, Any]:
    """Runs on each machine: whether the driver's file is there, and one written beside it.

    folder: None where none has to be shared.
    """
    if folder is None:
        return {"host": host, "read": False, "wrote": False, "versions": versions()}
    place = Path(folder)
    try:
        read = (place / f".shared-{token}").read_text(encoding="ascii") == token
    except OSError:
        read = False
    try:
        _beside(place, token, host).write_text(token, encoding="ascii")
        wrote = True
    except OSError:
        wrote = False
    return {"host": host, "read": read, "wrote": wrote, "versions": versions()}


def _beside(folder: Path, token: str, host: str) -> Path:
    return folder / f".shared-{token}-{host}"


def _seen(folder: Path, token: str, host: str) -> bool:
    try:
        return _beside(folder, token, host).read_text(encoding="ascii") == token
    except OSError:
        return False


def _asked(folder: Path | None, token: str) -> list[Answer]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task, place = ray.remote(look), None if folder is None else str(folder)
    asked = []
    for k, node in enumerate(node for node in ray.nodes() if node["Alive"]):
        on = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        host = f"{node.get('NodeManagerHostname') or socket.gethostname()}-{k}"
        asked.append(task.options(num_cpus=0, scheduling_strategy=on).remote(place, token, host))
    try:
        return [Answer(**one) for one in ray.get(asked, timeout=SECONDS)]
    except ray.exceptions.RayError as error:
        raise RunFailedError("cluster.no_answer", problem=first_line(error)) from error
