"""Jobs without a terminal: put into the queue, and started by one small process a workspace.

There is no service to install. The runner (runner.py) is started by whoever queues a job, ends
when nothing waits any more, and is started again by the next command if it died before.
No wake-up is lost: who queues a job makes it first and then looks whether a runner is there; a
runner gives its lock back first and then looks once more whether a job waits.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huohou.errors import UsageError
from huohou.jobs import again
from huohou.jobs.queue import FOLDER, Entry, read, start_file
from huohou.recipes import Start
from huohou.record import locks
from huohou.record.recorder import Journal
from huohou.record.workspace import TRAIN_LOG, number_of
from huohou.text import LANGUAGES, language

LOCK = "runner.lock"
LOG = "runner.log"
# Variables that decide how a training computes go with the job: the runner that starts it may
# have been started by somebody else's command. Secrets are not written down.
_KEPT = (
    *("HUOHOU_", "HF_", "CUDA_", "NVIDIA_", "NCCL_", "TORCH", "PYTORCH_", "OMP_", "MKL_"),
    *("OPENBLAS_", "TOKENIZERS_", "TRANSFORMERS_", "MODELSCOPE_", "PYTHON", "LD_LIBRARY_PATH"),
)
_SECRET = ("_TOKEN", "_KEY", "_SECRET", "_PASSWORD", "HUOHOU_DB")
_started: "list[subprocess.Popen[bytes]]" = []


def check(workspace: Path) -> None:
    """Raise UsageError where there are no file locks: one job could be started twice."""
    lock = _lock(workspace)
    lock.touch()
    if locks.is_held(lock) is None:
        raise UsageError("queue.no_locks", path=workspace)


def enqueue(
    folder: Path,
    journal: Journal,
    slots: int,
    start: Start | None = None,
    stop_on: str | None = None,
) -> None:
    """Leave a queued job to the runner; its journal is given back.

    slots: jobs that may then train on its device at once; start: where it goes on from; stop_on:
    severity of a finding that ends it early.
    """
    told = {
        "python": sys.executable,
        "cwd": str(Path.cwd()),
        "language": language(),
        "environment": surroundings(os.environ),
        "start": again.dumps(start or Start()),
        "stop_on": stop_on,
    }
    _lock(folder.parent)  # makes the place
    file = start_file(folder.parent, number_of(folder) or 0)
    file.touch(0o600)
    file.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    entry = read(folder)
    if entry is not None and entry.state != "queued":  # it goes on after its end
        journal.state("queued")
    journal.queue(detached=True, slots=slots)
    journal.close()
    ensure(folder.parent)


def forget(folder: Path) -> None:
    """The job has begun, or never will."""
    start_file(folder.parent, number_of(folder) or 0).unlink(missing_ok=True)


def start_of(entry: Entry) -> Start:
    """Where a job goes on from."""
    told = _told(entry).get("start")
    return again.loads(told) if isinstance(told, str) else Start()


def stop_on_of(entry: Entry) -> str | None:
    """Severity of a finding that ends a job early."""
    told = _told(entry).get("stop_on")
    return told if isinstance(told, str) else None


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that go with a job."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_KEPT)
        and not name.endswith(_SECRET)
        and not ("://" in value and "@" in value)  # a password inside an address
    }


def ensure(workspace: Path) -> None:
    """Start the runner of a workspace unless one is there."""
    if not os.access(workspace, os.W_OK) or locks.is_held(_lock(workspace)):
        return
    with _lock(workspace).with_name(LOG).open("ab") as log:
        _start(sys.executable, "huohou.jobs.runner", workspace, stdout=log)


def supervise(entry: Entry, slot: int) -> "subprocess.Popen[bytes]":
    """Start the supervisor of a job; slot: descriptor that it holds from now on."""
    told = _told(entry)
    kept = told.get("environment")
    own = {str(k): str(v) for k, v in kept.items()} if isinstance(kept, dict) else {}
    ours = {k: v for k, v in os.environ.items() if k not in surroundings(os.environ)}
    home = entry.folder.parent.resolve()
    cwd, python = Path(str(told.get("cwd", "."))), str(told.get("python"))
    with (entry.folder / TRAIN_LOG).open("ab") as log:
        return _start(
            python if Path(python).is_file() else sys.executable,
            "huohou.jobs.supervise",
            entry.folder,
            stdout=log,
            env=ours | own | {"HUOHOU_HOME": str(home), "HUOHOU_LANG": language_of(entry)},
            cwd=cwd if cwd.is_dir() else None,
            pass_fds=(slot,),
        )


def language_of(entry: Entry) -> str:
    """Language of who queued a job."""
    chosen = _told(entry).get("language")
    return chosen if chosen in LANGUAGES else language()


def _told(entry: Entry) -> dict[str, Any]:
    try:
        found = json.loads(start_file(entry.folder.parent, entry.number).read_text("utf-8"))
    except (OSError, ValueError):  # a disk that was full: started as the runner was
        return {}
    return found if isinstance(found, dict) else {}


def _lock(workspace: Path) -> Path:
    place = workspace / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    return place / LOCK


def _start(python: str, module: str, path: Path, **how: Any) -> "subprocess.Popen[bytes]":
    # -P: a file of the user's that is called like a module is not taken for it.
    process = subprocess.Popen(
        [python, "-P", "-m", module, str(path.resolve())],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **how,
    )
    # Kept, and asked now and then: one that has ended does not stay in the process table.
    _started[:] = [one for one in _started if one.poll() is None] + [process]
    return process


@atexit.register
def _let_go() -> None:
    """They are meant to outlive us; Python would warn of that."""
    for process in _started:
        if process.poll() is None:
            process.returncode = 0
