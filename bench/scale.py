"""Two workers on two cores beside one process: how much of the second core is had, and what takes
the rest.

For stage 1 of a search (MiniLM, all weights: 45 MB of gradients an update) and, without --quick,
for a LoRA fine-tune of SmolLM2-135M. Three ways in turn, the same rows and updates:
one process on one thread; two such processes beside each other that know nothing of each other
(what the machine itself gives for two cores: they share memory and caches); two workers under
torchrun, a thread each. Efficiency is the workers' speed over twice that of one process; what
limits it is split into the machine (two strangers over twice one), waiting for the other worker
(unequal shares, a busy machine) and sending (gradients and vectors over the loopback).
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from _common import arguments, report
from huohou import api
from huohou.config import Setting
from huohou.plan import Plan
from huohou.record.events import Follower

WORDS = [
    "open",
    "close",
    "read",
    "write",
    "file",
    "line",
    "number",
    "list",
    "sort",
    "queue",
    "value",
    "parse",
    "code",
    "name",
    "table",
    "row",
]
SKIPPED = 2  # first updates, in which caches are cold


def said(chance: random.Random, words: int) -> str:
    """A text of so many words."""
    return " ".join(chance.choices(WORDS, k=words))


def pairs(path: Path, count: int) -> Path:
    """Questions of six words, passages of forty."""
    chance = random.Random(0)
    rows = [
        {
            "anchor": f"{' '.join(chance.choices(WORDS, k=6))} {i}",
            "positive": f"{' '.join(chance.choices(WORDS, k=40))} {i}",
        }
        for i in range(count)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def chats(path: Path, count: int) -> Path:
    """Questions under one system prompt, as of a bank's table."""
    chance = random.Random(0)
    lines = []
    for i in range(count):
        turns = [
            {"role": "system", "content": "You answer questions about codes. " * 6},
            {"role": "user", "content": f"{said(chance, 9)} {i}?"},
            {"role": "assistant", "content": f"{chance.randrange(10**11):012d}"},
        ]
        lines.append(json.dumps({"messages": turns}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def planned(place: Path, recipe: str, updates: int) -> Plan:
    """Plan of so many updates of 32 pairs, or of 16 conversations."""
    rows = updates * (32 if recipe == "embed" else 16)
    make = pairs if recipe == "embed" else chats
    data = make(place / f"{recipe}.jsonl", rows)
    flags = [f"recipe={recipe}", f"data.train={data}", "train.num_epochs=1", "train.device=cpu"]
    return api.make_plan(None, [*flags, "train.dtype=float32"])


def begin(plan: Plan, folder: Path) -> "subprocess.Popen[bytes]":
    """A training process on one thread."""
    folder.mkdir()
    plan.save(folder / "plan.json")
    command = [sys.executable, "-m", "huohou.jobs.child", str(folder), "--seg", "0"]
    with (folder / "train.log").open("wb") as log:
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env)


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Of each update but the first ones."""
    found = [e for e in Follower(folder / "events.jsonl").poll() if e["kind"] == "metrics"]
    if not found:
        raise SystemExit((folder / "train.log").read_text(encoding="utf-8"))
    return found[SKIPPED:]


def median(folder: Path, name: str = "tokens_per_second") -> float:
    """Of the updates of a run."""
    return statistics.median(e[name] for e in metrics(folder))


def spread(plan: Plan) -> Plan:
    """The plan for two workers."""
    told = {"compute.on": "torchrun", "compute.workers": 2}
    return replace(plan, settings=plan.settings | {k: Setting(v, "bench") for k, v in told.items()})


def measure(place: Path, recipe: str, updates: int) -> dict[str, float]:
    """The figures of one recipe."""
    plan = planned(place, recipe, updates)
    begin(plan, place / f"{recipe}-one").wait()
    strangers = [begin(plan, place / f"{recipe}-{name}") for name in ("a", "b")]
    for process in strangers:
        process.wait()
    begin(spread(plan), place / f"{recipe}-two").wait()
    one, two = median(place / f"{recipe}-one"), median(place / f"{recipe}-two")
    beside = sum(median(place / f"{recipe}-{name}") for name in ("a", "b"))
    found = {
        "efficiency": two / (2 * one),
        "machine": beside / (2 * one),
        "of_machine": two / beside,
        "waiting": median(place / f"{recipe}-two", "waiting"),
        "sending": median(place / f"{recipe}-two", "sending"),
        "tokens_per_second_1x1": one,
        "tokens_per_second_2x1": two,
    }
    return {f"{recipe}.{name}": round(value, 4) for name, value in found.items()}


def told(figures: dict[str, float], recipe: str) -> str:
    """What limits it, in words."""
    lost = {
        "the machine (two processes share memory and caches)": 1 - figures[f"{recipe}.machine"],
        "waiting for the other worker": figures[f"{recipe}.waiting"],
        "sending": figures[f"{recipe}.sending"],
    }
    lost["what both compute, and smaller passes"] = (
        1 - figures[f"{recipe}.efficiency"] - sum(lost.values())
    )
    parts = ", ".join(
        f"{name} {part:.0%}" for name, part in sorted(lost.items(), key=lambda i: -i[1])
    )
    return f"{recipe}: {figures[f'{recipe}.efficiency']:.0%} of twice one thread; lost to {parts}"


def main() -> None:
    """Measure and print."""
    quick = arguments(__doc__ or "").quick
    asked = {"embed": 12} if quick else {"embed": 40, "sft": 12}
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        for recipe, updates in asked.items():
            figures |= measure(Path(place), recipe, updates)
            print(told(figures, recipe))
    targets = {f"{recipe}.of_machine": {"min": 0.8} for recipe in asked}
    report("scale", figures, targets)


if __name__ == "__main__":
    main()
