"""Where the token that ends a turn is not trained, the tuned model does not stop."""

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding, rows, share
from huohou.record.finding import Finding


@check("missing-eos", "tokens")
def missing_eos(found: CheckInput) -> Finding | None:
    """Answers whose last trained token is not the model's end-of-turn token."""
    labelled = found.labelled_train or ()
    endless = [i for i, row in enumerate(labelled) if not all(row.ends)]
    if not endless:
        return None
    return finding(
        "missing-eos",
        "error",
        rows(found.train, endless),
        count=len(endless),
        share=share(len(endless), len(labelled)),
    )
