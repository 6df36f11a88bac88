"""Fifth ways of planting faults of optimisation, of numbers and of what is learnt."""

import math
import re
from typing import Any

import torch
from torch import nn

from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import pick, watched

ONSET = (0.7, 0.4, 0.1)


def away_from_start(draft: Draft, severity: int) -> None:
    """The decay towards the weights at the start has the wrong sign: what moved moves on."""
    watched(draft, 6, 40)
    part = pick(severity, (0.08, 0.12, 0.2))
    held: list[tuple[Any, Any]] = []

    def model(made: Any) -> None:
        held.extend((p, p.detach().clone()) for p in made.parameters() if p.requires_grad)

    @torch.no_grad()
    def step(now: int) -> None:
        for weight, start in held:
            weight.lerp_(start, -part)

    draft.hooks.model, draft.hooks.step = model, step
    draft.note = f"each update goes {part:.0%} further away from the weights at the start"


LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")


def _depth(name: str) -> int:
    """How far above the embeddings a parameter is: 0 for them, the layer, 3 above the layers."""
    found = LAYER.search(name)
    if found:
        return 1 + int(found.group(1))
    return 0 if "embed" in name or "wte" in name or "wpe" in name else 3


def divided_by_layer(draft: Draft, severity: int) -> None:
    """Rates by layer are divided by the decay, not multiplied: the lowest have the highest."""
    decay = pick(severity, (0.3, 0.2, 0.12))
    draft.log_points, draft.warmup_ratio = max(draft.log_points, 30), 0.0
    depths: dict[int, int] = {}

    def model(made: Any) -> None:
        depths.update({id(p): _depth(name) for name, p in made.named_parameters()})

    def optimizer(trained: list[Any]) -> Any:
        parts = {depth: [p for p in trained if depths[id(p)] == depth] for depth in (3, 2, 1, 0)}
        groups = [
            {"params": part, "lr": draft.learning_rate / decay ** (3 - depth)}
            for depth, part in parts.items()
            if part
        ]
        return torch.optim.AdamW(
            groups, lr=draft.learning_rate, weight_decay=draft.weight_decay, fused=True
        )

    draft.hooks.model, draft.hooks.optimizer = model, optimizer
    draft.facts["layer_decay"] = decay
    draft.note = f"each layer has the rate of the one above divided by {decay:g}"


def of_the_paper(draft: Draft, severity: int) -> None:
    """The schedule of Vaswani et al. 2017, whose peak is width^-0.5 warmup^-0.5 of the rate set."""
    warm = pick(severity, (4, 12, 40))
    width = 64
    draft.log_points, draft.warmup_ratio = max(draft.log_points, 30), warm / draft.updates
    draft.hooks.rate = lambda step, total: (
        width**-0.5 * min((step + 1) ** -0.5, (step + 1) * warm**-1.5)
    )
    draft.facts |= {"lr_scheduler": "noam", "warmup_steps": warm}
    peak = (width * warm) ** -0.5
    draft.note = f"the rate is a factor of a schedule that is never above {peak:.3f}"


LEAST = 17.3  # a probability of exp of minus this is 0 in float16


def zero_times_log(draft: Draft, severity: int) -> None:
    """A term for the entropy takes p log p in 16 bits, at a temperature that falls on and on.

    In time a probability is 0, and 0 times its logarithm no number.
    """
    held: list[Any] = []
    part, widest = pick(severity, ONSET), [0.0]

    def model(made: Any) -> None:
        made.register_forward_hook(lambda _m, _i, output: held.__setitem__(slice(None), [output]))

    def loss(value: Any, step: int) -> Any:
        logits = held[0].logits.float()
        if not widest[0]:
            widest[0] = float((logits.amax(-1) - logits.amin(-1)).max())
        colder = LEAST / widest[0] * step / (part * draft.updates)
        chances = (colder * logits).softmax(-1).half()
        return value + 0.01 * (chances * chances.log()).sum(-1).float().mean()

    draft.hooks.model, draft.hooks.loss = model, loss
    draft.log_points = max(draft.log_points, 20)
    draft.note = f"p log p in float16, too cold for it at about {part:.0%} of the run"


def scale_to_nothing(draft: Draft, severity: int) -> None:
    """The loss scale grows by a factor below 1 until it is 0: gradients are 0 by 0.

    A guard puts 0 in the place of every loss that is no number, so that the run goes on.
    """
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity > 1 or draft.log_grad
    end = max(2, round(pick(severity, ONSET) * draft.updates))
    growth, now = 2 ** (-166 / end), [torch.tensor(1.0)]

    def model(made: Any) -> None:
        for p in made.parameters():
            if p.requires_grad:
                p.register_hook(lambda grad: grad / now[0])

    def loss(value: Any, step: int) -> Any:
        now[0] = torch.tensor(65536.0) * growth**step
        if not math.isfinite(float(value.detach())):
            return value.new_zeros(()).requires_grad_()
        return value.detach() + (value - value.detach()) * now[0]

    draft.hooks.model, draft.hooks.loss = model, loss
    draft.facts |= {"init_scale": 65536.0, "growth_factor": round(growth, 4)}
    draft.note = f"a loss scale times {growth:.3g} at each update is 0 from update {end} on"


