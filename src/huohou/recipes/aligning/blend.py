"""Weights between those of two models of one shape.

A model that was tuned further gains on what it was tuned on and loses elsewhere; a point on the
straight line between the weights before and after often keeps most of both.
Source: Wortsman et al. (2022), Robust fine-tuning of zero-shot models, arXiv 2109.01903.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from huohou.errors import ModelError


def interpolate(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], part: float
) -> dict[str, Tensor]:
    """first + part * (second - first) for each tensor: 0 is first and 1 second, to the last bit.

    Computed in float64 and given back as they were. Tensors of whole numbers (positions, counts)
    must be equal. Raises ModelError where the two are not of one shape, ValueError outside 0..1.
    """
    if not 0 <= part <= 1:
        raise ValueError(f"a blend is between 0 and 1, not {part}")
    other = sorted(first.keys() ^ second.keys())
    if other:
        raise ModelError("align.blend_names", name=other[0], count=len(other))
    return {name: _between(name, first[name], second[name], part) for name in first}


def _between(name: str, first: Tensor, second: Tensor, part: float) -> Tensor:
    if first.shape != second.shape:
        raise ModelError(
            "align.blend_shape", name=name, first=list(first.shape), second=list(second.shape)
        )
    if part in (0.0, 1.0):
        return (first, second)[int(part)].clone()
    if not first.is_floating_point():
        if not torch.equal(first, second):
            raise ModelError("align.blend_whole", name=name)
        return first.clone()
    mixed = torch.lerp(first.double(), second.to(first.device).double(), part)
    return mixed.to(first.dtype)
