"""Checkpoints that were copied elsewhere: which are whole there, which is the newest, which go.

A checkpoint's files are put into a folder of a name that was never used before. When all are there
a small file is put beside it: the manifest, which says which folder that is and what its files must
be. What has no manifest is no checkpoint, whatever lies there.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from huohou.record.checkpoints import name as name_of

SUFFIX = ".json"
_NAME = re.compile(r"checkpoint-(\d{1,15})\.json")
_HASH = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"checkpoint-\d{1,15}-[0-9a-z-]{1,80}")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a file must be: bytes, and their sha256 in hex."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A copied checkpoint. run: who wrote it; folder: where its files are, beside the manifest;
    best: update of the best evaluation so far, None where none is known."""

    run: str
    step: int
    folder: str
    files: Mapping[str, Listed]
    best: int | None = None

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(one.bytes for one in self.files.values())

    def dumps(self) -> str:
        """JSON form."""
        files = {n: {"bytes": f.bytes, "sha256": f.sha256} for n, f in self.files.items()}
        told = {"schema": 1, "run": self.run, "step": self.step, "folder": self.folder}
        return json.dumps(told | {"best": self.best, "files": files}, indent=1)


def name_for(step: int) -> str:
    """Name of a manifest."""
    return name_of(step) + SUFFIX


def step_of(name: str) -> int | None:
    """Update of a manifest's name; None for the name of something else."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found and name == name_for(int(found[1])) else None


def loads(name: str, text: str) -> Manifest | None:
    """The manifest of that name; None where it is none, or names what is not its own.

    What lies elsewhere is not trusted: files are relative names below the manifest's own folder.
    """
    try:
        raw = json.loads(text)
        files = {str(n): Listed(int(f["bytes"]), str(f["sha256"])) for n, f in raw["files"].items()}
        best = None if raw.get("best") is None else int(raw["best"])
        found = Manifest(str(raw["run"]), int(raw["step"]), str(raw["folder"]), files, best)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if step_of(name) == found.step and _is_sound(found) else None


def _is_sound(found: Manifest) -> bool:
    owned = _FOLDER.fullmatch(found.folder) and found.folder.startswith(f"{name_of(found.step)}-")
    return bool(owned and found.files) and all(
        _is_below(name) and one.bytes >= 0 and _HASH.fullmatch(one.sha256)
        for name, one in found.files.items()
    )


def _is_below(name: str) -> bool:
    """Whether a name is that of a file below its folder, on every system."""
    parts = name.split("/")
    plain = all(p not in ("", ".", "..") and not set(p) & set("\\:\0") for p in parts)
    return plain and not PurePosixPath(name).is_absolute()


def is_folder_of(name: str, run: str) -> bool:
    """Whether a folder is one of a run's own, for the files of a checkpoint."""
    return bool(re.fullmatch(rf"checkpoint-\d{{1,15}}-{re.escape(run)}-[0-9a-f]{{8}}", name))


def surplus(steps: Iterable[int], limit: int, best: int | None = None) -> list[int]:
    """Checkpoints that are more than are kept: as transformers' Trainer counts them, the newest and
    the best never among them.

    >>> surplus([10, 20, 30, 40], 3), surplus([10, 20, 30, 40], 3, best=10)
    ([10], [20])
    """
    order = sorted(set(steps))
    if best in order and best != order[-1]:
        order.remove(best)
        order.insert(len(order) - 1, best)
    least = 2 if best in order and best != order[-1] else 1
    return sorted(order[: max(0, len(order) - max(limit, least))])
