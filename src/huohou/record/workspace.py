"""The workspace and the names of what lies in it.

``$HUOHOU_HOME`` (default ``./runs``) holds ``huohou.db`` and one folder a job, ``23-bank-codes``.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

EVENTS = "events.jsonl"
JOURNAL = "job.jsonl"
PLAN = "plan.json"
TRAIN_LOG = "train.log"
SCORECARD = "scorecard.json"
HEARTBEAT = "heartbeat"
STOP = "stop"
RESERVE = ".reserve"
TRASH = "trash"

_FOLDER = re.compile(r"(\d{1,12})-")
_LONGEST = 40


def home() -> Path:
    """The workspace's folder; it need not exist yet."""
    return Path(os.environ.get("HUOHOU_HOME") or "runs")


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


def job_folders(workspace: Path) -> Iterator[Path]:
    """Folders of jobs, by number: those with a number and a journal."""
    if not workspace.is_dir():
        return
    numbered = ((number_of(path), path) for path in workspace.iterdir())
    for _, path in sorted((n, path) for n, path in numbered if n is not None):
        if (path / JOURNAL).is_file():
            yield path


def highest_number(workspace: Path) -> int:
    """Highest number a folder has, those in the trash included; 0 when there is none."""
    places = (workspace, workspace / TRASH)
    found = (number_of(p) for place in places if place.is_dir() for p in place.iterdir())
    return max((n for n in found if n is not None), default=0)
