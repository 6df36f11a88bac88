"""What a run can be released as: one file a target, each with an exporter registered here."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from huohou.export.proving.sides import Side
from huohou.probe.load import RunModels
from huohou.registry import Registry

BUILT_IN = ("adapter", "merged", "gguf", "ollama")
# Told what is done, steps done and steps wanted.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Making:
    """What an exporter works from.

    models: the trained model, its tokenizer and plan; folder: new and empty, to be written into;
    form: one of the target's forms; system: the system prompt that all training rows share, None
    where they share none; name: of the run.
    """

    models: RunModels
    folder: Path
    form: str
    system: str | None
    name: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Target:
    """forms: of the weights, the one taken when none is named first; make: writes the release and
    returns the sides that the proof asks. Raises ModelError, UsageError."""

    forms: tuple[str, ...]
    make: Callable[[Making], tuple[Side, ...]]


targets: Registry[Target] = Registry("exporters")


@cache
def all_targets() -> Registry[Target]:
    """The registry with every built-in target in it."""
    here = Path(__file__).parent
    for name in BUILT_IN:
        if (here / f"{name}.py").is_file():
            importlib.import_module(f"huohou.export.{name}")
    return targets
