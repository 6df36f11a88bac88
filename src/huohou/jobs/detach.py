"""Jobs without a terminal: put into the queue, and started by one small process a workspace.

There is no service to install. The runner (runner.py) is started by whoever queues a job, ends
when nothing waits any more, and is started again by the next command if it died before.
No wake-up is lost: who queues a job makes it first and then looks whether a runner is there; a
runner gives its lock back first and then looks once more whether a job waits.
"""

import atexit
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from huohou.errors import UsageError
from huohou.jobs import again
from huohou.jobs.queue import FOLDER, Entry, read, start_file
from huohou.recipes import Start
from huohou.record import checkpoints, locks
from huohou.record.recorder import Journal
from huohou.record.store import key_of
from huohou.record.workspace import TRAIN_LOG, number_of
from huohou.text import LANGUAGES, language

LOG = "runner.log"
# Variables that decide how a training computes go with the job: the runner that starts it may
# have been started by somebody else's command. Secrets are not written down.
_KEPT = (
    *("HUOHOU_", "HF_", "CUDA_", "NVIDIA_", "NCCL_", "TORCH", "PYTORCH_", "OMP_", "MKL_"),
    *("OPENBLAS_", "TOKENIZERS_", "TRANSFORMERS_", "MODELSCOPE_", "PYTHON", "LD_LIBRARY_PATH"),
    # where a storage is and in which files its keys are
    *("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE"),
    *("AWS_SHARED_CREDENTIALS_FILE", "GOOGLE_APPLICATION_CREDENTIALS"),
)
_SECRET = ("_TOKEN", "_KEY", "_SECRET", "_PASSWORD", "HUOHOU_DB")
_started: "list[subprocess.Popen[bytes]]" = []


def check(workspace: Path) -> None:
    """Raise UsageError where there are no file locks: one job could be started twice."""
    lock = lock_of(workspace)
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
        "host": socket.gethostname(),
        "python": sys.executable,
        "cwd": str(Path.cwd()),
        "language": language(),
        "environment": surroundings(os.environ),
        "start": again.dumps(start or Start()),
        "stop_on": stop_on,
    }
    lock_of(folder.parent)  # makes the place
    _tell(folder, told)
    entry = read(folder)
    if entry is not None and entry.state != "queued":  # it goes on after its end
        journal.state("queued")
    journal.queue(detached=True, slots=slots, store=store_key())
    journal.close()


def store_key() -> str:
    """Which database commands of this process use; a runner serves the jobs of one."""
    return key_of(os.environ.get("HUOHOU_DB", ""))


def start_from(entry: Entry, start: Start) -> None:
    """A job that is put back goes on from there."""
    _tell(entry.folder, _told(entry) | {"start": again.dumps(start)})


def _tell(folder: Path, told: Mapping[str, Any]) -> None:
    file = start_file(folder.parent, number_of(folder) or 0)
    file.touch(0o600)
    file.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def forget(folder: Path) -> None:
    """The job has begun, or never will."""
    start_file(folder.parent, number_of(folder) or 0).unlink(missing_ok=True)


def start_of(entry: Entry) -> Start:
    """Where a job goes on from."""
    told = _told(entry).get("start")
    start = again.loads(told) if isinstance(told, str) else Start()
    if start.checkpoint is None:
        return start
    # Another machine may know the workspace under another path.
    here = entry.folder.resolve() / checkpoints.FOLDER / start.checkpoint.name
    return replace(start, checkpoint=here) if here.is_dir() else start


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
    lock = lock_of(workspace)
    if not os.access(workspace, os.W_OK) or locks.is_held(lock):
        return
    with lock.with_name(LOG).open("ab") as log:
        _start(sys.executable, "huohou.jobs.runner", workspace, stdout=log)


def supervise(entry: Entry, slot: int, lease: str | None = None) -> "subprocess.Popen[bytes]":
    """Start the supervisor of a job; slot: descriptor that it holds from now on; lease: name of
    the holder that claimed the job for it."""
    told = _told(entry)
    environment, python, cwd = dict(os.environ), sys.executable, None
    if told.get("host", socket.gethostname()) == socket.gethostname():
        kept = told.get("environment")
        own = {str(k): str(v) for k, v in kept.items()} if isinstance(kept, dict) else {}
        ours = {k: v for k, v in os.environ.items() if k not in surroundings(os.environ)}
        environment = ours | own
        python, cwd = str(told.get("python")), Path(str(told.get("cwd", ".")))
    home = str(entry.folder.parent.resolve())
    environment |= {"HUOHOU_HOME": home, "HUOHOU_LANG": language_of(entry)}
    with (entry.folder / TRAIN_LOG).open("ab") as log:
        return _start(
            python if Path(python).is_file() else sys.executable,
            "huohou.jobs.supervise",
            entry.folder,
            *([lease] if lease else []),
            stdout=log,
            env=environment,
            cwd=cwd if cwd is not None and cwd.is_dir() else None,
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


def lock_of(workspace: Path) -> Path:
    """Lock file of the runner of a workspace on this machine, for the database of this process."""
    place = workspace / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", socket.gethostname())
    return place / ".".join(filter(None, ("runner", name, store_key(), "lock")))


def _start(
    python: str, module: str, path: Path, *more: str, **how: Any
) -> "subprocess.Popen[bytes]":
    # -P: a file of the user's that is called like a module is not taken for it.
    process = subprocess.Popen(
        [python, "-P", "-m", module, str(path.resolve()), *more],
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
