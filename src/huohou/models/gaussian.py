"""The Gaussian head: a text as a normal distribution, mean on the unit sphere.

Project, then pool: token states [L, h] -> Linear(h, 256), GELU, Linear(256, 64) -> masked mean ->
length 1 is mu. Beside it the log-variance, of each dimension or one for all. Score functions are in
``huohou.measure.gaussian``.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from huohou.errors import ModelError
from huohou.models.files import read_json
from huohou.models.pooling import Dense, greatest, mean

START = -4.0  # log-variance at the start: small beside the distance of unrelated unit vectors
GAIN = 50.0  # of the concentration
_CONFIG, _WEIGHTS = "gaussian.json", "gaussian.safetensors"


@dataclass(frozen=True, slots=True)
class Head:
    """dim: of mu; hidden: width between the two layers; variance: what stands beside mu.

    ``logvar``: a log-variance of each dimension, the masked mean of a linear layer (Chun, PCME++,
    arXiv 2305.18171). ``kappa``: one concentration, 1 + 50 softplus(Linear(h, 1)), masked maximum,
    with log-variance -ln kappa: a von Mises-Fisher distribution of concentration kappa is nearly
    a normal one of variance 1/kappa about its mean. ``none``: mu alone.
    """

    kind: Literal["gaussian"] = "gaussian"
    dim: int = 64
    hidden: int = 256
    variance: Literal["logvar", "kappa", "none"] = "logvar"


class LogVariance(nn.Module):
    """states [S, L, h], mask [S, L] -> [S, d]: every text has the same variance at the start."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, dim)
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, START)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Masked mean of what the layer makes of the states."""
        return mean(self.linear(states), mask.to(states.dtype).unsqueeze(-1))


class Concentration(nn.Module):
    """states [S, L, h], mask [S, L] -> [S, 1]: -ln of the concentration."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Masked maximum: one telling word makes a text concentrated."""
        each = functional.softplus(self.linear(states))
        return -torch.log1p(GAIN * greatest(each, mask.unsqueeze(-1)))


def variance_part(head: Head, width: int) -> LogVariance | Concentration | None:
    """The part of a head that gives the log-variance; width: of the token states."""
    if head.variance == "none":
        return None
    return Concentration(width) if head.variance == "kappa" else LogVariance(width, head.dim)


def projection(head: Head, width: int) -> list[nn.Module]:
    """The two layers to mu, which start as a random orthogonal projection."""
    layers = [
        Dense(width, head.hidden, nn.GELU()),
        Dense(head.hidden, head.dim, nn.Identity()),
    ]
    basis = nn.init.orthogonal_(torch.empty(max(head.hidden, head.dim), width))
    start_from(layers[0], layers[1], basis)
    return [*layers]


@torch.no_grad()
def start_from(first: Dense, second: Dense, basis: Tensor) -> None:
    """Let two layers begin as the linear map onto the first d lines of basis [>= d, width].

    gelu(x) - gelu(-x) = x, so that a pair of hidden units with opposite signs passes x on
    unchanged: training starts from what the encoder knows, not from noise. Where the hidden layer
    is too narrow for pairs, both layers start orthogonal.
    """
    dim, hidden = second.linear.out_features, first.linear.out_features
    for layer in (first, second):
        nn.init.orthogonal_(layer.linear.weight)
        nn.init.zeros_(layer.linear.bias)
    half = hidden // 2
    if half < dim or len(basis) < dim:
        return
    lines = first.linear.weight[:half].clone()
    lines[:dim] = basis[:dim]
    first.linear.weight[:half], first.linear.weight[half : 2 * half] = lines, -lines
    nn.init.zeros_(second.linear.weight)
    identity = torch.eye(dim, device=lines.device, dtype=lines.dtype)
    second.linear.weight[:, :dim], second.linear.weight[:, half : half + dim] = identity, -identity


def write_head(folder: Path, head: Head, part: nn.Module | None) -> None:
    """Beside the files of sentence-transformers, which leaves these alone."""
    (folder / _CONFIG).write_text(f"{json.dumps(asdict(head), indent=2)}\n", encoding="utf-8")
    if part is not None:
        weights = {k: v.detach().cpu().contiguous() for k, v in part.state_dict().items()}
        save_file(weights, folder / _WEIGHTS)


def read_head(folder: Path, name: str) -> Head | None:
    """The head that a folder was saved with. Raises ModelError when its file is not right."""
    if not (folder / _CONFIG).exists():
        return None
    try:
        head = Head(**read_json(folder / _CONFIG))
        right = head.variance in {"logvar", "kappa", "none"} and head.dim > 0
    except TypeError as error:
        raise ModelError("models.cannot_load", name=name, problem=str(error)) from error
    if not right:
        raise ModelError("models.cannot_load", name=name, problem=_CONFIG)
    return head


def read_variance(
    folder: Path, name: str, head: Head, width: int
) -> LogVariance | Concentration | None:
    """The saved part that gives the log-variance. Raises ModelError."""
    part = variance_part(head, width)
    if part is None:
        return None
    try:
        part.load_state_dict(load_file(folder / _WEIGHTS))
    except (OSError, RuntimeError, SafetensorError) as error:
        problem = f"{_WEIGHTS}: {str(error).splitlines()[0]}"
        raise ModelError("models.cannot_load", name=name, problem=problem) from error
    return part
