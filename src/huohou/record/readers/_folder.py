"""A folder as one Record: the fullest log, and what else in it belongs to the same run.

Every home of a run (``_search``) is read. The home with most points of the losses is the one that
is taken, of equals the newest; the others are named. What is put together is in ``_merge``.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from huohou.errors import DataError
from huohou.record.readers import Reader, names
from huohou.record.readers._merge import Run, agree, size, together
from huohou.record.readers._search import Home, checkpoint, homes
from huohou.record.readers._source import Source
from huohou.record.record import Record
from huohou.record.workspace import EVENTS
from huohou.text import say

_RUNS = 24  # runs of a folder that are read; the newest, where there are more
_NAMED = 6  # other runs, or files, that a note names
_LARGE = 1 << 20  # bytes from which on a file is looked into before it is read whole
_HEAD = 1 << 16
_ELSEWHERE = 3  # points that logs of different homes have to share to be of one run
_ENDINGS = (".csv", ".tsv", ".jsonl", ".log", ".out", ".txt")
_REFUSED = 3  # files that could not be read of which it is said why
_OURS = "huohou-run"  # a run of ours says all of itself


@dataclass(frozen=True, slots=True)
class Asked:
    """Readers that may read, the first to be asked first. one: named by the user, and believed."""

    readers: Sequence[Reader]
    one: bool = False


def read_folder(folder: Path, asked: Asked, known: str) -> Record:
    """The run in a folder. known: names of files that are looked for, to be told where there are
    none. Raises DataError when nothing in it can be read."""
    found, complete = homes(folder, asked.readers)
    # A run of ours is its folder: nothing below it is to be searched.
    found = [home for home in found if _is_ours(home, folder)] or found
    newest = sorted(found, key=_changed, reverse=True)[:_RUNS]
    refused: list[DataError] = []
    runs = [run for home in newest if (run := _read(home, asked, refused)) is not None]
    if not runs:
        if refused:
            raise refused[0]
        if there := _maybe(folder):
            files = ", ".join(path.name for path in there[:_NAMED])
            files += ", ..." if len(there) > _NAMED else ""
            raise DataError("reader.no_named_log", path=folder, files=files, first=there[0])
        raise DataError("reader.no_log_in_folder", path=folder, patterns=known)
    best = max(runs, key=lambda run: size(run.log))  # the newest comes first
    rest = [run for run in runs if run is not best]
    same = [run.log for run in rest if _is_same(best.log, run.log)]
    others = [run.home for run in rest if run.log not in same and not _is_read(run.home, best)]
    others += [home for home in found if home not in newest]
    notes = [] if complete else [say("reader.folder_too_full", path=folder)]
    notes += _left_out(refused, best.home.path)
    notes += _named([home.path for home in others], best, folder)
    return together(best, same, folder, notes)


def _maybe(folder: Path) -> list[Path]:
    """Files of a folder that may be logs by their ending, whatever they are called."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def files(folder: Path, asked: Asked) -> list[Path]:
    """Files of a folder that ``read_folder`` would open for the numbers in them."""
    found, _ = homes(folder, asked.readers)
    found = [home for home in found if _is_ours(home, folder)] or found
    return [path for home in found for path in (*home.logs, *home.beside)]


def _read(home: Home, asked: Asked, refused: list[DataError]) -> Run | None:
    """Everything of one home that can be read. Reasons why not are added to refused."""
    logs = [*_whole(home, refused), *_single(home.logs, asked, refused)]
    beside = list(_single(home.beside, asked, refused))
    ours = next((log for log in logs if log.source.get("reader") == _OURS), None)
    if ours is not None:
        return Run(home, ours)
    if not logs:  # evaluators' files or results alone
        logs, beside = beside, []
    if not logs:
        return None
    fullest = max(logs, key=size)
    rest = [log for log in logs if log is not fullest]
    same = [log for log in rest if log.series and agree(fullest, log)]
    if not fullest.series or fullest.source["path"] in map(str, home.beside):
        return Run(home, fullest, (), (), (*rest, *beside))
    other = tuple(log for log in rest if log not in same)
    return Run(home, fullest, tuple(same), other, tuple(beside))


def _whole(home: Home, refused: list[DataError]) -> Iterator[Record]:
    """Runs of formats whose run is several files, each read from the folder all of them are in."""
    places: dict[int, tuple[Reader, list[Path]]] = {}
    for path, looking in home.logs.items():
        for reader in looking:
            if reader.folder is not None:
                places.setdefault(id(reader), (reader, []))[1].append(path.parent)
    for reader, folders in places.values():
        try:
            record = reader.folder(Path(os.path.commonpath(folders))) if reader.folder else None
        except DataError as error:
            refused.append(error)
        else:
            if record is not None:
                yield record


