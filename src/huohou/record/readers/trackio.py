"""Trackio: one SQLite database a project, a row of JSON each time something was logged.

Infinities and NaN are strings there. Older databases know runs by name only, newer ones by an id.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._boards import Rows, facts_of_config, newest
from huohou.record.readers._rows import number
from huohou.record.readers._source import Source
from huohou.record.readers._sqlite import MAGIC, Database, has_tables, opened
from huohou.record.readers._tagged import together
from huohou.record.record import Record

_FILES = "*.db"


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: its id where the database has ids, its name, its last row."""

    id: str | None
    name: str
    last: int

    @property
    def only(self) -> dict[str, Any]:
        """Values of the columns that mark its rows."""
        return {"run_name": self.name} if self.id is None else {"run_id": self.id}


def read_store(source: Source) -> Record:
    """Read a run of a project: the one that is named after # in the path, by its name or id, else
    the one that was logged to last. Raises DataError when there is none."""
    with opened(source) as database:
        named = _runs(database)
        wanted = {
            name: run for name, run in named.items() if source.run in ("", name, run.id, run.name)
        }
        if named and not wanted:
            known = ", ".join([*named][:20])
            raise DataError("reader.no_such_run", path=source.path, run=source.run, known=known)
        record = newest(
            [
                (f"{source.path}#{name}", partial(_read, database, run, name))
                for name, run in wanted.items()
            ]
        )
    if record is None:
        raise DataError("reader.no_metrics", path=source.path)
    return record


def _runs(database: Database) -> dict[str, _Run]:
    """Runs by what they are called, the one that was logged to last first."""
    last: dict[tuple[Any, Any], int] = {}
    for at, run_id, name in database.rows("metrics", ("run_id", "run_name")):
        last[run_id, name] = at
    order = sorted(last.items(), key=lambda pair: -pair[1])
    runs = [_Run(None if i is None else str(i), str(name), at) for (i, name), at in order]
    names = [run.name for run in runs]
    return {
        run.name if names.count(run.name) == 1 or run.id is None else run.id: run for run in runs
    }


def _read(database: Database, run: _Run, called: str) -> Record:
    rows = Rows()
    columns = ("timestamp", "step", "metrics")
    for at, stamp, step, metrics in database.rows("metrics", columns, run.only):
        values = dict(_numbers(metrics))
        place = {"_step": number(step), "_timestamp": _seconds(stamp)}
        rows.add((values | {k: v for k, v in place.items() if v is not None}).items(), at)
    found = together(rows.tags())
    if not found.series:
        raise DataError("reader.no_metrics", path=database.path)
    config: dict[str, Any] = {}
    for _, written in database.rows("configs", ("config",), run.only):
        config |= _object(written)
    where = {"path": str(database.path), "reader": "trackio", "run": called}
    return Record(
        where, found.series, facts_of_config(config) | found.facts, (*found.notes, *rows.notes)
    )


def _numbers(written: Any, prefix: str = "", deep: int = 3) -> Iterator[tuple[str, float]]:
    for name, value in (written if isinstance(written, Mapping) else _object(written)).items():
        if isinstance(value, Mapping) and deep and "_type" not in value:
            yield from _numbers(value, f"{prefix}{name}.", deep - 1)
        elif (found := number(value)) is not None:
            yield f"{prefix}{name}", found


def _object(written: Any) -> dict[str, Any]:
    """An object of JSON, kept as text or as bytes."""
    if not isinstance(written, str | bytes):
        return {}
    try:
        loaded = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _seconds(stamp: Any) -> float | None:
    """Unix seconds of "2026-11-22T11:39:28.901442+00:00"."""
    if not isinstance(stamp, str):
        return number(stamp)
    try:
        found = datetime.fromisoformat(stamp)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def read_folder(folder: Path) -> Record | None:
    """The newest run of the projects in a folder. Raises DataError when none can be read."""
    found = [path for path in sorted(folder.glob(_FILES)) if _is_store(path)]
    order = sorted(found, key=lambda path: -path.stat().st_mtime)
    return newest([(str(path), partial(_of_path, path)) for path in order])


def _is_store(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC and _recognises(Source.open(path))
    except (OSError, DataError):
        return False


def _of_path(path: Path) -> Record:
    return read_store(Source.open(path))


def _recognises(source: Source) -> bool:
    return has_tables(source, metrics=("run_name", "step", "metrics"))


readers.register("trackio")(Reader(_recognises, read_store, (_FILES,), rank=2, folder=read_folder))
