"""MLflow: its SQLite store and its file store (``mlruns/EXPERIMENT/RUN/metrics/NAME``).

NaN is stored as 0 with ``is_nan``, the infinities as the largest float64. Times are milliseconds.
Parameters are strings. A metric is logged by itself, with its own step.
"""

import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._boards import facts_of_config, newest
from huohou.record.readers._rows import number, whole
from huohou.record.readers._source import Source
from huohou.record.readers._sqlite import MAGIC, Database, has_tables, opened
from huohou.record.readers._tagged import Tag, in_time, together
from huohou.record.record import Record
from huohou.text import say

_HUGE = 1.797693134862315e308  # what stands for infinity
_SYSTEM = "system/"  # use of the machine, at steps of its own
_LINE = re.compile(rb"\d{10,16} \S{1,40} -?\d{1,18}\s")
_META = re.compile(r"^(\w+): *'?(.*?)'? *$", re.MULTILINE)
_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
_LARGEST_META = 65_536
_LARGEST_PARAM = 20_000
_STORES = ("mlflow.db", "mlruns.db")
_MANY = 5_000  # files of a run


@dataclass(slots=True)
class _Metric:
    """Values of one metric: place in the log, milliseconds, step, value, line."""

    at: "array[int]" = field(default_factory=lambda: array("q"))
    time: "array[float]" = field(default_factory=lambda: array("d"))
    step: "array[float]" = field(default_factory=lambda: array("d"))
    value: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, at: int, time: Any, step: Any, value: float) -> None:
        """One value more."""
        self.at.append(at)
        self.time.append(math.nan if (t := number(time)) is None else t / 1000)
        known = whole(step)
        self.step.append(math.nan if known is None else known)
        self.value.append(value)

    def tag(self) -> Tag:
        """As columns, in the order of time: what is logged in the background comes in any."""
        step, time, value = (np.array(x, np.float64) for x in (self.step, self.time, self.value))
        at = np.array(self.at, np.int64)
        return Tag(at, step, time, value, at.astype(np.float64)).take(np.lexsort((at, step, time)))


def read_store(source: Source) -> Record:
    """Read a run of a SQLite store: the one that is named after # in the path, by its name or id,
    else the newest with points. Raises DataError when there is none."""
    with opened(source) as database:
        runs = _runs(database)
        named = {_called(run, runs): run for run in runs}
        if source.run:
            runs = [run for run in runs if source.run in (run["run_uuid"], run["name"])]
            if not runs:
                known = ", ".join([*named][:20])
                raise DataError("reader.no_such_run", path=source.path, run=source.run, known=known)
        logged = {row[1] for row in database.rows("latest_metrics", ("run_uuid",))}
        record = newest(
            [
                (f"{source.path}#{name}", partial(_of_store, database, run, name))
                for name, run in named.items()
                if run in runs and (not logged or run["run_uuid"] in logged)
            ]
        )
    if record is None:
        raise DataError("reader.no_metrics", path=source.path)
    return record


def _runs(database: Database) -> list[dict[str, Any]]:
    """Runs that were not deleted, the newest first."""
    columns = ("run_uuid", "name", "status", "start_time", "lifecycle_stage")
    rows = [dict(zip(columns, row[1:], strict=True)) for row in database.rows("runs", columns)]
    kept = [row for row in rows if row["lifecycle_stage"] != "deleted"]
    return sorted(kept, key=lambda row: number(row["start_time"]) or 0.0, reverse=True)


def _called(run: Mapping[str, Any], runs: Iterable[Mapping[str, Any]]) -> str:
    """Its name where no other run has that, else its id."""
    alone = sum(other["name"] == run["name"] for other in runs) == 1
    return str(run["name"] if run["name"] and alone else run["run_uuid"])


def _of_store(database: Database, run: Mapping[str, Any], called: str) -> Record:
    only = {"run_uuid": run["run_uuid"]}
    metrics: dict[str, _Metric] = {}
    columns = ("key", "value", "timestamp", "step", "is_nan")
    for at, key, value, time, step, is_nan in database.rows("metrics", columns, only):
        found = number(value)
        if isinstance(key, str) and found is not None:
            metrics.setdefault(key, _Metric()).add(at, time, step, _stored(found, is_nan))
    params = {
        key: value
        for _, key, value in database.rows("params", ("key", "value"), only)
        if isinstance(key, str)
    }
    where = {"path": str(database.path), "reader": "mlflow", "run": called}
    tags, _ = in_time({name: metric.tag() for name, metric in metrics.items()})
    return _record(where, tags, params, str(run["status"]))


def _stored(value: float, is_nan: Any) -> float:
    """The value that was logged."""
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= _HUGE else value