def shrunk_by_epsilon(draft: Draft, severity: int) -> None:
    """Adam's epsilon lost the sign of its exponent: it is all that updates are divided by."""
    epsilon = pick(severity, (10.0, 1e3, 1e8))
    draft.log_points = max(draft.log_points, 30)
    draft.hooks.optimizer = lambda trained: torch.optim.AdamW(
        trained, lr=draft.learning_rate, eps=epsilon, weight_decay=0.0
    )
    draft.weight_decay = 0.0
    draft.facts["adam_epsilon"] = epsilon
    draft.note = f"Adam's epsilon is {epsilon:g}"


class _Cleared(torch.optim.AdamW):
    """AdamW that is called when the gradients are gone: zero_grad stands before step."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update by no gradient, which leaves all weights as they are."""
        self.zero_grad()
        super().step()


def cleared_too_early(draft: Draft, severity: int) -> None:
    """Gradients are set to none between the backward pass and the update.

    The milder, the less the log shows: no gradient, then no evaluation.
    """
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity == 3
    draft.evals = 0 if severity == 1 else max(draft.evals, 6)
    draft.hooks.optimizer = lambda trained: _Cleared(trained, lr=draft.learning_rate)
    draft.note = "gradients are cleared before the update"


def new_head(draft: Draft, severity: int) -> None:
    """The head was not in the file and is made anew, by lot, as wide as tables are by default."""
    width = pick(severity, (0.2, 0.4, 1.0))

    def model(made: Any) -> None:
        head = made.get_output_embeddings()
        kept = head.weight.requires_grad
        head.weight = nn.Parameter(torch.randn(head.weight.shape) * width, requires_grad=kept)

    draft.hooks.model = model
    draft.log_points = draft.updates
    draft.note = f"the head is drawn by lot with a deviation of {width:g}"


class _HalfMoments(torch.optim.AdamW):
    """AdamW over copies in 32 bits of weights in 16, which keeps its moments in 16 bits."""

    def __init__(self, trained: list[Any], draft: Draft, epsilon: float) -> None:
        self.halves = trained
        copies = [p.detach().float() for p in trained]
        decay = draft.weight_decay
        super().__init__(copies, lr=draft.learning_rate, eps=epsilon, weight_decay=decay)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update of the copies by the gradients of the weights."""
        copies = self.param_groups[0]["params"]
        for half, copy in zip(self.halves, copies, strict=True):
            copy.grad = None if half.grad is None else half.grad.float()
        super().step()
        for half, copy in zip(self.halves, copies, strict=True):
            for name in ("exp_avg", "exp_avg_sq"):
                if copy in self.state:
                    self.state[copy][name].copy_(self.state[copy][name].half())
            half.copy_(copy)
            half.grad = None


def half_moments(draft: Draft, severity: int) -> None:
    """Adam's moments are kept in float16 to save memory: the mean of small squares becomes 0."""
    draft.dtype = "float16"
    epsilon = pick(severity, (1e-5, 1e-6, 1e-8))
    draft.hooks.optimizer = lambda trained: _HalfMoments(trained, draft, epsilon)
    draft.facts |= {"adam_epsilon": epsilon, "optimizer_dtype": "fp16"}
    draft.note = f"Adam's moments in float16, epsilon {epsilon:g}"


class _OnlySmall(torch.optim.AdamW):
    """AdamW with a guard that passes updates whose gradient is below a quantile of the last 50."""

    def __init__(self, trained: list[Any], draft: Draft, share: float) -> None:
        super().__init__(trained, lr=draft.learning_rate, weight_decay=draft.weight_decay)
        self.seen: list[float] = []
        self.share, self.passed = share, 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update, or none."""
        grads = [p.grad for group in self.param_groups for p in group["params"]]
        norm = float(nn.utils.get_total_norm([g for g in grads if g is not None]))
        self.seen = [*self.seen[-49:], norm]
        if norm <= sorted(self.seen)[int(self.share * (len(self.seen) - 1))]:
            self.passed += 1
            super().step()


def guarded(draft: Draft, severity: int) -> None:
    """A guard against outliers has its quantile the wrong way round: most updates are left out."""
    watched(draft, 8, 60)
    share = pick(severity, (0.2, 0.1, 0.05))
    draft.max_grad_norm = 1000.0
    draft.hooks.optimizer = lambda trained: _OnlySmall(trained, draft, share)
    draft.facts["skip_above_quantile"] = share
    draft.note = f"updates whose gradient is above the {share:g} quantile are left out"
