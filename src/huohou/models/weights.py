"""Which weights a model has: one sha256 for its settings and weight files."""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from huohou.models.cache import cache_folder
from huohou.models.names import resolve

_CACHE = "fingerprints.json"


def base_weights(name: str) -> str:
    """Fingerprint of the weights that a model's name stands for. Raises ModelError."""
    return weights_fingerprint(resolve(name).folder)


def weights_fingerprint(folder: Path) -> str:
    """sha256 over ``config.json`` and all safetensors files of a model's folder.

    Large files are read once: their sums are kept in the cache by path, size and time of change.
    """
    whole = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), folder / "config.json"]):
        whole.update(f"{path.name}:{_sum(path.resolve())}\n".encode())
    return whole.hexdigest()


def _sum(path: Path) -> str:
    state = path.stat()
    key = f"{path}:{state.st_size}:{state.st_mtime_ns}"
    known = _known()
    if key not in known:
        with path.open("rb") as source:
            known[key] = hashlib.file_digest(source, "sha256").hexdigest()
        _keep(known)
    return known[key]


def _known() -> dict[str, str]:
    try:
        found = json.loads((cache_folder() / _CACHE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(known: dict[str, str]) -> None:
    """Only a saving of time: a cache that cannot be written does no harm."""
    place = cache_folder() / _CACHE
    staged = place.with_name(f".{_CACHE}.{os.getpid()}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(json.dumps(known), encoding="utf-8")
        staged.replace(place)
