"""Models from a hub: Hugging Face and its mirrors (HF_ENDPOINT), and ModelScope."""

import os
from pathlib import Path

from huohou.models.progress import Progress


def hub_folder(name: str, progress: Progress | None = None) -> Path:
    """Folder of a hub's model."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, endpoint=os.environ.get("HF_ENDPOINT") or None))


def modelscope_folder(name: str, progress: Progress | None = None) -> Path:
    """Folder of a ModelScope model."""
    raise NotImplementedError
