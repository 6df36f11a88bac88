"""One system prompt on every row: not a fault, and computed once a batch here."""

from collections import Counter
from collections.abc import Sequence

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding
from huohou.data.labels import LabelledRow
from huohou.data.normal import shorten
from huohou.record.finding import Evidence, Finding
from huohou.text import say

SHARE = 0.5  # of the rows must carry the prompt
DEFAULT_BATCH = 16
WORTH = 1.05  # times faster; less is not worth a word


@check("repeated-system-prompt")
def repeated_system_prompt(found: CheckInput) -> Finding | None:
    """Says what sharing the prompt's computation saves; in tokens where there are any."""
    counts = Counter(row.system for row in found.train if row.system)
    prompt, count = counts.most_common(1)[0] if counts else ("", 0)
    if count < 2 or count < SHARE * len(found.train):
        return None
    batch = min(found.batch_size or DEFAULT_BATCH, count)
    shared, length, unit = _measured(found, prompt)
    faster = batch * length / (shared + batch * (length - shared)) if shared else 1.0
    if faster < WORTH:
        return None
    return finding(
        "repeated-system-prompt",
        "info",
        [Evidence(f"{shared} {unit}: {shorten(prompt)}", value=float(shared))],
        count=count,
        rows=len(found.train),
        batch=batch,
        faster=f"{faster:.1f}",
        saved=f"{1 - 1 / faster:.0%}",
    )


def _measured(found: CheckInput, prompt: str) -> tuple[int, float, str]:
    """What rows with this prompt share, their mean length, and the unit of both."""
    carriers = [i for i, row in enumerate(found.train) if row.system == prompt]
    if found.labelled_train is None:
        lengths = [sum(len(m.content) for m in found.train.rows[i].messages) for i in carriers]
        return len(prompt), sum(lengths) / len(lengths), say("check.unit.characters")
    labelled = [row for row in map(found.labelled_train.__getitem__, carriers) if row.trained]
    if not labelled:
        return 0, 0.0, say("check.unit.tokens")
    mean = sum(len(row.ids) for row in labelled) / len(labelled)
    return _prefix(labelled), mean, say("check.unit.tokens")


def _prefix(labelled: Sequence[LabelledRow]) -> int:
    """Tokens all rows begin with, none of them trained."""
    low, high = min(row.ids for row in labelled), max(row.ids for row in labelled)
    differ = (k for k, (one, other) in enumerate(zip(low, high, strict=False)) if one != other)
    common = next(differ, min(len(low), len(high)))
    return min(common, *(_untrained(row) for row in labelled))


def _untrained(row: LabelledRow) -> int:
    return next((k for k, trained in enumerate(row.labels) if trained), len(row.labels))
