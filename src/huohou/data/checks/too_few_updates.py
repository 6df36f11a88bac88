"""How many optimizer updates the data make; a handful teaches nothing."""

import math

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import finding
from huohou.record.finding import Evidence, Finding
from huohou.text import say

ENOUGH = 50
REFERENCE = "https://github.com/hiyouga/LlamaFactory/issues/4552 (35 updates: nothing learnt)"


@check("too-few-updates", "settings")
def too_few_updates(found: CheckInput) -> Finding | None:
    """Updates = rows / batch size, rounded up, times epochs; warned of below ENOUGH."""
    if found.batch_size is None or found.num_epochs is None:
        return None
    per_epoch = math.ceil(len(found.train) / found.batch_size)
    updates = math.ceil(per_epoch * found.num_epochs)
    if updates >= ENOUGH:
        return None
    epochs = math.ceil(ENOUGH / per_epoch)
    text = say(
        "check.too-few-updates.count",
        rows=len(found.train),
        batch=found.batch_size,
        epochs=f"{found.num_epochs:g}",
        updates=updates,
    )
    return finding(
        "too-few-updates",
        "warning",
        [Evidence(text, value=float(updates))],
        set={"train.num_epochs": epochs},
        reference=REFERENCE,
        tier="config",
        updates=updates,
        epochs=epochs,
        enough=ENOUGH,
    )
