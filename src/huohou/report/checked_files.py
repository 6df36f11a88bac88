"""Whether the files that a run left are whole."""

import json
import struct
from pathlib import Path

from huohou.record.checkpoints import FOLDER, Damaged, listed, open_checkpoint
from huohou.report.checked import Found
from huohou.report.part import Part
from huohou.text import say

MOST_HEADER = 100 << 20  # bytes of a safetensors header, the format's own limit


def files(part: Part) -> Found:
    """The model's files, read to their end, and the checkpoints against their lists."""
    if part.plan is None:
        return Found("unknown", say("checklist.found.no_plan"))
    folder = part.folder / ("adapter" if part.recipe == "sft" else "model")
    weights = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not weights:
        return Found("open", say("checklist.found.no_model", folder=folder.name))
    broken = [path for path in weights if not is_whole(path)]
    saved = [open_checkpoint(path) for path in listed(part.folder / FOLDER)]
    damaged = [one for one in saved if isinstance(one, Damaged)]
    if broken or damaged:
        names = ", ".join([p.name for p in broken] + [one.path.name for one in damaged])
        return Found("open", say("checklist.found.broken", names=names))
    size = sum(path.stat().st_size for path in weights) / 1e6
    told = {"folder": folder.name, "size": f"{size:.1f}", "checkpoints": len(saved)}
    return Found("done", say("checklist.found.files", **told))


def is_whole(path: Path) -> bool:
    """Whether a safetensors file has every byte that its header speaks of.

    Format: 8 bytes with the header's length, the header in JSON, the tensors to the file's end.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(MOST_HEADER, size):
                return False
            header = json.loads(file.read(length))
        ends = [one["data_offsets"][1] for k, one in header.items() if k != "__metadata__"]
    except (OSError, ValueError, struct.error, KeyError, TypeError, IndexError, AttributeError):
        return False
    return bool(ends) and size == 8 + length + max(ends)
