"""Jobs that several workers train: what tests of torchrun and Ray have in common."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from huohou.config import Setting
from huohou.jobs import again
from huohou.plan import Plan
from huohou.recipes import Start, recipes
from huohou.record import locks
from huohou.record.events import Follower
from huohou.record.recorder import Recorder
from tiny import tiny_llama_folder
from tiny_encoder import tiny_encoder_folder
from waiting import PATIENCE, wait_until

WORDS = "open file read lines quick brown fox lazy dog value number sort list json parse queue"
SYSTEMS = (
    "You answer questions about bank codes. Answer with the code alone, and never invent one.",
    "你是联行号助手，只答十二位联行号，不认识的只答不知道。",
)
# What other orders of summation may make of a loss over 24 updates.
CLOSE = 1e-4
ALIGN = ("align.top_k=0", "align.draw=random", "align.negatives=3")
COMMON = ("train.device=cpu", "train.dtype=float32", "train.batch_size=8")


def write_rows(path: Path, count: int, seed: int = 0) -> Path:
    """Ragged questions under two system prompts."""
    chance = random.Random(seed)
    lines = []
    for i in range(count):
        question = " ".join(chance.choices(["Daming", "branch", "大悟", "code", "?"], k=3 + i % 5))
        turns = [
            {"role": "system", "content": SYSTEMS[i % 2]},
            {"role": "user", "content": f"{question} {i}"},
            {"role": "assistant", "content": "".join(chance.choices("0123456789", k=4 + i % 3))},
        ]
        lines.append(json.dumps({"messages": turns}, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_pairs(path: Path, count: int, seed: int = 0) -> Path:
    """Questions of two words of their passage."""
    chance = random.Random(seed)
    lines = []
    for i in range(count):
        words = chance.sample(WORDS.split(), k=4 + i % 5)
        asked = " ".join(chance.sample(words, k=2))
        row = {"anchor": f"{asked} {i}", "positive": " ".join([*words, str(i)]), "title": f"t{i}"}
        lines.append(json.dumps(row))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def sft_flags(place: Path, rows: int = 26) -> list[str]:
    """26 rows, 8 an update, 6 passes: 24 updates, the last of a pass short."""
    return [
        f"model={tiny_llama_folder(place / 'llama', spread=0.1)}",
        f"data.train={write_rows(place / 'train.jsonl', rows)}",
        f"data.eval={write_rows(place / 'val.jsonl', 5, seed=9)}",
        *COMMON,
        "train.num_epochs=6",
        "train.learning_rate=5e-3",
        "lora.rank=4",
    ]


def pair_flags(place: Path, recipe: str, rows: int = 26, *more: str) -> list[str]:
    """The same of pairs; no dropout, whose masks would be others for each number of workers."""
    model = tiny_encoder_folder(
        place / "bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    return [
        f"recipe={recipe}",
        f"model={model}",
        f"data.train={write_pairs(place / 'train.jsonl', rows)}",
        f"data.eval={write_pairs(place / 'val.jsonl', 9, seed=9)}",
        *COMMON,
        "train.num_epochs=6",
        "train.max_length=64",
        "train.learning_rate=1e-3",
        *more,
    ]


def alone(plan: Plan, folder: Path, stop_at: int | None = None, seg: int = 0, **start: Any) -> Path:
    """One process life in this process: what several workers are compared with."""
    folder.mkdir(exist_ok=True)

    def should_stop() -> bool:
        done = sum(e["kind"] == "metrics" and e["seg"] == seg for e in events(folder))
        return stop_at is not None and done >= stop_at

    with Recorder(folder / "events.jsonl", seg) as recorder:
        recipes.get(plan.recipe).run(plan, folder, recorder, should_stop, Start(**start))
    return folder


def begin(plan: Plan, folder: Path, seg: int = 0, **start: Any) -> "subprocess.Popen[str]":
    """A training process of a job's folder, as a supervisor starts it."""
    folder.mkdir(exist_ok=True)
    (folder / "plan.json").unlink(missing_ok=True)
    plan.save(folder / "plan.json")
    words = [str(folder), "--seg", str(seg), "--start", again.dumps(Start(**start))]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "huohou.jobs.child", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )


