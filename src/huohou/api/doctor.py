"""The doctor for files that are handed in: they lie in a temporary folder, for one answer."""

import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from huohou.api.told import checked_line, read_lines
from huohou.errors import HuohouError, UsageError
from huohou.text import say

TEXT = "pasted.md"  # name of what was pasted
_LONGEST = 120  # characters of a name


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken in at most. size: bytes of all files; files: their number; deep: folders."""

    size: int = 64 << 20
    files: int = 2000
    deep: int = 8


class Patient:
    """Files that are examined and then gone. Used in a ``with`` block.

    Names come from anywhere: what would lead out of the folder or cannot be a name is made plain.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._place = tempfile.TemporaryDirectory(
            prefix="huohou-doctor-", ignore_cleanup_errors=True
        )
        self.folder = Path(self._place.name).resolve()
        self._left = self.limits.size
        self._names: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._place.cleanup()

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """One file; name: with the folders it was in. Raises UsageError beyond the limits."""
        if len(self._names) >= self.limits.files:
            raise UsageError("doctor.too_many", most=self.limits.files)
        path = self._free(self.folder / inner_path(name, self.limits.deep))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            for piece in pieces:
                self._left -= len(piece)
                if self._left < 0:
                    raise UsageError("doctor.too_large", most=self.limits.size >> 20)
                out.write(piece)
        self._names.append(path)

    def examine(self) -> dict[str, Any]:
        """What ``diagnose --json`` says of them, and what the page draws: see ``diagnose_here``.

        Raises UsageError where there is nothing, DataError where nothing can be read.
        """
        if not self._names:
            raise UsageError("doctor.nothing")
        try:
            told: dict[str, Any] = _shown(diagnose_here(self._root()), self.folder)
        except HuohouError as error:
            fields = {name: _shown(value, self.folder) for name, value in error.fields.items()}
            raise type(error)(error.key, **fields) from error
        return told

    def _root(self) -> Path:
        """The one file, or the one folder, that was handed in; else the folder of all."""
        if len(self._names) == 1:
            return self._names[0]
        tops = {path.relative_to(self.folder).parts[0] for path in self._names}
        flat = any(path.parent == self.folder for path in self._names)
        return self.folder if flat or len(tops) > 1 else self.folder / tops.pop()

    def _free(self, path: Path) -> Path:
        """A path that is not taken, by a file or by a file in the place of a folder."""
        for parent in reversed(path.relative_to(self.folder).parents):
            if (self.folder / parent).is_file():
                path = self.folder / "-".join(path.relative_to(self.folder).parts)
        tried: Iterator[Path] = (
            path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(2, 10_000)
        )
        return path if not path.exists() else next(one for one in tried if not one.exists())


def inner_path(name: str, deep: int = 8) -> Path:
    """A name from anywhere as a path below a folder.

    >>> print(inner_path("../../etc/passwd"), inner_path("C:\\\\run\\\\a.log"), inner_path("/"))
    etc/passwd C-/run/a.log file
    """
    parts = [_plain(part) for part in re.split(r"[/\\]+", name)]
    kept = [part for part in parts if part.strip(". ")]
    kept = [*kept[: deep - 1], kept[-1]] if len(kept) > deep else kept
    return Path(*kept) if kept else Path("file")


def _plain(part: str) -> str:
    part = unicodedata.normalize("NFC", part.encode("utf-8", "replace").decode())
    kept = "".join("-" if unicodedata.category(c)[0] == "C" or c in ':*?"<>|' else c for c in part)
    while len(kept.encode()) > _LONGEST:  # a long name keeps its end, by which a format is told
        kept = kept[1:]
    return kept.strip()


def diagnose_here(path: Path) -> dict[str, Any]:
    """The document of `diagnose --json` of a log or folder, with what a page shows beside it.

    ``words``: verdict, source, claims and criteria as sentences; ``needs``: what to give where it
    cannot judge; ``chart``: the series in buckets, see
    ``record.bucketed``; ``gates_file``, ``run_file``: a file of the gates and one of the settings
    advised as texts, None where there are none; ``page``: all of it as one page of HTML. Raises
    DataError.
    """
    from huohou.diagnose.engine import diagnose
    from huohou.diagnose.gates import gates_file
    from huohou.diagnose.next_run import run_file
    from huohou.record.bucketed import charted
    from huohou.record.events import plain
    from huohou.record.readers import read
    from huohou.report.diagnosis_page import page

    record = read(path)
    found = diagnose(record)
    more = {
        "words": _words(found.as_dict()),
        "needs": list(found.needs),
        "chart": charted(record),
        "gates_file": gates_file(found.gates) if found.gates else None,
        "run_file": run_file(record, found.findings),
        "page": page(record, found),
    }
    return found.as_dict() | dict(plain(more))


def _words(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says beside the findings."""
    verdict = told["verdict"]
    return {
        "verdict": say(f"diagnose.verdict.{verdict}"),
        "means": say(f"diagnose.means.{verdict}"),
        "read": list(read_lines(told["source"])),
        "claims": [say(f"claim.verdict.{one['verdict']}") for one in told["claims"]],
        "criteria": [checked_line(one) for one in told["criteria"]],
    }


def _shown(value: Any, folder: Path) -> Any:
    """The same without the name of the temporary folder, wherever it stands."""
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        return value.replace(f"{folder}/", "").replace(str(folder), ".")
    if isinstance(value, dict):
        return {key: _shown(item, folder) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item, folder) for item in value]
    return value
