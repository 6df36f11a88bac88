"""Event files of TensorBoard, also as torch, Lightning, Keras and transformers write them.

Every writer begins a file of its own, so that a run is a folder: files of processes that took it
up again, a folder for the evaluation (``validation/`` of Keras) or for each curve of a chart
(``add_scalars`` of torch), and one for the settings (``add_hparams``). Steps and times are
recorded, the settings of transformers stand in a text. Values are those of a 32-bit float.
A file that is being written, or whose process died, ends in the middle of a record.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._boards import facts_of_config
from huohou.record.readers._events import TAGS, Column, Events, read_events
from huohou.record.readers._source import Source
from huohou.record.readers._tagged import Tag, in_time, together
from huohou.record.record import Record
from huohou.text import say

_PATTERN = "events.out.tfevents.*"
_MARK = b"brain.Event:"
_WRITER = re.compile(r"tfevents\.(\d+)\.(.*?)\.(\d+)(?:\.\d+)?(?:\.v2)?$")
_SPLITS = ("train", "training", "eval", "evaluation", "val", "valid", "validation", "dev", "test")
_SETTINGS_FOLDER = re.compile(r"\d{10}\.\d+")  # add_hparams: the time it was called
_SETTINGS = re.compile(r"arg|config|param|setting", re.IGNORECASE)  # tags of such texts
_DEEP = 4  # folders below the one that is given
_FOLDERS = 2000  # that are looked into


@dataclass(frozen=True, slots=True)
class _File:
    """One event file. split: what its folder adds to the tags, "" in the run's own folder."""

    path: Path
    events: Events
    split: str

    @property
    def began(self) -> tuple[int, str]:
        """Time in the name, for the order of files."""
        match = _WRITER.search(self.path.name)
        return (int(match[1]) if match else 0, self.path.name)

    @property
    def process(self) -> str:
        """Machine and process that wrote it, as the name says."""
        match = _WRITER.search(self.path.name)
        return f"{match[2]}.{match[3]}" if match else self.path.name


def read_file(source: Source) -> Record:
    """Read one event file. Raises DataError when it holds no number."""
    return _record([_File(source.path, read_events(source.data), "")], source.path)


def read_folder(folder: Path) -> Record | None:
    """The run in a folder, or the newest run below it; None where there are no event files.

    Raises DataError when no run in it holds a number.
    """
    runs = list(_runs(folder))
    refused: DataError | None = None
    for i, run in enumerate(runs):
        try:
            record = _record(list(_files(run)), run)
        except DataError as error:
            refused = refused or error
            continue
        others = ", ".join(str(other) for other in [*runs[:i], *runs[i + 1 :]])
        if not others:
            return record
        notes = (*record.notes, say("reader.newest", run=run, others=others))
        return Record(record.source, record.series, record.facts, notes)
    if refused is not None:
        raise refused
    return None


def _runs(folder: Path) -> list[Path]:
    """Folders of runs, the newest first."""
    found: dict[Path, float] = {}
    for place in _below(folder):
        logs = list(place.glob(_PATTERN))
        if logs:
            home = place.parent if place != folder and _belongs(place) else place
            newest = max(log.stat().st_mtime for log in logs)
            found[home] = max(found.get(home, 0.0), _began(logs) or newest)
    return sorted(found, key=lambda run: (-found[run], str(run)))


def _began(logs: Iterable[Path]) -> float:
    times = [int(match[1]) for log in logs if (match := _WRITER.search(log.name))]
    return float(max(times, default=0))


def _below(folder: Path) -> Iterator[Path]:
    """The folder and those below it, links not followed."""
    for seen, (place, inner, _) in enumerate(os.walk(folder)):
        depth = len(Path(place).relative_to(folder).parts)
        if seen > _FOLDERS or depth >= _DEEP:
            inner.clear()
        inner[:] = sorted(name for name in inner if not name.startswith((".", "checkpoint-")))
        yield Path(place)


def _belongs(place: Path) -> bool:
    """Whether a folder is a part of the run above it."""
    if place.name.lower() in _SPLITS or _SETTINGS_FOLDER.fullmatch(place.name):
        return True
    return "_" in place.name and any(place.parent.glob(_PATTERN)) and _is_chart(place)


def _is_chart(place: Path) -> bool:
    """add_scalars("Loss", {"train": ...}) writes the tag Loss into the folder Loss_train."""
    logs = sorted(place.glob(_PATTERN))
    try:
        tags = read_events(Source.open(logs[0]).data).columns if logs else {}
    except DataError:
        return False
    return any(place.name.startswith(tag.replace("/", "_") + "_") for tag in tags)


