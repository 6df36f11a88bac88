"""Pieces the checks share: examples as evidence, the texts of a finding by its code."""

from collections.abc import Sequence
from typing import Any

from huohou.data.dataset import Dataset
from huohou.data.labels import LabelledRow
from huohou.data.normal import shorten
from huohou.record.finding import Advice, Evidence, Finding, Severity
from huohou.text import say

SHOWN = 5  # examples a finding lists
STEP = 64  # a suggested length limit is a multiple of this


def finding(
    code: str,
    severity: Severity,
    evidence: Sequence[Evidence],
    *,
    set: dict[str, Any] | None = None,
    reference: str = "",
    tier: str = "data",
    **fields: object,
) -> Finding:
    """A finding whose title, why and advice are the sentences ``check.CODE.title`` and so on."""
    return Finding(
        code,
        severity,
        "config" if tier == "config" else "data",
        say(f"check.{code}.title", **fields),
        say(f"check.{code}.why", **fields),
        tuple(evidence),
        (Advice(say(f"check.{code}.advice", **fields), set),),
        reference=reference,
    )


def rows(dataset: Dataset, indices: Sequence[int]) -> list[Evidence]:
    """The first rows of these indices by place and question, and how many more there are."""
    shown = [
        Evidence(f"{dataset.place(i)}: {shorten(dataset.rows[i].question)}")
        for i in indices[:SHOWN]
    ]
    return shown + more(len(indices))


def more(count: int) -> list[Evidence]:
    """A line for the examples that are not shown, none when all are."""
    if count <= SHOWN:
        return []
    return [Evidence(say("check.more", count=count - SHOWN))]


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent, never rounded to 0 % or 100 %.

    >>> share(1, 1000), share(999, 1000), share(1, 4)
    ('0.1%', '99.9%', '25%')
    """
    percent = 100 * part / whole
    exact = f"{percent:.2g}" if percent < 10 else f"{percent:.0f}"
    if part < whole and round(percent) == 100:
        exact = f"{min(percent, 99.9):.1f}"
    return f"{exact}%"


def needed_length(cut: Sequence[LabelledRow]) -> int:
    """The least ``train.max_length`` for rows that were cut, a multiple of STEP.

    Cut rows are full to the limit; what they lost at least must fit behind it.
    """
    longest = max(len(row.ids) + row.lost for row in cut)
    return -(-longest // STEP) * STEP
