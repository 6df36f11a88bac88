"""What has to lie in a folder for it to be a model."""

import json
from pathlib import Path
from typing import Any

from huohou.errors import ModelError

INDEX = "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


def usable(folder: Path, name: str) -> Path:
    """The folder itself when a model can be loaded from it; else ModelError says what lacks."""
    if not folder.is_dir():
        raise ModelError("models.not_folder", name=name)
    if not (folder / "config.json").exists():
        adapter = (folder / "adapter_config.json").exists()
        raise ModelError("models.is_adapter" if adapter else "models.no_config", name=name)
    absent = missing_weights(folder)
    if absent:
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        key = "models.only_pickle" if pickled else "models.no_weights"
        raise ModelError(key, name=name, missing=absent[0], count=len(absent))
    return folder


def complete(folder: Path) -> bool:
    """Whether a hub's cached folder has everything: settings, all weights, a tokenizer."""
    tokenizer = any((folder / name).exists() for name in TOKENIZERS)
    return (folder / "config.json").exists() and tokenizer and not missing_weights(folder)


def missing_weights(folder: Path) -> list[str]:
    """Names of the weight files that are not there, by the index when there is one."""
    if (folder / INDEX).exists():
        shards = read_json(folder / INDEX).get("weight_map", {}).values()
        return sorted({shard for shard in shards if not (folder / shard).exists()})
    return [] if any(folder.glob("*.safetensors")) else ["model.safetensors"]


def read_json(path: Path) -> dict[str, Any]:
    """A model's settings file. Raises ModelError when it holds no JSON object."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError("models.bad_json", path=path, problem=str(error)) from error
    if not isinstance(loaded, dict):
        raise ModelError("models.bad_json", path=path, problem=type(loaded).__name__)
    return loaded