def together(plan: Plan, folder: Path, seg: int = 0, **start: Any) -> Path:
    """The workers of a plan to their end."""
    process = begin(plan, folder, seg, **start)
    try:
        out, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    end = [e for e in events(folder) if e["kind"] == "end"]
    assert process.returncode == 0 and end, out
    assert end[-1]["state"] in ("completed", "stopped"), out
    return folder


def shared(plan: Plan, on: str, workers: int, **more: Any) -> Plan:
    """The same plan for several workers."""
    told = {"compute.on": on, "compute.workers": workers, **more}
    settings = {name: Setting(value, "test") for name, value in told.items()}
    return replace(plan, settings=plan.settings | settings)


def start(*arguments: str, flags: list[str], **environment: str) -> "subprocess.Popen[str]":
    """``huohou train``, begun."""
    told = [piece for flag in flags for piece in ("-s", flag)]
    return command("train", "--if-exists", "new", *told, *arguments, **environment)


def command(*words: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "huohou", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )


def code_of(process: "subprocess.Popen[str]") -> int:
    """Wait for a command's end; its exit code."""
    process.communicate(timeout=PATIENCE)
    return process.returncode


def kill(process: "subprocess.Popen[str]") -> None:
    """End a command at once, whatever it started lives on."""
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def shown(ref: str) -> dict[str, Any]:
    out, err = command("runs", "show", ref, "--json").communicate(timeout=PATIENCE)
    assert out, err
    found: dict[str, Any] = json.loads(out)
    return found


def events(folder: Path) -> list[dict[str, Any]]:
    return Follower(folder / "events.jsonl").poll()


def losses(folder: Path, name: str = "loss") -> dict[int, float]:
    """Step to loss; of a step that was trained twice the later one."""
    kind = "eval" if name.startswith("eval") else "metrics"
    return {e["step"]: e[name] for e in events(folder) if e["kind"] == kind and name in e}


def largest_difference(one: dict[int, float], other: dict[int, float]) -> float:
    assert one.keys() == other.keys()
    return max(abs(one[step] - other[step]) for step in one)


def is_over(folder: Path) -> bool:
    """Whether a run has said how it ended, and its worker has given the record back."""
    said = any(e["kind"] == "end" for e in events(folder))
    return said and not locks.is_held(folder / "events.jsonl")


def job_folder(workspace: Path) -> Path:
    """The folder of the one job of a workspace, once it is there."""
    wait_until(lambda: any(workspace.glob("1-*/events.jsonl")))
    (found,) = workspace.glob("1-*")
    return found


def kill_worker(folder: Path, rank: int) -> None:
    """End a worker of a job as a machine that fails does: SIGKILL."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("RANK") == str(rank) and str(folder) in process.cmdline():
                process.kill()
                return
    raise AssertionError(f"no worker {rank} of {folder}")


def kill_ray_worker(folder: Path, *, records: bool) -> None:
    """SIGKILL for a worker that Ray started: the one that records, or one that does not."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if not process.name().startswith("ray::RayTrainWor"):
                continue
            if Path(process.cwd()).samefile(folder) and _records(process, folder) == records:
                process.kill()
                return
    raise AssertionError(f"no Ray worker of {folder}")


def _records(process: psutil.Process, folder: Path) -> bool:
    """Whether a process has the record open."""
    return str(folder / "events.jsonl") in {file.path for file in process.open_files()}


@contextlib.contextmanager
def nodes(*each: dict[str, Any]) -> Iterator[str]:
    """A cluster of several Ray nodes on this machine; its address."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for node in each:
            cluster.add_node(**node)
        cluster.wait_for_nodes()
        yield str(cluster.address)
    finally:
        cluster.shutdown()
