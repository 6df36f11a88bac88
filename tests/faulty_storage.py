"""A storage that fails on command: a folder of this machine whose address begins with faulty://.

A file ``FAULT`` at its root says how, for every process that uses it: ``fail`` (every upload is
refused), ``half`` (half of a file is there, then the network is gone), ``hang`` (half of a file is
there, then nothing happens any more). Further words are what the name must have in it.
"""

import time
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

FAULT = "FAULT"


class Faulty(LocalFileSystem):
    """fsspec's own local files, and faults."""

    protocol = "faulty"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(str(path).removeprefix("faulty://")))

    def put_file(self, path1: str, path2: str, callback: Any = None, **how: Any) -> None:
        """As ever, or not."""
        kind, *where = _fault(Path(self._strip_protocol(path2))).split() or [""]
        if not kind or not all(word in str(path2) for word in where):
            super().put_file(path1, path2, **how)
            return
        if kind != "fail":
            raw = Path(path1).read_bytes()
            Path(self._strip_protocol(path2)).write_bytes(raw[: len(raw) // 2])
        if kind == "hang":
            time.sleep(600)
        raise ConnectionResetError("the network is gone")


def _fault(path: Path) -> str:
    for place in path.parents:
        if (place / FAULT).is_file():
            return (place / FAULT).read_text()
    return ""


def plant(root: Path, fault: str) -> None:
    """From now on it fails like this; an empty word: no more."""
    root.mkdir(parents=True, exist_ok=True)
    (root / FAULT).write_text(fault)


def install(place: Path) -> str:
    """A ``$PYTHONPATH`` piece with which other processes know faulty:// too; it is known here."""
    info = place / "faulty_storage-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty-storage\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fsspec.specs]\nfaulty = faulty_storage:Faulty\n")
    return f"{place}:{Path(__file__).parent}"


fsspec.register_implementation("faulty", Faulty, clobber=True)
