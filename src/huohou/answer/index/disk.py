"""An index folder: which segments it has and which rows of them are alive, whole or not at all.

``manifest.json`` names everything that counts and is replaced in one step, as the last thing that
a build or an update does. What it does not name is left over from an interrupted one and removed
by the next. One process writes at a time.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.errors import DataError, MissingExtraError, StoreError

SCHEMA = 3  # higher whenever other files or other forms of names are written
MANIFEST, LOCK = "manifest.json", "lock"
OURS = re.compile(r"(?:segment|state)-\d+")  # folders that may be removed


@dataclass(frozen=True, slots=True)
class About:
    """What the index was made from.

    source: file, with table or sheet; key, value: the columns of names and values; columns: all of
    them in order; rows: how many; digits: length of the codes or None; check_digits: whether they
    carry one (ISO 7064 MOD 11,10); notes: what was guessed or restored, in words; file: sha256 of
    the source's bytes where it is known; alphabet: characters that values are written with.
    """

    source: str
    key: str
    value: str
    columns: tuple[str, ...]
    rows: int
    digits: int | None = None
    check_digits: bool = False
    notes: tuple[str, ...] = ()
    file: str | None = None
    alphabet: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the folder holds.

    segments, state: names of folders in it; files: bytes of each file in them.
    """

    generation: int
    segments: tuple[str, ...]
    state: str
    fingerprint: str
    about: About
    files: Mapping[str, int] = field(default_factory=dict)


def read_manifest(folder: Path) -> Manifest:
    """Raises DataError where there is no whole index."""
    try:
        raw: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        if raw.pop("schema") != SCHEMA:
            raise DataError("answer.index_old", folder=folder)
        about: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in raw.pop("about").items()
        }
        raw["segments"] = tuple(raw["segments"])
        return Manifest(about=About(**about), **raw)
    except FileNotFoundError as error:
        raise DataError("answer.no_index", folder=folder) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError("answer.index_broken", folder=folder, problem=error) from error


def check_whole(folder: Path, manifest: Manifest) -> None:
    """Raises OSError for a file that is not there or not as long as it was written."""
    for name, size in manifest.files.items():
        if (folder / name).stat().st_size != size:
            raise OSError(errno.EIO, "cut or changed", name)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """The step that makes a build or an update count."""
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for name in (*manifest.segments, manifest.state)
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }
    whole = {"schema": SCHEMA, **asdict(replace(manifest, files=files))}
    half = folder / f"{MANIFEST}.part"
    with half.open("w", encoding="utf-8") as file:
        json.dump(whole, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    half.replace(folder / MANIFEST)


def write_state(folder: Path, alive: NDArray[Any], lines: NDArray[Any]) -> None:
    """Which rows of the segments are in the table, and on which line of the source each stands."""
    folder.mkdir()
    np.save(folder / "alive.npy", alive)
    np.save(folder / "lines.npy", lines)


def read_state(folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """alive and lines of all segments' rows, one after the other."""
    return np.load(folder / "alive.npy"), np.load(folder / "lines.npy", mmap_mode="r")


@contextmanager
def writing(folder: Path) -> Iterator[Manifest | None]:
    """Alone in the folder, left-overs removed. Gives what is there, None for an empty folder.

    Raises StoreError for a disk that is full or cannot be written.
    """
    try:
        from filelock import FileLock
    except ImportError as error:
        raise MissingExtraError("answer.needs_serve", extra="serve", what="filelock") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK):
            manifest = None
            with suppress(DataError):  # none, or one that cannot be used: it is made anew
                manifest = read_manifest(folder)
            remove_others(folder, manifest)
            yield manifest
    except OSError as error:
        problem = error.strerror or str(error)
        raise StoreError("answer.index_unwritable", folder=folder, problem=problem) from error


def remove_others(folder: Path, manifest: Manifest | None) -> None:
    """Remove the folders of an index that its manifest does not name."""
    named: Sequence[str] = (*manifest.segments, manifest.state) if manifest else ()
    for path in folder.iterdir():
        if path.is_dir() and OURS.fullmatch(path.name) and path.name not in named:
            shutil.rmtree(path, ignore_errors=True)


def told(manifest: Manifest, **changed: Any) -> Manifest:
    """The manifest with other facts about its source."""
    return replace(manifest, about=replace(manifest.about, **changed))
