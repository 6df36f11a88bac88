"""Tables and documents that a page's questions are answered from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huohou.api.askable import Askable, askable
from huohou.api.common import workspace
from huohou.errors import UsageError

TABLE_SUFFIXES = (".csv", ".tsv", ".xlsx", ".xlsm", ".db", ".sqlite")
EXAMPLE = "bank_codes/branches.csv"


def sources(tables: Sequence[str]) -> dict[str, Any]:
    """Tables and documents to choose from: those of runs, the example's, and what was uploaded."""
    from huohou.api.places import DOCUMENTS, UPLOADS
    from huohou.assets import example

    try:
        shown = [*tables, str(example(EXAMPLE))]
    except UsageError:  # installed without examples
        shown = list(tables)
    folder = (workspace() / UPLOADS).resolve()
    uploads = sorted(folder.iterdir()) if folder.is_dir() else []
    shown += [str(path) for path in uploads if path.suffix in TABLE_SUFFIXES]
    texts = [str(path) for path in uploads if path.suffix in DOCUMENTS]
    return {"tables": list(dict.fromkeys(shown)), "documents": texts}


def table_of(asked: Askable | None, table: str | None) -> str:
    """The table that is asked: one that is named, else that of a model's run. Raises UsageError.

    A table that a run names may be named too, wherever it lies: its owner has let huohou read it.
    """
    from huohou.api.places import allowed_settings

    if table is not None and table in (one.facts for one in askable()):
        return table
    if table is not None:
        return str(allowed_settings({"data.facts": table})["data.facts"])
    if asked is None or asked.job is None:
        raise UsageError("ask.no_table")
    if not asked.facts:
        raise UsageError("ask.job_no_table", job=asked.id)
    return asked.facts


def changed(source: str) -> float:
    """When a file, or the newest file of a folder, was written."""
    place = Path(source)
    paths = [place] if place.is_file() else [place, *place.rglob("*")]
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)
