"""Job folders that grow without telling the database: it is told for them.

A supervisor does that itself. It cannot where its machine has another database, or the disk was
full; and nobody does for a folder that was copied into the workspace.
"""

from collections.abc import Iterator
from pathlib import Path

from huohou.record.listing import Taken
from huohou.record.recorder import ACTIVE
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, JOURNAL, bytes_of, job_folders

_Sizes = tuple[int, int]


class CatchingUp:
    """Looks at the folders of a workspace again and again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stamp: object = None
        self._taken: Taken = {}
        self._before: dict[str, _Sizes] = {}  # sizes at the last look, where it was behind
        self._refused: dict[str, _Sizes] = {}  # no job, or a copy of one

    def look(self, everything: bool = True) -> None:
        """Take in what the database did not know at the last look and does not know now either.

        everything: all folders, else those of jobs that train or wait.
        """
        stamp = self._store.stamp()
        if stamp is None or stamp != self._stamp:
            self._taken, self._stamp = self._store.taken_of_all(), stamp
        before, self._before = self._before, {} if everything else dict(self._before)
        for folder in list(self._folders(everything)):
            name, sizes = folder.name, _sizes(folder)
            taken = self._taken_of(name)
            if taken is not None and not _is_more(sizes, taken):
                self._before.pop(name, None)
            elif taken is None or _is_more(before.get(name, taken), taken):
                self._take_in(folder, sizes)
            else:
                self._before[name] = sizes

    def _folders(self, everything: bool) -> Iterator[Path]:
        if everything:
            yield from job_folders(self._store.workspace)
            return
        for name, (state, _) in self._taken.items():
            if state in ACTIVE or state == "queued":
                yield self._store.workspace / name

    def _taken_of(self, name: str) -> _Sizes | None:
        if name not in self._taken:
            return None
        files = self._taken[name][1]
        return files.get(EVENTS, 0), files.get(JOURNAL, 0)

    def _take_in(self, folder: Path, sizes: _Sizes) -> None:
        if self._refused.get(folder.name) == sizes:
            return
        self._refused.pop(folder.name, None)
        number = self._store.take_in(folder)
        # A line that is being written stays behind, too: it is tried again when it has grown.
        taken = self._store.taken(number) if number is not None else {}
        if number is None or _is_more(sizes, (taken.get(EVENTS, 0), taken.get(JOURNAL, 0))):
            self._refused[folder.name] = sizes


def _is_more(sizes: _Sizes, than: _Sizes) -> bool:
    return sizes[0] > than[0] or sizes[1] > than[1]


def _sizes(folder: Path) -> _Sizes:
    return bytes_of(folder / EVENTS), bytes_of(folder / JOURNAL)
