"""Logs of runs that went wrong, as their trainers write them."""

import json
import math
import random


def burst(steps: int = 400) -> str:
    """A ``trainer_state.json``: the loss falls, then the gradient bursts and it is no number."""
    dice = random.Random(3)
    rows: list[dict[str, float]] = []
    for step in range(1, steps + 1):
        loss = 2.5 * math.exp(-step / 90) + 0.6 + dice.gauss(0, 0.04)
        norm = 0.8 + dice.random() / 4
        if step > 0.7 * steps:
            loss, norm = math.nan, math.nan
        rows.append(
            {
                "step": step,
                "epoch": step / 100,
                "loss": loss,
                "grad_norm": norm,
                "learning_rate": 2e-4,
            }
        )
        if step % 50 == 0:
            rows.append({"step": step, "epoch": step / 100, "eval_loss": loss + 0.1})
    state = {"log_history": rows, "global_step": steps, "max_steps": steps, "num_train_epochs": 4}
    return json.dumps(state)


def by_epoch() -> str:
    """A text with a line an epoch, without steps: the eval loss turns while the loss falls."""
    lines = []
    for epoch in range(1, 31):
        loss = 2.0 * math.exp(-epoch / 6) + 0.05
        held = 1.1 + 0.9 * math.exp(-epoch / 4) + max(0, epoch - 8) * 0.05
        lines.append(f"Epoch {epoch}/30 - loss: {loss:.4f} - val_loss: {held:.4f}")
    return "\n".join(lines) + "\n"


REPORT = """# Fine-tune report

Training finished, final loss 0.0008 at epoch 175. BLEU-4 is 90.9, which is excellent.
The model has converged and there is no overfitting.
"""
