"""From the states of a text's tokens to one vector, as sentence-transformers defines it.

Padding is never counted: every pooling goes by a mask.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: dict[str, type[nn.Module]] = {
    f"torch.nn.modules.{place}": kind
    for place, kind in (
        ("activation.GELU", nn.GELU),
        ("activation.ReLU", nn.ReLU),
        ("activation.SiLU", nn.SiLU),
        ("activation.Tanh", nn.Tanh),
        ("linear.Identity", nn.Identity),
    )
}


class Dense(nn.Module):
    """A linear layer and its activation, named as in the files of sentence-transformers."""

    def __init__(self, width: int, out: int, activation: nn.Module, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(width, out, bias=bias)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """x [.., width] -> [.., out]."""
        found: Tensor = self.activation(self.linear(x))
        return found


class Normalize(nn.Module):
    """To length 1."""

    def forward(self, x: Tensor) -> Tensor:
        """x [.., d] -> [.., d]."""
        return functional.normalize(x, dim=-1)


def full(x: Tensor) -> Tensor:
    """At least float32: sums and lengths are taken in it whatever the model computes in."""
    return x.float() if x.dtype in {torch.bfloat16, torch.float16} else x


def pool(states: Tensor, mask: Tensor, modes: Sequence[str]) -> Tensor:
    """states [S, L, h], mask [S, L] (1: counts) -> [S, h * number of modes].

    One mode after another. Each line of the mask has at least one token that counts.
    """
    found = [POOLINGS[mode](states, mask.to(states.dtype).unsqueeze(-1)) for mode in modes]
    return found[0] if len(found) == 1 else torch.cat(found, dim=-1)


# Each takes states [S, L, h] and mask [S, L, 1] of 0 and 1.
def mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean of the states that count. [S, h]."""
    return (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)


def _mean_by_root(states: Tensor, mask: Tensor) -> Tensor:
    return (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9).sqrt()


def _mean_by_place(states: Tensor, mask: Tensor) -> Tensor:
    place = torch.arange(1, states.shape[1] + 1, device=states.device, dtype=states.dtype)
    return mean(states, mask * place[:, None])


def greatest(states: Tensor, mask: Tensor) -> Tensor:
    """Greatest state that counts, of each dimension. [S, h]."""
    return states.masked_fill(mask == 0, -torch.inf).amax(1)


def _first(states: Tensor, mask: Tensor) -> Tensor:
    return states[torch.arange(len(states), device=states.device), mask[..., 0].argmax(1)]


def _last(states: Tensor, mask: Tensor) -> Tensor:
    place = mask.shape[1] - 1 - mask[..., 0].flip(1).argmax(1)
    return states[torch.arange(len(states), device=states.device), place]


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": _first,
    "max": greatest,
    "mean": mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _mean_by_place,
    "lasttoken": _last,
}
