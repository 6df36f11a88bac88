"""What a folder holds: its files, put together by the run they belong to.

A run has a home: the folder of its output. ``checkpoint-40/``, ``runs/May16_18-24-16_host/``,
``eval/`` and the like are parts of it; any other folder with a log in it is the home of another
run, as ``v0-...`` and ``v1-...`` of ms-swift or ``version_0`` of Lightning are.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from huohou.record.readers import Reader
from huohou.record.readers._settings import FILES as SETTINGS

DEEP = 6  # folders below the one that is given
MANY = 20_000  # files that are looked at
PICKLE = "training_args.bin"
EVIDENCE = {"generated_predictions.jsonl": "predictions", "val_dataset.jsonl": "eval_data"}

_SKIPPED = ("__pycache__", "node_modules", "site-packages")
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})")
_PART = re.compile(
    r"checkpoints?|checkpoint-\d+|runs|logs?|logging|eval|evaluation|files|events|tb"
    r"|tensorboard\w*|train|training|val|valid|validation|dev|test|\d{10}\.\d+"
    r"|[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_.+"  # runs/May16_18-24-16_host of transformers
)


@dataclass(frozen=True, slots=True)
class Home:
    """One run's files. logs: of readers of logs, with those that look for such a name;
    beside: of readers of what lies beside a log; settings in the order they are trusted."""

    path: Path
    logs: dict[Path, list[Reader]] = field(default_factory=dict)
    beside: dict[Path, list[Reader]] = field(default_factory=dict)
    settings: list[Path] = field(default_factory=list)
    evidence: dict[str, Path] = field(default_factory=dict)
    pickles: list[Path] = field(default_factory=list)


def homes(folder: Path, asked: Sequence[Reader]) -> tuple[list[Home], bool]:
    """Runs in a folder that have a file to be read, and whether all of it was looked at."""
    files = list(_files(folder))
    found: dict[Path, Home] = {}
    for path in files[:MANY]:
        home = _home(path, folder)
        _sort_in(found.setdefault(home, Home(home)), path, asked)
    read = [home for home in found.values() if home.logs or home.beside]
    for each in read:
        each.settings.sort(key=_trust)
    return read, len(files) <= MANY


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, links out of it left out; never more than one beyond MANY."""
    top = folder.resolve()
    seen = 0
    for place, inner, names in os.walk(folder):
        if len(Path(place).relative_to(folder).parts) >= DEEP:
            inner.clear()
        inner[:] = sorted(
            name for name in inner if not name.startswith(".") and name not in _SKIPPED
        )
        for name in sorted(names):
            path = Path(place, name)
            if path.is_symlink() and not path.resolve().is_relative_to(top):
                continue
            yield path
            seen += 1
            if seen > MANY:
                return


def _home(path: Path, folder: Path) -> Path:
    home = path.parent
    while home != folder and _PART.fullmatch(home.name):
        home = home.parent
    return home


def _sort_in(home: Home, path: Path, asked: Iterable[Reader]) -> None:
    looking = [reader for reader in asked if any(map(path.match, reader.files))]
    logs = [reader for reader in looking if not reader.beside]
    if logs:
        home.logs[path] = logs
    if len(logs) < len(looking):
        home.beside[path] = [reader for reader in looking if reader.beside]
    if path.name in EVIDENCE:
        home.evidence.setdefault(EVIDENCE[path.name], path)
    elif path.name == PICKLE:
        home.pickles.append(path)
    elif any(fnmatch(path.name, pattern) for pattern in SETTINGS):
        home.settings.append(path)


def checkpoint(path: Path) -> int | None:
    """The number of the checkpoint a file belongs to."""
    match = _CHECKPOINT.fullmatch(path.parent.name)
    return int(match[1]) if match else None


def _trust(path: Path) -> tuple[int, int, str]:
    """The run's own folder first, then its last checkpoint; of equals as SETTINGS says."""
    number = checkpoint(path)
    kind = next(i for i, pattern in enumerate(SETTINGS) if fnmatch(path.name, pattern))
    return (-1 if number is None else 0, -(number or 0), f"{kind:02}{path}")
