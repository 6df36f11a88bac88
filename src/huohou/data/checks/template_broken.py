"""Whether the chat template gives back what was put in, and keeps earlier turns as they were."""

import unicodedata

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding, rows
from huohou.data.dataset import Row
from huohou.data.labels import ChatTokenizer, LabelledRow
from huohou.record.finding import Finding

SAMPLED = 200  # rows decoded again; a template fails on the first ones or on none


@check("template-broken", "tokens")
def template_broken(found: CheckInput) -> Finding | None:
    """Rows whose labels cannot be trusted: the template rewrites turns or loses their text.

    Some templates take the thoughts out of earlier turns, some drop the system prompt, some
    tokenizers have no token for a character: then what is trained is not what the data says.
    """
    labelled = found.labelled_train or ()
    rewritten = [i for i, row in enumerate(labelled) if not row.intact]
    lossy: list[int] = []
    if found.tokenizer is not None:
        sample = range(0, len(labelled), max(1, len(labelled) // SAMPLED))
        lossy = [i for i in sample if _loses(found.train.rows[i], labelled[i], found.tokenizer)]
    if not rewritten and not lossy:
        return None
    return finding(
        "template-broken",
        "error",
        rows(found.train, sorted({*rewritten, *lossy})),
        rewritten=len(rewritten),
        lossy=len(lossy),
    )


def _loses(row: Row, labelled: LabelledRow, tokenizer: ChatTokenizer) -> bool:
    """Whether a turn's text is not in the decoded row (white space and Unicode form aside)."""
    text = _plain(tokenizer.decode(labelled.ids))
    contents = [_plain(message.content) for message in row.messages]
    if labelled.lost or not labelled.trained:  # cut: the end is missing for another reason
        contents = contents[:1] if len(contents) > 2 else []
    return not all(content in text for content in contents)


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
