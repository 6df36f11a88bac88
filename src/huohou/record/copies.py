"""The copies that a run keeps of itself in a storage, in a folder of its own name.

``checkpoints/`` has manifests and the folders they name (``manifests.py``), beside it are copies of
``plan.json``, ``events.jsonl`` and ``job.jsonl``. Only what this run wrote is ever deleted: its
folder's name and its manifests carry the run's own mark.
"""

import contextlib
import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path, PurePath
from typing import Any

from huohou.errors import DataError
from huohou.record import checkpoints, manifests
from huohou.record.checkpoints import Checkpoint, Damaged
from huohou.record.manifests import Listed, Manifest
from huohou.record.storage import Storage
from huohou.record.workspace import EVENTS, JOURNAL, PLAN
from huohou.text import say

FETCHING = ".fetching"
RECORD = (PLAN, EVENTS, JOURNAL)
# told(bytes done, bytes of all): called after each file.
Told = Callable[[int, int], None]


def mark_of(folder: Path) -> str:
    """What tells a run from all others, whatever their numbers and names: 8 hex digits.

    Of the line with which its journal began, which holds the plan and the moment.
    """
    for file in (JOURNAL, PLAN):
        with contextlib.suppress(FileNotFoundError), (folder / file).open("rb") as source:
            raw = source.readline() if file == JOURNAL else source.read()
            return hashlib.sha256(raw).hexdigest()[:8]
    raise DataError("storage.no_run", folder=folder)


