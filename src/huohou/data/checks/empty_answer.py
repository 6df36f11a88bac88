"""Rows whose answer is empty teach the model to say nothing."""

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding, rows, share
from huohou.record.finding import Finding


@check("empty-answer")
def empty_answer(found: CheckInput) -> Finding | None:
    """Answers without a visible character."""
    empty = [
        i
        for i, row in enumerate(found.train)
        if any(m.role == "assistant" and not m.content.strip() for m in row.messages)
    ]
    if not empty:
        return None
    total = len(found.train)
    shown = rows(found.train, empty)
    return finding("empty-answer", "error", shown, count=len(empty), share=share(len(empty), total))
