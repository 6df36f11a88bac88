"""A log of another program as a job: its numbers in our files, the original beside them."""

import shutil
import time
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from huohou.errors import StoreError
from huohou.record.events import Appender, Event
from huohou.record.flow import as_events
from huohou.record.readers import patterns, read
from huohou.record.record import Record
from huohou.record.recorder import State
from huohou.record.store import Store
from huohou.record.told import as_plain
from huohou.record.workspace import EVENTS, JOURNAL

RECIPE = "import"
COPY = "original-"  # what the copy's name begins with, so that no reader takes it for the run's


def import_log(
    store: Store, path: Path, *, name: str | None = None, reader: str | None = None
) -> tuple[Path, Record]:
    """Take in a log as a finished job; its folder and the record as its reader gave it.

    The original stays as it is where it is. Raises DataError when it holds no log, StoreError
    when the workspace cannot be written.
    """
    record = read(path, reader)
    source = Path(record.source["path"])

    def fill(number: int, folder: Path) -> None:
        copy = folder / f"{COPY}{source.name}"
        shutil.copy2(source, copy)
        _write(folder / JOURNAL, _journal(record, number, name or name_of(path)))
        _write(folder / EVENTS, _events(record, path, copy))

    try:
        return store.create(name or name_of(path), fill), record
    except OSError as error:
        problem = error.strerror or error
        raise StoreError("job.cannot_create", path=store.workspace, problem=problem) from error


def name_of(path: Path) -> str:
    """What a log is called after: its own name, or its folder's where all of a format have one.

    >>> name_of(Path("out/demo/checkpoint-40/trainer_state.json"))
    'demo'
    """
    names = (pattern.rpartition("/")[2] for pattern in patterns())
    usual = ["checkpoint-*", *(name for name in names if not name.startswith("*."))]
    file = path.resolve()
    for place in (file, *file.parents):
        if place.name and not any(fnmatch(place.name, pattern) for pattern in usual):
            return place.stem if place.is_file() else place.name
    return file.stem


def state_of(record: Record) -> State:
    """Completed, or stopped where the log shows that the run broke off."""
    finished, planned = record.facts.get("finished"), record.facts.get("max_steps")
    if finished is not None:
        return "completed" if finished else "stopped"
    done = max((last for _, last in _spans(record, "steps")), default=None)
    return "stopped" if planned and done is not None and done < planned else "completed"


def _journal(record: Record, number: int, name: str) -> list[Event]:
    times = [t for span in _spans(record, "times") for t in span]
    model = record.facts.get("base_model") or record.facts.get("model") or ""
    queued = {"id": number, "name": name, "recipe": RECIPE, "base_model": str(model)}
    lines: list[Event] = [{"t": round(time.time(), 3), "seg": 0, "kind": "queued", **queued}]
    last = max(record.segments(), default=0)
    if times:  # else nobody knows when it ran
        lines.append({"t": min(times), "seg": 0, "kind": "state", "state": "starting"})
    end = max(times) if times else None
    lines.append({"t": end, "seg": last, "kind": "state", "state": state_of(record)})
    return lines


def _events(record: Record, path: Path, copy: Path) -> list[Event]:
    known = {"updates": record.facts.get("max_steps")}
    known["epochs"] = record.facts.get("num_train_epochs")
    start: Event = {"t": None, "seg": 0, "kind": "start"}
    start |= {name: value for name, value in known.items() if value is not None}
    start |= {"facts": dict(record.facts), "notes": list(record.notes)}
    start |= {"told": told} if (told := as_plain(record)) else {}
    reader = record.source.get("reader")
    start["imported"] = {"path": str(path.resolve()), "reader": reader, "copy": copy.name}
    return [start, *as_events(record)]


def _write(path: Path, lines: list[Event]) -> None:
    appender = Appender(path)
    try:
        for line in lines:
            appender.append(line)
    finally:
        appender.close()


def _spans(record: Record, column: str) -> list[tuple[float, float]]:
    """The lowest and the highest of a column of each series that has it."""
    columns = [getattr(record.points(name), column) for name in record.series]
    known = [column[~np.isnan(column)] for column in columns]
    return [(float(column.min()), float(column.max())) for column in known if len(column)]
