"""Faults of 16-bit floats."""

import math
from typing import Any

import torch
from torch import nn

from bench.faultbench.draft import Draft
from bench.faultbench.faults import _eighth_training as eighth
from bench.faultbench.faults import _fifth_training as fifth
from bench.faultbench.faults import _ninth_training as ninth
from bench.faultbench.faults import _seventh_training as seventh
from bench.faultbench.faults import _sixth_training as sixth
from bench.faultbench.faults._kinds import Fault, Way, effect, looped, pick


def _half(draft: Draft, severity: int) -> None:
    """All in 16-bit floats, Adam's epsilon is below their range."""
    draft.dtype = "float16"
    draft.learning_rate *= pick(severity, (0.3, 1.0, 3.0))
    draft.num_epochs = max(1.0, draft.num_epochs / 2)
    draft.note = "weights, gradients and optimizer in float16"


def _scaled(draft: Draft, severity: int) -> None:
    """A constant loss scale that overflows 16-bit gradients."""
    draft.dtype = "float16"
    scale = pick(severity, (2.0**13, 2.0**16, 2.0**19))
    draft.num_epochs = max(1.0, draft.num_epochs / 2)
    draft.hooks.loss = lambda loss, step: loss.float() * scale - loss.float().detach() * (scale - 1)
    draft.hooks.optimizer = lambda trained: torch.optim.SGD(trained, lr=0.3, momentum=0.9)
    draft.facts["optimizer"] = "sgd"
    draft.note = f"float16 with a constant loss scale of {scale:g}"


class _Masters(torch.optim.AdamW):
    """AdamW in 32 bits over copies of weights in 16 bits, which take over what comes out."""

    def __init__(self, trained: list[Any], draft: Draft) -> None:
        self.halves = trained
        copies = [p.detach().float() for p in trained]
        super().__init__(copies, lr=draft.learning_rate, weight_decay=draft.weight_decay)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update of the copies by the gradients of the weights."""
        copies = self.param_groups[0]["params"]
        for half, copy in zip(self.halves, copies, strict=True):
            copy.grad = None if half.grad is None else half.grad.float()
        super().step()
        for half, copy in zip(self.halves, copies, strict=True):
            half.copy_(copy)
            half.grad = None


def _outgrown(draft: Draft, severity: int) -> None:
    """Products are held in float16 before they are scaled down: infinite once they have grown."""
    draft.dtype = "float16"
    room = pick(severity, (1.3, 1.1, 1.0))  # times the largest value at the start

    def limit(layer: nn.Module) -> None:
        factor: list[float] = []

        def scaled(_layer: Any, _inputs: Any, output: Any) -> Any:
            if not factor:
                factor.append(torch.finfo(torch.float16).max / room / float(output.abs().max()))
            return output * factor[0] / factor[0]

        layer.register_forward_hook(scaled)

    def model(made: Any) -> None:
        for layer in made.modules():
            if isinstance(layer, nn.Linear):
                limit(layer)

    draft.hooks.model = model
    draft.hooks.optimizer = lambda trained: _Masters(trained, draft)
    draft.note = f"float16 with room for values {room:g} times those at the start"


def _flushed(draft: Draft, severity: int) -> None:
    """Gradients are divided by devices and batches before they are gathered: to 0 in float16."""
    draft.dtype = "float16"
    part = pick(severity, (2.0**-15, 2.0**-17, 2.0**-20))
    draft.hooks.loss = lambda loss, step: loss.float() * part + loss.float().detach() * (1 - part)
    draft.hooks.optimizer = lambda trained: _Masters(trained, draft)
    draft.log_grad = True
    draft.note = f"float16 gradients of 1/{1 / part:g} of their size, no loss scale"


def _overflow(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    rows = [v for row in run["log"] for k, v in row.items() if k in ("loss", "grad_norm")]
    bad = sum(not math.isfinite(v) for v in rows)
    return f"{bad} values are no numbers" if bad else effect()(run, twin, spread)


def _slow(draft: Draft) -> bool:
    return looped(draft) and draft.updates <= 150


PRECISION = (
    Fault(
        "fp16-risk",
        Way(_half, lambda d: _slow(d) and d.tune == "full"),
        Way(_scaled, lambda d: _slow(d) and d.tune == "full"),
        _overflow,
        ("fp16-risk", "nan-loss"),
        also=("loss-stuck", "diverged"),
        tier="config",
        families=("lm", "lm", "lm"),
        c=Way(_outgrown, lambda d: _slow(d) and d.tune == "full"),
        d=Way(
            _flushed,
            lambda d: _slow(d) and d.tune == "full",
            codes=("fp16-risk",),
            also=("nothing-trains", "undertrained"),
        ),
        e=Way(fifth.half_moments, lambda d: _slow(d) and d.tune == "full"),
        f=Way(sixth.root_of_exponents, lambda d: _slow(d) and d.tune == "full"),
        g=Way(seventh.ever_doubled, lambda d: _slow(d) and d.tune == "full"),
        h=Way(eighth.squares_in_half, lambda d: _slow(d) and d.tune == "full"),
        i=Way(ninth.epsilon_is_nothing, lambda d: _slow(d) and d.tune == "full"),
    ),
)
