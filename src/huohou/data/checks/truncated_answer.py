"""Answers cut by the length limit: the model learns to stop in the middle, or never to stop."""

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding, rows, share
from huohou.record.finding import Finding, Severity

SERIOUS = 0.05  # part of the rows; measured nowhere, chosen: one in twenty is no accident
STEP = 64  # a suggested limit is a multiple of this


@check("truncated-answer", "tokens")
def truncated_answer(found: CheckInput) -> Finding | None:
    """Rows with answer tokens beyond ``train.max_length``."""
    labelled = found.labelled_train or ()
    cut = [i for i, row in enumerate(labelled) if row.lost]
    if not cut:
        return None
    # Cut rows are full to the limit; what was lost of them at least must fit.
    longest = max(len(labelled[i].ids) + labelled[i].lost for i in cut)
    needed = -(-longest // STEP) * STEP
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
