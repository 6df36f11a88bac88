"""The workspace and the names of what lies in it.

``$HUOHOU_HOME`` (default ``./runs``) holds ``huohou.db`` and one folder a job, ``23-bank-codes``.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path

EVENTS = "events.jsonl"
JOURNAL = "job.jsonl"
PLAN = "plan.json"
TRAIN_LOG = "train.log"
SCORECARD = "scorecard.json"
ANSWERS = "answers.jsonl"
HEARTBEAT = "heartbeat"
STOP = "stop"
RESERVE = ".reserve"
TRASH = "trash"
BACKUP = "backup"
LOGS = "logs"
HIGHEST = ".highest"

_FOLDER = re.compile(r"(\d{1,12})-")
_LONGEST = 40


def home() -> Path:
    """The workspace's folder; it need not exist yet."""
    return Path(os.environ.get("HUOHOU_HOME") or "runs")


def day_log(workspace: Path, day: date) -> Path:
    """The log of everything that happens in a workspace on that day."""
    return workspace / LOGS / f"huohou-{day:%Y-%m-%d}.log"


def slug(name: str) -> str:
    """Name as part of a folder's name: letters of every script and digits stay.

    >>> slug("Bank codes: 2nd try"), slug("行号 问答"), slug("../..")
    ('bank-codes-2nd-try', '行号-问答', 'run')
    """
    letters = (
        c if unicodedata.category(c)[0] in "LMN" else "-"
        for c in unicodedata.normalize("NFC", name).lower()
    )
    return re.sub("-+", "-", "".join(letters))[:_LONGEST].strip("-") or "run"


def number_of(folder: Path) -> int | None:
    """Number a job's folder begins with; None when it is no such name."""
    found = _FOLDER.match(folder.name)
    return int(found[1]) if found else None


def bytes_of(path: Path) -> int:
    """Length of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def job_folders(workspace: Path) -> Iterator[Path]:
    """Folders of jobs, by number: those with a number and a journal."""
    if not workspace.is_dir():
        return
    numbered = ((number_of(path), path) for path in workspace.iterdir())
    for _, path in sorted((n, path) for n, path in numbered if n is not None):
        if (path / JOURNAL).is_file():
            yield path


def highest_number(workspace: Path) -> int:
    """Highest number a job has had, those put away included; 0 when there is none."""
    places = (workspace, workspace / TRASH, workspace / BACKUP)
    found = (number_of(p) for place in places if place.is_dir() for p in place.iterdir())
    return max([_kept_number(workspace), *(n for n in found if n is not None)])


def keep_numbers(workspace: Path) -> None:
    """Remember the highest number, so that it is not given again when the trash is emptied."""
    (workspace / HIGHEST).write_text(str(highest_number(workspace)), encoding="ascii")


def _kept_number(workspace: Path) -> int:
    try:
        return int((workspace / HIGHEST).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
