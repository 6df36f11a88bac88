"""Benign look-alikes: healthy runs with a feature that looks like a fault and is none."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.faultbench.draft import Draft, Life
from bench.faultbench.faults._kinds import at, hooked, looped, watched


@dataclass(frozen=True)
class Look:
    """A look-alike. sound: whether its truth must be that of a healthy run."""

    name: str
    plant: Callable[[Draft], None]
    needs: Callable[[Draft], bool] = looped
    family: str | None = "lm"
    sound: bool = True


def _dropout(draft: Draft) -> None:
    """Dropout works in training alone, so that the evaluation loss is the lower one."""
    watched(draft, 8, 40)
    draft.dropout, draft.window = 0.25, True
    draft.note = "dropout of a quarter: evaluation below training"


def _restarts(draft: Draft) -> None:
    """A cosine that begins again three times: the rate and the loss jump."""
    watched(draft, 8, 60)
    draft.log_lr, draft.schedule = True, "cosine_with_restarts"
    draft.hooks.rate = lambda step, total: 0.5 * (1 + math.cos(math.pi * (3 * step / total % 1)))
    draft.facts |= {"lr_scheduler": "cosine_with_restarts", "num_cycles": 3}
    draft.note = "three cycles of a cosine"


def _curriculum(draft: Draft) -> None:
    """Short answers first, then those with desks, which are harder: the loss jumps once."""
    watched(draft, 8, 60)
    draft.desks, draft.num_epochs = 0.5, 1.0
    draft.rows = max(draft.rows, 400)
    draft.batch_size = max(draft.batch_size, 8)
    while draft.updates > 150:
        draft.rows //= 2

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        return sorted(train, key=lambda row: "desk" in row.answer), held

    draft.hooks.rows, draft.in_order = rows, True
    draft.note = "easy rows first"


def _staircase(draft: Draft) -> None:
    """Three passes over rows with some that can only be learnt by heart: steps at each pass."""
    watched(draft, 6, 60)
    draft.num_epochs, draft.rows = 3.0, max(200, draft.rows // 2)
    draft.desks, draft.window, draft.accumulation = 0.3, True, 1
    draft.note = "three passes, the loss falls where a pass begins"


def _resumed(draft: Draft) -> None:
    """Stopped twice and taken up each time with weights, optimizer and schedule."""
    watched(draft, 8, 50)
    draft.log_lr = True
    one, two = at(draft, 0.35), at(draft, 0.7)
    draft.lives = [Life(0, one), Life(one, two), Life(two, draft.updates)]
    draft.note = f"resumed as it should be at updates {one} and {two}"


def _rewound(draft: Draft) -> None:
    """A resume from an earlier checkpoint: some steps are in the log twice."""
    watched(draft, 8, 50)
    draft.log_lr = True
    saved, died = at(draft, 0.5), at(draft, 0.58)
    draft.lives = [Life(0, died), Life(saved, draft.updates, weights="saved", saved=saved)]
    draft.note = f"died at update {died}, taken up at the checkpoint of {saved}"


def _tiny_eval(draft: Draft) -> None:
    """Nine rows to evaluate on: the curve jumps."""
    watched(draft, 15, 40)
    draft.eval_rows = 9
    draft.note = "nine evaluation rows"


def _converged(draft: Draft) -> None:
    """A second run from weights that have learnt it already, at a low rate: little moves."""
    watched(draft, 8, 30)
    draft.warm = 160
    draft.learning_rate *= 0.1
    draft.note = "starts from weights that were trained on such rows"


def _small_batch(draft: Draft) -> None:
    """Two rows an update, every update logged by itself."""
    watched(draft, 6, 150)
    draft.batch_size, draft.accumulation, draft.window = 2, 1, False
    draft.rows = min(draft.rows, 360)
    draft.num_epochs, draft.learning_rate = 1.0, draft.learning_rate / 2
    while draft.updates > 260:
        draft.rows = draft.rows * 3 // 4
    draft.note = "two rows an update, not averaged"


def _skipped(draft: Draft) -> None:
    """One overflow whose update was left out, as loss scaling does."""
    watched(draft, 6, 60)
    draft.log_grad, when = True, at(draft, 0.45)
    draft.log_points = draft.updates
    draft.facts["dtype"] = "bf16"

    draft.skip = when
    draft.note = f"update {when} overflowed and was left out"


def _spikes(draft: Draft) -> None:
    """Rows now and then that are hard: gradients jump and are clipped."""
    watched(draft, 6, 80)
    draft.log_grad = True
    every = max(7, draft.updates // 6)
    draft.hooks.loss = lambda loss, step: loss * 8 if step % every == 0 else loss
    draft.max_grad_norm = 1.0
    draft.note = f"a loss eight times as high every {every} updates"


def _policy(draft: Draft) -> None:
    """The loss of a policy gradient, advantages of mean 0: it stays near 0 and need not fall."""
    watched(draft, 0, 40)
    draft.evals, draft.window = 0, True
    draft.learning_rate *= 0.5
    draft.policy = True
    draft.facts["loss_kind"] = "reward"
    draft.note = "a reward is raised, the loss stays near 0"


def _one_batch(draft: Draft) -> None:
    """A test of the set-up: one batch is learnt by heart, as its name says."""
    draft.rows, draft.batch_size, draft.accumulation = 8, 8, 1
    draft.num_epochs, draft.evals, draft.dropout = 100.0, 0, 0.0
    draft.schedule, draft.log_points = "constant", 50
    draft.facts |= {"name": "overfit-one-batch", "purpose": "overfit one batch"}
    draft.note = "one batch is learnt by heart on purpose"


def _second_stage(draft: Draft) -> None:
    """Stage 2 on hard negatives: the loss starts higher than stage 1 ended and falls little."""
    watched(draft, 8, 40)
    draft.loss_kind, draft.hard, draft.warm = "in-batch", True, 80
    draft.learning_rate *= 0.4
    draft.facts["stage"] = 2
    draft.note = "hard negatives, from weights of stage 1"


LOOKS: dict[str, Look] = {
    look.name: look
    for look in (
        Look("dropout", _dropout, hooked),
        Look("cosine-restarts", _restarts, hooked),
        Look("curriculum", _curriculum),
        Look("staircase", _staircase, hooked),
        Look("resumed", _resumed, looped, None),
        Look("rewound", _rewound),
        Look("tiny-eval", _tiny_eval, hooked),
        Look("converged", _converged, looped, None, sound=False),
        Look("small-batch", _small_batch, hooked),
        Look("skipped-overflow", _skipped),
        Look("gradient-spikes", _spikes, hooked),
        Look("policy", _policy, looped, "lm", sound=False),
        Look("one-batch", _one_batch, hooked, "lm", sound=False),
        Look("second-stage", _second_stage, looped, "embedding", sound=False),
    )
}
