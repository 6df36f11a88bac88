"""A linear layer with its LoRA adapter as one step of automatic differentiation.

peft computes ``W x + b + (B (A x)) * s`` as five operations with as many intermediate results. Here
the adapter's product is added in place to the base layer's and the backward pass is written out:
the same values with fewer passes over memory (Hu et al., arXiv 2106.09685, section 4.1).
"""

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn


class _Step(torch.autograd.Function):
    """x [.., in], weight [out, in], bias [out], down [rank, in], up [out, rank] -> [.., out]."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch hands arguments on by place
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        down: Tensor,
        up: Tensor,
        scale: float,
    ) -> Tensor:
        kind = _kind(x)
        flat, weight, low, high = (
            part.to(kind) for part in (x.reshape(-1, x.shape[-1]), weight, down, up)
        )
        found = flat @ weight.t() if bias is None else bias.to(kind).addmm(flat, weight.t())
        inner = flat @ low.t()
        found.addmm_(inner, high.t(), alpha=scale)
        ctx.save_for_backward(flat, weight, low, high, inner)
        ctx.scale, ctx.shape, ctx.kinds = scale, x.shape, (x.dtype, down.dtype, up.dtype)
        return found.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        flat, weight, low, high, inner = ctx.saved_tensors
        of_x, of_down, of_up = ctx.kinds
        slope = slopes[0].reshape(-1, weight.shape[0]).to(weight.dtype)
        through = (slope @ high).mul_(ctx.scale)
        down = (through.t() @ flat).to(of_down)
        up = (slope.t() @ inner).mul_(ctx.scale).to(of_up)
        x = None
        if ctx.needs_input_grad[0]:
            x = (slope @ weight).addmm_(through, low).view(ctx.shape).to(of_x)
        return x, None, None, down, up, None


def _kind(x: Tensor) -> torch.dtype:
    """The number format of a product: autocast's where it is on, else the input's."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def fuse(model: nn.Module) -> int:
    """Let every layer that can take the one step; returns how many do. Repeating is harmless."""
    layers = [layer for layer in model.modules() if _fusable(layer)]
    for layer in layers:
        layer.forward = MethodType(_forward, layer)
    return len(layers)


def unfuse(model: nn.Module) -> None:
    """Let every layer compute as peft does."""
    for layer in model.modules():
        if isinstance(layer, Linear):
            layer.__dict__.pop("forward", None)


def _fusable(layer: nn.Module) -> bool:
    """A plain LoRA layer on plain weights: one adapter in use, no dropout, nothing merged."""
    if type(layer) is not Linear or type(layer.base_layer) is not nn.Linear:
        return False
    active = layer.active_adapters
    if len(active) != 1 or layer.disable_adapters or layer.merged:
        return False
    name = active[0]
    return (
        name in layer.lora_A
        and name not in layer.lora_variant
        and isinstance(layer.lora_dropout[name], nn.Identity)
        and layer.lora_B[name].bias is None
        and not layer.base_layer.weight.requires_grad
    )


def _forward(layer: Any, x: Tensor, *_: Any, **__: Any) -> Tensor:
    name = layer.active_adapters[0]
    base = layer.base_layer
    found: Tensor = _Step.apply(  # type: ignore[no-untyped-call]
        x,
        base.weight,
        base.bias,
        layer.lora_A[name].weight,
        layer.lora_B[name].weight,
        layer.scaling[name],
    )
    return found
