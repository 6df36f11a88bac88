"""Rows on which nothing is trained cost time and teach nothing."""

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding, needed_length, rows, share
from huohou.record.finding import Finding


@check("no-trainable-tokens", "tokens")
def no_trainable_tokens(found: CheckInput) -> Finding | None:
    """Rows without one labelled token: the prompt alone fills the limit, or nothing is answered."""
    labelled = found.labelled_train or ()
    idle = [i for i, row in enumerate(labelled) if not row.trained]
    if not idle:
        return None
    filled = [labelled[i] for i in idle if labelled[i].lost]
    return finding(
        "no-trainable-tokens",
        "error",
        rows(found.train, idle),
        set={"train.max_length": needed_length(filled)} if filled else None,
        count=len(idle),
        share=share(len(idle), len(labelled)),
        filled=len(filled),
    )
