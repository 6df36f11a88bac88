"""Answers cut by the length limit: the model learns to stop in the middle, or never to stop."""

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding, needed_length, rows, share
from huohou.record.finding import Finding, Severity

SERIOUS = 0.05  # part of the rows; measured nowhere, chosen: one in twenty is no accident


@check("truncated-answer", "tokens")
def truncated_answer(found: CheckInput) -> Finding | None:
    """Rows whose answer goes on beyond ``train.max_length``; of none is all beyond it."""
    labelled = found.labelled_train or ()
    cut = [i for i, row in enumerate(labelled) if row.lost and row.trained]
    if not cut:
        return None
    needed = needed_length([labelled[i] for i in cut])
    severity: Severity = "error" if len(cut) > SERIOUS * len(labelled) else "warning"
    return finding(
        "truncated-answer",
        severity,
        rows(found.train, cut),
        set={"train.max_length": needed},
        count=len(cut),
        share=share(len(cut), len(labelled)),
        limit=found.max_length or len(labelled[cut[0]].ids),
        needed=needed,
        tokens=sum(labelled[i].lost for i in cut),
    )
