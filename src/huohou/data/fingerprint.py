"""sha256 of what a run depends on, so that "the same data" can be checked and not remembered."""

import hashlib
import json
from collections.abc import Iterable

from huohou.data.dataset import Row


def fingerprint(*parts: str) -> str:
    """sha256 over strings, their borders included, as 64 hex digits: a template, a vocabulary.

    >>> fingerprint("a", "b") == fingerprint("ab")
    False
    """
    canonical = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def fingerprint_row(row: Row) -> str:
    """sha256 of the row's normal form: its roles and contents, and nothing else."""
    return fingerprint(*(part for m in row.messages for part in (m.role, m.content)))


def fingerprint_rows(rows: Iterable[Row]) -> str:
    """sha256 of rows in their order. File name, format and extra columns do not change it."""
    return fingerprint(*map(fingerprint_row, rows))
