"""When the memory does not suffice: the same update in smaller pieces.

An update is a sum over its rows, so cutting it into more micro-batches changes what is held at
once and not what is learnt. The ladder: halve the micro-batch, down to one row; then compute the
inner values again in the backward pass (Chen et al., arXiv 1604.06174), which turns prefix sharing
off; then it is said what is left to change.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from huohou.errors import HuohouError
from huohou.recipes.batches import Budget, MicroBatch

T = TypeVar("T")

_NAMES = ("OutOfMemoryError", "MemoryError")
_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")


@dataclass(frozen=True, slots=True)
class Frugal:
    """How an update is cut: the budget, and whether inner values are computed again."""

    budget: Budget
    recompute: bool = False


class NotEnoughMemoryError(HuohouError):
    """Nothing is left to make smaller; says by numbers what to change."""

    exit_code = 1


def is_out(error: BaseException | None) -> bool:
    """Whether an error, or one it came from, means that there was not enough memory."""
    while error is not None:
        if type(error).__name__ in _NAMES or any(w in str(error).lower() for w in _WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def until_it_fits(attempt: Callable[[], T], shrink: Callable[[BaseException], None]) -> T:
    """What the first attempt gives that has memory enough.

    shrink: called with what was lacking before each further attempt, which begins from the same
    random state; it raises NotEnoughMemoryError when nothing is left to make smaller.
    """
    import torch

    state = torch.get_rng_state()
    while True:
        try:
            return attempt()
        except (RuntimeError, MemoryError) as error:
            if not is_out(error):
                raise
            lacked: BaseException = error.with_traceback(None)  # it holds on to the tensors
        torch.set_rng_state(state)
        shrink(lacked)


def smaller(now: Frugal, batches: list[MicroBatch]) -> Frugal | None:
    """The next step down the ladder, given the micro-batches that did not fit; None at its end."""
    crowded = [batch for batch in batches if len(batch.rows) > 1]
    if crowded:
        most = max(batch.positions for batch in crowded)
        return replace(now, budget=replace(now.budget, max_tokens=max(most // 2, 1)))
    if not now.recompute:
        return Frugal(replace(now.budget, share=False), recompute=True)
    return None


def forget(model: Any) -> None:
    """Give back what half an update of a model holds: its gradients, and what nobody needs."""
    import torch

    model.zero_grad(set_to_none=True)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
