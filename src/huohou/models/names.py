"""From a model's name to a folder with its weights.

A name is a folder, a bundled model (``smollm2-135m``), a hub id (``Qwen/Qwen2.5-1.5B-Instruct``)
or ``modelscope:owner/name``. Whatever it is, only safetensors, JSON, templates and tokenizer files
are taken: nothing that could run code.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huohou.errors import ModelError
from huohou.models.bundled import BUNDLED, bundled_folder
from huohou.models.files import usable
from huohou.models.hub import hub_folder, modelscope_folder
from huohou.models.progress import Progress
from huohou.text import nearest

MODELSCOPE = "modelscope:"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model lies. name: as the user gave it; folder: holds config.json and weights."""

    name: str
    kind: Literal["folder", "hub", "bundled", "modelscope"]
    folder: Path


def resolve(name: str, progress: Progress | None = None) -> ModelSource:
    """The folder of a model, fetched when it is not there yet.

    A bundled name wins over a folder of that name: write that as ``./name``.
    progress: is told in sentences what takes over two seconds; stderr when not given.
    Raises ModelError when there is no such model, or it cannot be reached or used.
    """
    folder = Path(name).expanduser()
    if name in BUNDLED:
        return ModelSource(name, "bundled", bundled_folder(BUNDLED[name], progress))
    if name.startswith(MODELSCOPE):
        place = modelscope_folder(name.removeprefix(MODELSCOPE), progress)
        return ModelSource(name, "modelscope", usable(place, name))
    if folder.exists():
        return ModelSource(name, "folder", usable(folder.resolve(), name))
    if looks_like_path(name):
        raise ModelError("models.no_folder", name=name)
    if not _HUB_ID.fullmatch(name):
        hint = nearest(name.lower(), BUNDLED)
        raise ModelError("models.unknown", name=name, hint=hint, known=", ".join(BUNDLED))
    return ModelSource(name, "hub", usable(hub_folder(name, progress), name))


def looks_like_path(name: str) -> bool:
    """Whether a name can only be meant as a folder."""
    return name.startswith((".", "/", "~")) or name.endswith("/") or "\\" in name
