"""Checkpoints on the disk: whole, or not there.

A checkpoint is written to a folder of another name, synced to the disk, sealed with a list of its
files (bytes and sha256 of each) and only then given its name. One that is not as its list says,
because a disk or a person damaged it, is never loaded: the one before it is taken.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huohou.errors import DataError
from huohou.text import say

FOLDER = "checkpoints"
ORIGIN = "origin"  # of a branch: the checkpoint whose weights it began with, none of its own
SEAL = "huohou.json"
STAGING = ".writing"
_NAME = re.compile(r"checkpoint-(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint. step: updates done; contract: what a resume must find unchanged."""

    path: Path
    step: int
    contract: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A folder that looks like a checkpoint and is none, and in words why."""

    path: Path
    problem: str


def name(step: int) -> str:
    """Name of the folder, Hugging Face's own."""
    return f"checkpoint-{step}"


def seal(staged: Path, final: Path, contract: Mapping[str, Any]) -> None:
    """Turn a folder that was written under another name into a checkpoint.

    One of the same name (the same step, trained again after a resume) makes room for it at the
    last moment. Raises OSError when the disk is full; what was there before is then untouched.
    """
    files = {str(path.relative_to(staged)): _listed(path) for path in _files(staged)}
    document = {"schema": 1, "contract": dict(contract), "files": files}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (staged / SEAL).write_text(text, encoding="utf-8")
    for path in [
        staged / SEAL,
        *_files(staged),
        *(p for p in staged.rglob("*") if p.is_dir()),
        staged,
    ]:
        _sync(path)
    older = final.with_name(f"{STAGING}-older-{final.name}")
    if final.exists():
        final.rename(older)
    staged.rename(final)
    _sync(final.parent)
    shutil.rmtree(older, ignore_errors=True)


def open_checkpoint(path: Path) -> Checkpoint | Damaged:
    """Read every byte of a checkpoint against its list."""
    found = _NAME.fullmatch(path.name)
    if found is None or not path.is_dir():
        return Damaged(path, say("checkpoint.not_one"))
    try:
        document = json.loads((path / SEAL).read_text(encoding="utf-8"))
        files, contract = dict(document["files"]), dict(document["contract"])
    except FileNotFoundError:
        return Damaged(path, say("checkpoint.unsealed"))
    except (ValueError, KeyError, TypeError, OSError):
        return Damaged(path, say("checkpoint.bad_file", file=SEAL))
    for file, listed in files.items():
        if not _is_as_listed(path / file, listed):
            return Damaged(path, say("checkpoint.bad_file", file=file))
    return Checkpoint(path, int(found[1]), contract)


def step_of(path: Path) -> int | None:
    """Updates done, by a checkpoint's name; None for another name."""
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else None


def looks_whole(path: Path) -> bool | None:
    """Whether a checkpoint has all its files in their sizes, without reading them.

    None: it is not there, or it has no list of ours (another program saved it).
    """
    try:
        document = json.loads((path / SEAL).read_text(encoding="utf-8"))
        return all(
            (path / file).stat().st_size == listed["bytes"]
            for file, listed in dict(document["files"]).items()
        )
    except FileNotFoundError:
        return False if (path / SEAL).is_file() else None
    except (ValueError, KeyError, TypeError, OSError):
        return False


def sealed(path: Path) -> dict[str, dict[str, Any]]:
    """Files of a checkpoint by its own list: ``bytes`` and ``sha256`` of each.

    Raises FileNotFoundError where it has none, DataError where that cannot be read.
    """
    try:
        document = json.loads((path / SEAL).read_text(encoding="utf-8"))
        return {
            str(name): {"bytes": int(listed["bytes"]), "sha256": str(listed["sha256"])}
            for name, listed in document["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = say("checkpoint.bad_file", file=SEAL)
        raise DataError("checkpoint.damaged", path=path, problem=problem) from error


def newest(folder: Path) -> tuple[Checkpoint | None, list[Damaged]]:
    """The last whole checkpoint of a job's ``checkpoints`` folder, and the later damaged ones."""
    damaged: list[Damaged] = []
    for path in reversed(listed(folder)):
        found = open_checkpoint(path)
        if isinstance(found, Checkpoint):
            return found, damaged
        damaged.append(found)
    return None, damaged


def listed(folder: Path) -> list[Path]:
    """Folders named like checkpoints, by step; nothing is said of what is in them."""
    if not folder.is_dir():
        return []
    named = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return [path for _, path in sorted((int(m[1]), path) for m, path in named if m)]


def set_aside(path: Path, why: str) -> Path:
    """Give a folder a name that is no checkpoint's (``damaged-checkpoint-40``); its new path."""
    for n in range(1, 1000):
        aside = path.with_name(f"{why}-{path.name}" + (f"-{n}" if n > 1 else ""))
        if not aside.exists():
            path.rename(aside)
            return aside
    raise FileExistsError(path)


def is_as(path: Path, size: int, sha256: str) -> bool:
    """Whether a file has so many bytes and these. Raises OSError where it cannot be read."""
    return path.stat().st_size == size and _sha256(path) == sha256


def _listed(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _is_as_listed(path: Path, listed: Any) -> bool:
    try:
        return is_as(path, listed["bytes"], listed["sha256"])
    except (OSError, KeyError, TypeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / SEAL)


def _sync(path: Path) -> None:
    """Ask the system to put a file or folder on the disk."""
    if os.name == "nt" and path.is_dir():  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
