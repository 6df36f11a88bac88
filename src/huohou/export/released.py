"""What a run was released as: the models in its folder that were handed over with a proof."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPORTS, PROOF = "exports", "proof.json"


@dataclass(frozen=True, slots=True)
class Released:
    """A release. folder: where it lies; gguf: its file, None for one of safetensors; system: the
    system prompt of the training; about: target and form, as people call them."""

    folder: Path
    gguf: Path | None
    system: str | None
    about: str


def released(run_folder: Path) -> tuple[Released, ...]:
    """A run's releases that still are what it learnt, the newest first.

    One that is older than the adapter is left out: the run went on after it.
    """
    adapter = run_folder / "adapter" / "adapter_model.safetensors"
    if not adapter.is_file():
        return ()
    since = adapter.stat().st_mtime_ns
    proofs = [
        path for path in run_folder.glob(f"{EXPORTS}/*/{PROOF}") if path.stat().st_mtime_ns >= since
    ]
    newest = sorted(proofs, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return tuple(found for path in newest if (found := release_of(path.parent)) is not None)


def release_of(folder: Path) -> Released | None:
    """A folder with a proof as a release, None where there is none that can be read."""
    try:
        proof: dict[str, Any] = json.loads((folder / PROOF).read_text(encoding="utf-8"))
        about = f"{proof['target']} {proof['form']}"
        system = proof.get("system")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Released(folder, gguf_of(folder), system if isinstance(system, str) else None, about)


def gguf_of(folder: Path) -> Path | None:
    """The one GGUF file of a folder."""
    found = sorted(folder.glob("*.gguf"))
    return found[0] if len(found) == 1 else None
