"""A GGUF file as llama.cpp serves it, in a process of its own: it may abort."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from huohou.errors import ModelError
from huohou.export.proving.sides import Rendered, Said, Seen, Side, Wanted
from huohou.machine import cores
from huohou.probe.answers import Progress

REQUEST, SEEN, SCORES = "request.json", "seen.json", "scores.npy"


def gguf_side(path: Path, form: str, name: str = "gguf") -> Side:
    """path: the file; form: of its weights."""
    return Side(name, form, lambda wanted: ask(path, wanted))


def ask(path: Path, wanted: Wanted) -> Seen:
    """What llama.cpp does with a file. Raises ModelError where it stops."""
    told = {
        "path": str(path),
        "chats": [
            [{"role": m.role, "content": m.content} for m in one.messages] for one in wanted.asked
        ],
        "answers": list(wanted.answers),
        "most": wanted.most,
        "forced": [list(ids) for ids in wanted.forced],
        "threads": cores(),
    }
    with tempfile.TemporaryDirectory(prefix="huohou-proof-", dir=path.parent) as place:
        folder = Path(place)
        (folder / REQUEST).write_text(json.dumps(told), encoding="utf-8")
        _run(folder, path, wanted.told)
        seen = json.loads((folder / SEEN).read_text(encoding="utf-8"))
        scores = np.load(folder / SCORES)
    prompts = [Rendered(one["text"], tuple(one["ids"])) for one in seen["prompts"]]
    said = [Said(**one) for one in seen["said"]]
    return Seen(prompts, scores, said, frozenset(seen["stops"]))


def _run(folder: Path, path: Path, told: Progress) -> None:
    command = [sys.executable, "-P", "-m", "huohou.export.llama.child", str(folder)]
    with (
        (folder / "errors.txt").open("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as child,
    ):
        for line in child.stdout or ():
            done, _, of = line.strip().partition(" ")
            if done.isdigit() and of.isdigit():  # a library may print there, too
                told(int(done), int(of))
        ended = child.wait()
        errors.seek(0)
        said = errors.read().strip().splitlines()
    if ended:
        problem = said[-1] if said else str(ended)
        raise ModelError("export.llama_failed", path=path, problem=problem)