def _record(
    where: Mapping[str, Any], tags: Mapping[str, Tag], params: Mapping[str, Any], status: str
) -> Record:
    found = together({name: tag for name, tag in tags.items() if not name.startswith(_SYSTEM)})
    if not found.series:
        raise DataError("reader.no_metrics", path=where["path"])
    facts = facts_of_config(params) | _ended(status) | found.facts
    return Record(where, found.series, facts, found.notes)


def _ended(status: str) -> dict[str, Any]:
    """How the run ended, as far as its status says."""
    if status == "FAILED":
        return {"finished": False, "crash": say("reader.mlflow_failed")}
    return {"finished": status == "FINISHED"} if status in ("FINISHED", "KILLED") else {}


def read_metric(source: Source) -> Record:
    """A metric's file of the file store stands for its run. Raises DataError when it is none."""
    home = next((p for p in source.path.resolve().parents if _is_run(p)), None)
    if home is None:
        raise DataError("reader.no_metrics", path=source.path)
    return _of_folder(home)


def read_folder(folder: Path) -> Record | None:
    """The newest run of a store in a folder, None where there is none."""
    home = folder.parent if folder.name == "metrics" else folder
    stores = [home / name for name in _STORES if (home / name).is_file()]
    if stores and not _is_run(home):
        return newest([(str(path), partial(_of_path, path)) for path in stores])
    found = [home] if _is_run(home) else [p for p in _two_below(home) if _is_run(p)]
    kept = [run for run in found if _meta(run).get("lifecycle_stage") != "deleted"]
    order = sorted(kept, key=lambda run: (_began(run), str(run)), reverse=True)
    return newest([(str(run), partial(_of_folder, run)) for run in order])


def _of_path(path: Path) -> Record:
    source = Source.open(path)
    if not _recognises(source):
        raise DataError("reader.unknown", path=path, known="mlflow")
    return read_store(source)


def _two_below(folder: Path) -> Iterator[Path]:
    for pattern in ("*", "*/*", "mlruns/*/*"):
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_dir())


def _is_run(folder: Path) -> bool:
    return (folder / "meta.yaml").is_file() and (folder / "metrics").is_dir()


def _began(run: Path) -> float:
    return number(_meta(run).get("start_time")) or 0.0


def _meta(run: Path) -> dict[str, str]:
    """The lines of meta.yaml, which is flat."""
    text = _text(run / "meta.yaml", _LARGEST_META)
    return {match[1]: match[2] for match in _META.finditer(text)}


def _text(path: Path, largest: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(largest).decode("utf-8", "replace")
    except OSError:
        return ""


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files below a folder by their names with /; a name with a / is a file in a folder."""
    for count, path in enumerate(sorted(folder.rglob("*"))):
        if count >= _MANY:
            return
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def _of_folder(run: Path) -> Record:
    read = {name: _lines(path) for name, path in _files(run / "metrics")}
    tags, _ = in_time({name: metric.tag() for name, metric in read.items() if metric.value})
    params = {name: _text(path, _LARGEST_PARAM) for name, path in _files(run / "params")}
    meta = _meta(run)
    fullest = max(tags, key=lambda name: len(tags[name].value), default="")
    where: dict[str, Any] = {"path": str(run / "metrics" / fullest), "reader": "mlflow"}
    where["run"] = meta.get("run_name") or run.name
    where["files"] = [str(run / "metrics" / name) for name in tags]
    return _record(where, tags, params, _STATUS.get(meta.get("status", ""), ""))


def _lines(path: Path) -> _Metric:
    """Lines of "milliseconds value step". What is torn is left out."""
    metric = _Metric()
    try:
        data = path.read_bytes()
    except OSError:
        return metric
    for line, raw in enumerate(BytesIO(data), start=1):
        parts = raw.split()
        if len(parts) in (2, 3) and raw.endswith(b"\n"):
            time, value, step = (part.decode("ascii", "replace") for part in (*parts, b"")[:3])
            found = number(value)
            if found is not None:
                metric.add(line, time, step, _stored(found, False))
    return metric


def _recognises(source: Source) -> bool:
    """A store with runs and metrics, or a metric's file with its run around it."""
    if has_tables(source, runs=("run_uuid",), metrics=("key", "value", "run_uuid")):
        return True
    return _LINE.match(source.data) is not None and any(map(_is_run, source.path.resolve().parents))


def _read(source: Source) -> Record:
    return read_store(source) if source.data.startswith(MAGIC) else read_metric(source)


readers.register("mlflow")(
    Reader(_recognises, _read, (*_STORES, "meta.yaml"), rank=2, folder=read_folder)
)
