"""What a release with its proof takes, and how near the served models are to the trained one.

Run as: python bench/export.py [--quick]

The role-play example is trained (SmolLM2-135M, as `huohou demo role` does it), then each target is
exported as a user does it: `huohou export`, a process of its own each, one after the other. Seconds
are those of the whole command, from its start to the proof that is written; the figures of nearness
are those of that proof, over the answers of training and held-out rows. Training is not counted.

--quick trains one pass instead of four.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import arguments, report
from huohou.demo_role import run_file

# Name of a figure, target, form of its weights.
RELEASES = (
    ("adapter", "adapter", None),
    ("merged", "merged", "float32"),
    ("gguf_f16", "gguf", "f16"),
    ("gguf_q8_0", "gguf", "q8_0"),
    ("ollama_q8_0", "ollama", "q8_0"),
)
TARGETS = {
    "seconds": {"max": 300.0},
    "merged_clear_same": {"min": 0.99},
    "gguf_f16_clear_same": {"min": 0.99},
    "gguf_q8_0_nats": {"max": 0.01},
}


def huohou(*words: str, home: Path) -> str:
    """What a command prints. Raises CalledProcessError where it fails."""
    command = [sys.executable, "-P", "-m", "huohou", *words]
    environment = os.environ | {"HUOHOU_HOME": str(home)}
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def release(name: str, target: str, form: str | None, home: Path) -> dict[str, float]:
    """Export the run's model; figures by name."""
    place = home / name
    more = ("--quantize", form) if form else ()
    began = time.perf_counter()
    huohou("export", "1", "--to", target, *more, "-o", str(place), home=home)
    figures = {f"{name}_seconds": time.perf_counter() - began}
    proof: dict[str, Any] = json.loads((place / "proof.json").read_text(encoding="utf-8"))
    for side in proof["seen"]["sides"]:
        if scores := side.get("scores"):
            figures["answers"] = sum(proof["seen"]["questions"][k] for k in ("train", "held-out"))
            figures[f"{name}_clear_tokens"] = scores["clear"]
            figures[f"{name}_clear_same"] = scores["clear_same"] / scores["clear"]
            figures[f"{name}_nats"] = scores["nats"]
    return figures


def main() -> None:
    told = ("-s", "train.num_epochs=1") if arguments(__doc__ or "").quick else ()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        huohou("train", str(run_file()), *told, home=home)
        for name, target, form in RELEASES:
            figures |= release(name, target, form, home)
    seconds = sum(value for name, value in figures.items() if name.endswith("_seconds"))
    report("export", {"seconds": seconds} | figures, TARGETS)


if __name__ == "__main__":
    main()
