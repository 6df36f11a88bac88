"""What ``huohou init`` writes: a run file with its settings explained, and data to try it on."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from huohou.assets import example, templates_folder
from huohou.errors import UsageError
from huohou.text import say

_COMMENT = re.compile(r"«([\w.]+)»")  # stands for the sentence of that key


@dataclass(frozen=True, slots=True)
class Template:
    """A beginning: the recipe its run file names, example files it copies, what comes next."""

    recipe: str
    commands: tuple[str, ...]
    examples: tuple[str, ...] = ()


TEMPLATES = {
    "sft": Template(
        "sft",
        (
            "huohou data check train.jsonl --eval eval.jsonl",
            "huohou train run.yaml",
            "huohou eval last",
        ),
    ),
    "embed": Template(
        "embed", ("huohou train run.yaml", "huohou diagnose last", "huohou eval last")
    ),
    "facts": Template(
        "sft",
        (
            "huohou data make branches.csv -o data --facts 24 --system @system.txt",
            "huohou data check data/train.jsonl --eval data/eval.jsonl",
            "huohou train run.yaml",
        ),
        ("bank_codes/branches.csv", "bank_codes/system.txt", "bank_codes/LICENSE-CNAPS.txt"),
    ),
}


def start(folder: Path, template: str, recipes: Collection[str]) -> dict[str, Any]:
    """Write a template's files into a folder, made when it is not there; all of them or none.

    recipes: those this huohou has; ``ready`` says whether the template's is among them.
    Raises UsageError when a file is there already, or cannot be written.
    """
    if template not in TEMPLATES:
        near = get_close_matches(template, TEMPLATES, n=1)
        known = ", ".join(TEMPLATES)
        raise UsageError("init.unknown", name=template, near=(near or ["-"])[0], known=known)
    chosen = TEMPLATES[template]
    _write(folder, _contents(template, chosen))
    ready = chosen.recipe in recipes
    known = ", ".join(sorted(recipes))
    return {
        "template": template,
        "folder": str(folder),
        "files": sorted(_contents(template, chosen)),
        "commands": list(chosen.commands),
        "ready": ready,
        "note": None if ready else say("init.no_recipe", recipe=chosen.recipe, known=known),
    }


def _contents(name: str, template: Template) -> dict[str, bytes]:
    """Name and bytes of each file; the run file's comments in the language in force."""
    found = {path.name: path.read_bytes() for path in (templates_folder() / name).iterdir()}
    found |= {path.name: path.read_bytes() for path in map(example, template.examples)}
    text = found["run.yaml"].decode("utf-8")
    found["run.yaml"] = _COMMENT.sub(lambda key: say(key[1]), text).encode("utf-8")
    return found


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    there = [name for name in sorted(contents) if (folder / name).exists()]
    if there:
        raise UsageError("init.exists", path=folder / there[0])
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            with (folder / name).open("xb") as out:
                written.append(folder / name)
                out.write(content)
    except OSError as error:
        for path in written:  # ours, made just now: half a beginning helps nobody
            path.unlink()
        raise UsageError("init.cannot_write", folder=folder, problem=error.strerror) from error