def _files(run: Path) -> Iterator[_File]:
    """The event files of a run that can be read, the copies among them left out."""
    places = [run, *sorted(place for place in run.iterdir() if place.is_dir() and _belongs(place))]
    for place in places:
        sources: list[Source] = []
        for path in sorted(place.glob(_PATTERN)):
            try:
                sources.append(Source.open(path))
            except DataError:  # empty: a process that has written nothing yet
                continue
        for source in sources:
            longer = (one for one in sources if len(one.data) > len(source.data))
            if _is_of_tensorboard(source) and not any(
                one.data.startswith(source.data[:-16]) for one in longer
            ):
                split = "" if place == run else place.name
                yield _File(source.path, read_events(source.data), split)


def _record(files: Sequence[_File], place: Path) -> Record:
    tags, restarts = _joined(files)
    found = together(tags, restarts)
    settings = facts_of_config(_settings(files))
    lost = sum(file.events.damaged for file in files)
    if not found.series:
        raise _nothing(files, place, settings, bool(found.facts), lost)
    fullest = max(files, key=lambda file: file.events.records)
    source = {"path": str(fullest.path), "reader": "tensorboard"}
    more: dict[str, Any] = {"files": [str(f.path) for f in files]} if len(files) > 1 else {}
    notes = [*found.notes, *([say("reader.damaged_records", n=lost)] if lost else [])]
    if any(file.events.too_many for file in files):
        notes.append(say("reader.many_names", n=TAGS))
    return Record({**source, **more}, found.series, {**settings, **found.facts}, tuple(notes))


def _nothing(
    files: Sequence[_File], place: Path, settings: Mapping[str, Any], summed_up: bool, lost: int
) -> DataError:
    """Why there is no curve."""
    if lost and not summed_up:
        return DataError("reader.events_damaged", path=place, n=lost)
    if summed_up:
        every = settings.get("logging_steps", "?")
        return DataError("reader.only_summary", path=place, every=every)
    if settings or any(file.events.texts or file.events.settings for file in files):
        return DataError("reader.only_settings", path=place)
    return DataError("reader.no_events", path=place)


def _joined(files: Sequence[_File]) -> tuple[dict[str, Tag], list[int]]:
    """Columns of all files as tags, in the order of time; and where another process begins."""
    in_time = sorted(files, key=lambda file: file.began)
    columns = [
        (file, _tag(name, file.split), column)
        for file in in_time
        for name, column in file.events.columns.items()
    ]
    if len(files) == 1:
        tags = {tag: _of_column([column]) for _, tag, column in columns}
        return tags, files[0].events.restarts
    return _in_time(columns)


def _in_time(columns: Sequence[tuple[_File, str, Column]]) -> tuple[dict[str, Tag], list[int]]:
    grouped: dict[str, list[Column]] = {}
    first: dict[str, float] = {}
    for file, tag, column in columns:
        grouped.setdefault(tag, []).append(column)
        begin = min((float(part[2].min()) for part in column.parts), default=np.inf)
        first[file.process] = min(first.get(file.process, np.inf), begin)
    tags, clock = in_time({tag: _of_column(parts) for tag, parts in grouped.items()})
    begins = sorted(int(np.searchsorted(clock, begin)) for begin in first.values())
    return tags, begins[1:]


def _tag(name: str, split: str) -> str:
    """The tag with what its folder says: Loss in Loss_train is Loss/train."""
    if not split or _SETTINGS_FOLDER.fullmatch(split):
        return name
    return f"{name}/{split.removeprefix(name.replace('/', '_') + '_')}"


def _of_column(parts: Sequence[Column]) -> Tag:
    """Parts of one tag, each file's in the order of its records."""
    whole = []
    for column in parts:
        at, step, time, value = (np.concatenate(one) for one in zip(*column.parts, strict=True))
        order = np.argsort(at, kind="stable")
        whole.append((at[order], step[order], time[order], value[order]))
    at, step, time, value = (np.concatenate(one) for one in zip(*whole, strict=True))
    return Tag(at, step.astype(np.float64), time, value, at + 1.0)


def _settings(files: Sequence[_File]) -> dict[str, Any]:
    """Settings of all files: those of add_hparams, and texts that are JSON objects."""
    found: dict[str, Any] = {}
    for file in files:
        for tag, text in file.events.texts:
            if _SETTINGS.search(tag) and isinstance(loaded := _json(text), dict):
                found |= {"model_config": loaded} if tag.startswith("model_config") else loaded
        found |= file.events.settings
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_of_tensorboard(source: Source) -> bool:
    return _MARK in source.data[:64]


readers.register("tensorboard")(
    Reader(
        _is_of_tensorboard,
        read_file,
        (_PATTERN, f"*/{_PATTERN}", f"*/*/{_PATTERN}"),
        rank=1,
        folder=read_folder,
    )
)
