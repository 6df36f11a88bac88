"""Dropout that costs little.

torch draws a double-precision number for each element of a dropout mask on a CPU, which in a small
encoder takes as long as the matrix products around it. Here four elements share one 64-bit number:
the probability is a multiple of 1/65536, and kept values are scaled by exactly that probability.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STEPS = 1 << 16


class Chance:
    """A stream of dropout masks, begun anew from a seed for each pass."""

    def __init__(self, seed: int = 0) -> None:
        self._stream = np.random.SFC64(seed)

    def restart(self, seed: int) -> None:
        """Give the masks of a seed from the first one on."""
        self._stream = np.random.SFC64(seed)

    def keep(self, count: int, p: float) -> Tensor:
        """Which of count elements stay when each is dropped with probability p: bool [count]."""
        drawn = self._stream.random_raw(-(-count // 4)).view(np.uint16)[:count]
        return torch.from_numpy(drawn >= dropped(p))


def draw_seed() -> int:
    """A seed from torch's own random state, which checkpoints keep."""
    return int(torch.randint(1 << 62, ()))


def dropped(p: float) -> int:
    """Steps of STEPS that are dropped."""
    return round(p * STEPS)


def scale(p: float) -> float:
    """What kept elements are multiplied by."""
    return STEPS / (STEPS - dropped(p))


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, chance: Chance, p: float) -> Tensor:
        keep = chance.keep(states.numel(), p).view(states.shape)
        ctx.save_for_backward(keep)
        ctx.scale = scale(p)
        return masked(states, keep, ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (keep,) = ctx.saved_tensors
        return masked(gradients[0], keep, ctx.scale), None, None


def masked(states: Tensor, keep: Tensor, factor: float) -> Tensor:
    """states where keep is true, times a factor; 0 elsewhere."""
    return keep.to(states.dtype).mul_(factor).mul_(states)


class QuickDropout(nn.Module):
    """nn.Dropout with masks from a Chance."""

    def __init__(self, p: float, chance: Chance) -> None:
        super().__init__()
        self.p, self.chance = p, chance

    def forward(self, states: Tensor) -> Tensor:
        """Drop elements while training."""
        if not self.training or self.p == 0:
            return states
        if states.device.type != "cpu":  # torch is quick elsewhere
            return nn.functional.dropout(states, self.p)
        found: Tensor = _Drop.apply(states, self.chance, self.p)  # type: ignore[no-untyped-call]
        return found


def quicken(model: nn.Module, chance: Chance) -> None:
    """Put QuickDropout in the place of each nn.Dropout below a model."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, QuickDropout(child.p, chance))