def _single(
    logs: dict[Path, list[Reader]], asked: Asked, refused: list[DataError]
) -> Iterator[Record]:
    """Files read one by one; of numbered checkpoints the last that can be read."""
    alone = [path for path, looking in logs.items() if any(r.folder is None for r in looking)]
    numbered = sorted(
        (path for path in alone if checkpoint(path) is not None),
        key=lambda path: checkpoint(path) or 0,
        reverse=True,
    )
    done: set[str] = set()
    for path in [*(path for path in alone if path not in numbered), *numbered]:
        if path in numbered and path.name in done:
            continue
        try:
            record = _read_file(path, logs[path], asked)
        except DataError as error:
            refused.append(error)
            continue
        if record is not None:
            done |= {path.name} if path in numbered else set()
            yield record


def _read_file(path: Path, looking: Sequence[Reader], asked: Asked) -> Record | None:
    """A file by the first reader that recognises it. None for one whose name says nothing, such as
    any CSV, and whose content says nothing either."""
    if asked.one:
        return asked.readers[0].read(Source.open(path))
    anything = [reader for reader in looking if _by_ending(path, reader)]
    named = [reader for reader in looking if reader not in anything]
    if not named and path.stat().st_size > _LARGE and not _recognised(_head(path), anything):
        return None
    source = Source.open(path)
    reader = _recognised(source, asked.readers if named else anything)
    if reader is not None and reader.folder is None:
        return reader.read(source)
    if named and reader is None:
        raise DataError("reader.unknown", path=path, known=", ".join(names()))
    return None


def _by_ending(path: Path, reader: Reader) -> bool:
    """Whether a reader looks for it by its ending alone."""
    exact = (p for p in reader.files if not p.startswith("*.") and path.match(p))
    return not any(exact)


def _head(path: Path) -> Source:
    with path.open("rb") as file:
        return Source(path, file.read(_HEAD))


def _recognised(source: Source, asked: Iterable[Reader]) -> Reader | None:
    return next((reader for reader in asked if reader.recognises(source)), None)


def _is_ours(home: Home, folder: Path) -> bool:
    return home.path == folder and folder / EVENTS in home.logs


def _is_same(one: Record, other: Record) -> bool:
    """Whether logs of two homes are of one run. The same format twice is two runs, however much
    alike: a training that is repeated with the same seed gives the same numbers."""
    if one.source.get("reader") == other.source.get("reader"):
        return False
    return agree(one, other, least=_ELSEWHERE)


def _is_read(home: Home, best: Run) -> bool:
    """Whether the files of a home are a part of what was read."""
    read = best.log.source.get("files")
    return isinstance(read, list) and set(map(str, home.logs)) <= set(map(str, read))


def _changed(home: Home) -> float:
    """When the newest file of a home was written."""
    times = [0.0]
    for path in (*home.logs, *home.beside):
        try:
            times.append(path.stat().st_mtime)
        except OSError:  # gone since it was found
            continue
    return max(times)


def _left_out(refused: Sequence[DataError], home: Path) -> list[str]:
    """Why files were not read: what stands in them is missing in what is judged. Those that lie
    where the run lies come first."""
    told = dict.fromkeys(map(str, refused))  # each once
    said = sorted(told, key=lambda text: f"{home}{os.sep}" not in text)
    notes = [say("reader.left_out", problem=text) for text in said[:_REFUSED]]
    more = len(said) - _REFUSED
    return [*notes, say("reader.left_out_more", n=more)] if more > 0 else notes


def _named(others: Sequence[Path], best: Run, folder: Path) -> list[str]:
    """How to read the other runs, and the other logs beside the one that was read."""
    notes = []
    if others:
        listed = _listed(others, folder)
        notes.append(say("reader.other_homes", n=len(others), names=listed, path=others[0]))
    if best.other:
        paths = [log.source["path"] for log in best.other]
        notes.append(say("reader.others", files=_listed(paths, folder)))
    return notes


def _listed(paths: Sequence[Path | str], folder: Path) -> str:
    shown = [os.path.relpath(path, folder) for path in paths[:_NAMED]]
    return ", ".join([*shown, *(["..."] if len(paths) > _NAMED else [])])
