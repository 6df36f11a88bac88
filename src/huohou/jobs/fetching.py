"""A run whose folder is gone comes back from its storage: its record here, its checkpoints there.

A resume then fetches the newest whole checkpoint, as ever.
"""

import os
import shutil
import time
from pathlib import Path

from huohou.errors import DataError, UsageError
from huohou.record.copies import RECORD, mark_of
from huohou.record.events import Follower
from huohou.record.ingest import job_of
from huohou.record.storage import Storage
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL, PLAN, job_folders, number_of
from huohou.text import say

_MARK = 8  # hex digits at the end of a run's name in a storage


def fetch(store: Store, address: str) -> Path:
    """Put a run's plan, events and journal into the workspace, under its own number; the folder.

    Raises UsageError where the address is not that of a run or its number is taken here, DataError
    where what lies there is not the run of that name, StoreError.
    """
    storage = Storage(address)
    name, _, mark = storage.address.rpartition("/")[2].rpartition("-")
    folder = store.workspace / name
    if number_of(folder) is None or len(mark) != _MARK or JOURNAL not in storage.names():
        raise UsageError("storage.no_run_there", address=address)
    taken = [one for one in job_folders(store.workspace) if number_of(one) == number_of(folder)]
    if taken or folder.exists():
        raise UsageError("storage.taken", path=taken[0] if taken else folder, address=address)
    staging = store.workspace / f".fetching-{name}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _get(storage, staging)
        if mark_of(staging) != mark or job_of(staging) != number_of(folder):
            raise _damaged(storage, JOURNAL)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    store.take_in(folder)
    return folder


def _get(storage: Storage, staging: Path) -> None:
    for name in RECORD:
        try:
            storage.get(name, staging / name)
        except FileNotFoundError as error:
            if name in (PLAN, JOURNAL):
                raise _damaged(storage, name) from error
    (staging / HEARTBEAT).touch()
    # Whether somebody still trains it is judged by when they last wrote.
    last = max(_last(staging / name) for name in (EVENTS, JOURNAL))
    for file in staging.iterdir():
        os.utime(file, (last, last))


def _damaged(storage: Storage, name: str) -> DataError:
    problem = say("checkpoint.bad_file", file=name)
    return DataError("storage.damaged_run", path=storage.address, problem=problem)


def _last(file: Path) -> float:
    """When the last line was written, by its own clock but never in the future; 0 without lines."""
    last, now, follower = 0.0, time.time(), Follower(file)
    while news := follower.poll():
        times = (event.get("t") for event in news)
        told = (t for t in times if isinstance(t, int | float) and t >= 0)
        last = max([last, *(min(t, now) for t in told)])
    return last