class Copies:
    """The copies of the run in a job's folder; storage: where all runs are kept.

    Every method raises StoreError where the storage cannot be reached.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.run = mark_of(folder)
        self.folder = folder
        self.name = f"{folder.resolve().name}-{self.run}"
        self.storage = storage.under(self.name)
        self.address = self.storage.address

    def save(
        self, path: Path, limit: int, goes_on: Callable[[int, int], bool] = lambda *_: True
    ) -> Manifest:
        """Copy a checkpoint, then the record, then drop copies that are more than limit.

        goes_on: asked before each file, with the bytes done and of all. Raises FileNotFoundError
        for a checkpoint that is not there any more, InterruptedError when it does not go on.
        """
        whole = _manifest(path, self.run)
        done = 0
        for name, listed in whole.files.items():
            if not goes_on(done, whole.bytes):
                raise InterruptedError
            self.storage.put(path / name, self._at(f"{whole.folder}/{name}"))
            done += listed.bytes
        self.storage.write(self._at(manifests.name_for(whole.step)), whole.dumps())
        self.record()
        self.prune(limit, whole.best)
        return whole

    def record(self) -> None:
        """Copy plan, events and journal as they are now."""
        for name in RECORD:
            if (self.folder / name).is_file():
                self.storage.replace(self.folder / name, name)

    def whole(self) -> list[Manifest]:
        """Checkpoints with a sound manifest of ours, the newest first; no file is looked at yet."""
        names = [n for n in self.storage.names(checkpoints.FOLDER) if manifests.step_of(n)]
        found = (self._manifest(name) for name in names)
        ours = [one for one in found if one is not None and one.run == self.run]
        return sorted(ours, key=lambda one: -one.step)

    def bring(
        self, after: int | None, told: Told = lambda *_: None, but: Collection[int] = ()
    ) -> tuple[Checkpoint | None, list[str]]:
        """Fetch the newest whole checkpoint into the job's folder, and that of the best evaluation
        with it; what was wrong with others.

        after: only those of a later update; but: none of these updates; told: how far it is.
        """
        notes: list[str] = []
        there = [one for one in self.whole() if one.step not in but]
        for one in there:
            if after is not None and one.step <= after:
                break
            try:
                found = self.fetch(one, told)
            except DataError as error:
                notes.append(str(error))
                continue
            return found, notes + self._bring_best(one, there, told)
        return None, notes

    def _bring_best(self, last: Manifest, there: Sequence[Manifest], told: Told) -> list[str]:
        notes: list[str] = []
        for one in there:
            here = self.folder / checkpoints.FOLDER / checkpoints.name(one.step)
            if one.step == last.best and one.step < last.step and not here.is_dir():
                try:
                    self.fetch(one, told)
                except DataError as error:
                    notes.append(str(error))
        return notes

    def fetch(self, whole: Manifest, told: Told = lambda *_: None) -> Checkpoint:
        """A copy in the job's folder, every byte of it checked. Raises DataError that names the
        file that is not as it was written."""
        place = self.folder / checkpoints.FOLDER
        staging = place / FETCHING
        shutil.rmtree(staging, ignore_errors=True)
        try:
            at = staging / checkpoints.name(whole.step)
            self._get(whole, at, told)
            if not _lists_the_same(whole, at):
                raise self._damaged(whole, say("checkpoint.bad_file", file=checkpoints.SEAL))
            found = checkpoints.open_checkpoint(at)
            if isinstance(found, Damaged):
                raise self._damaged(whole, found.problem)
            final = place / found.path.name
            if final.exists():
                checkpoints.set_aside(final, "damaged")
            found.path.rename(final)
            return Checkpoint(final, found.step, found.contract)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def disown(self, steps: Collection[int]) -> None:
        """These are good for nothing: never take them again."""
        for one in self.whole():
            if one.step in steps:
                self.storage.drop(self._at(manifests.name_for(one.step)))

    def prune(self, limit: int, best: int | None) -> None:
        """Drop copies beyond limit, and what a copy left that was not finished."""
        kept = self.whole()
        over = manifests.surplus((one.step for one in kept), limit, best)
        for step in over:
            self.storage.drop(self._at(manifests.name_for(step)))
        named = {one.folder for one in kept if one.step not in over}
        for name in self.storage.names(checkpoints.FOLDER):
            if name not in named and manifests.is_folder_of(name, self.run):
                self.storage.drop(self._at(name))

    def _get(self, whole: Manifest, into: Path, told: Told) -> None:
        done = 0
        for name, listed in whole.files.items():
            file, at = into / name, self._at(f"{whole.folder}/{name}")
            file.parent.mkdir(parents=True, exist_ok=True)
            # Its size is asked first: a file that is far too large is not fetched.
            if self.storage.size(at) != listed.bytes:
                raise self._damaged(whole, say("checkpoint.bad_file", file=name))
            with contextlib.suppress(FileNotFoundError):  # gone in this moment
                self.storage.get(at, file)
            if not file.is_file() or not checkpoints.is_as(file, listed.bytes, listed.sha256):
                raise self._damaged(whole, say("checkpoint.bad_file", file=name))
            done += listed.bytes
            told(done, whole.bytes)

    def _manifest(self, name: str) -> Manifest | None:
        with contextlib.suppress(FileNotFoundError):
            return manifests.loads(name, self.storage.read(self._at(name)))
        return None

    def _damaged(self, whole: Manifest, problem: str) -> DataError:
        path = f"{self.address}/{self._at(checkpoints.name(whole.step))}"
        return DataError("storage.damaged", path=path, problem=problem)

    def _at(self, name: str) -> str:
        return f"{checkpoints.FOLDER}/{name}"


def _manifest(path: Path, run: str) -> Manifest:
    """What a local checkpoint's copy must be, by its own list of files."""
    step = checkpoints.step_of(path)
    files = {PurePath(n).as_posix(): one for n, one in checkpoints.sealed(path).items()}
    seal = path / checkpoints.SEAL
    raw = seal.read_bytes()
    files[checkpoints.SEAL] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    listed = {name: Listed(one["bytes"], one["sha256"]) for name, one in files.items()}
    folder = f"{path.name}-{run}-{secrets.token_hex(4)}"
    return Manifest(run, step or 0, folder, listed, _best(path))


def _lists_the_same(whole: Manifest, path: Path) -> bool:
    """Whether a fetched checkpoint's own list names the files of its manifest and no others: names
    in it are trusted by all who read a checkpoint, and this one somebody else may have written."""
    if checkpoints.SEAL not in whole.files:
        return False
    own = {PurePath(name).as_posix() for name in checkpoints.sealed(path)}
    return own | {checkpoints.SEAL} == set(whole.files)


def _best(path: Path) -> int | None:
    """Update of the best evaluation, by a checkpoint's own state."""
    try:
        state: Any = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        return int(state["best_global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
