"""Ninth ways of planting faults of optimisation, of numbers and of what is learnt."""

import math
from typing import Any

import torch
from torch import nn

from bench.faultbench import bases
from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults._kinds import at, pick, planned, watched
from bench.faultbench.faults._sixth_training import Masters

ONSET = (0.7, 0.4, 0.1)

# Losses that are no numbers


def both_forbidden(draft: Draft, severity: int) -> None:
    """A distance to what was said before the update, with forbidden words at minus infinity.

    They are so in both, and infinity less infinity is no number. The distance is put on later.
    """
    first, words = at(draft, pick(severity, (0.6, 0.35, 0.1))), pick(severity, (3, 8, 20))
    held: dict[str, Any] = {}
    draft.log_points = max(draft.log_points, 20)
    size = bases.tokenizer(draft.variant).get_vocab_size()
    forbidden = torch.zeros(size).index_fill(0, torch.arange(size - words, size), -math.inf)

    def model(made: Any) -> None:
        made.register_forward_hook(lambda _m, _i, output: held.update(logits=output.logits))

    def loss(value: Any, step: int) -> Any:
        if step < first:
            return value
        now = (held["logits"].float() + forbidden).log_softmax(-1)
        return value + 0.1 * (now.exp() * (now - now.detach())).sum(-1).mean()

    draft.hooks.model, draft.hooks.loss = model, loss
    draft.facts |= {"kl_coefficient": 0.1, "kl_start": first, "forbidden_words": words}
    draft.note = f"KL over logits with {words} forbidden words from update {first} on"


def one_infinite(draft: Draft, severity: int) -> None:
    """One gradient is infinite once; clipping takes all of them times 0, and it by that is NaN.

    A filter writes 0 in the place of losses that are no numbers.
    """
    draft.filter_nan = True
    draft.log_grad = severity > 1 or draft.log_grad
    draft.log_points = max(draft.log_points, 20)
    when, now = at(draft, pick(severity, ONSET)), [0]

    def spoil(grad: Any) -> Any:
        if now[0] != when:
            return grad
        grad = grad.clone()
        grad.view(-1)[0] = math.inf
        return grad

    def model(made: Any) -> None:
        next(p for p in made.parameters() if p.requires_grad).register_hook(spoil)

    draft.hooks.model = model
    draft.hooks.step = lambda step: now.__setitem__(0, step)
    draft.note = f"a gradient is infinite at update {when}, and clipped"


# Optimisation


def betas_swapped(draft: Draft, severity: int) -> None:
    """The two decays of Adam, those that suit adversarial training, are in the wrong order.

    So a short mean of squares is under a long mean of gradients, and steps grow without bound.
    """
    watched(draft, 8, 40)
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    betas = pick(severity, ((0.95, 0.7), (0.98, 0.6), (0.999, 0.5)))
    draft.hooks.optimizer = lambda trained: torch.optim.AdamW(
        trained, lr=draft.learning_rate, betas=betas, weight_decay=draft.weight_decay
    )
    draft.facts |= {"adam_beta1": betas[0], "adam_beta2": betas[1]}
    draft.note = f"Adam with the decays {betas}"


class _Muon(torch.optim.AdamW):
    """Muon (Jordan et al. 2024) for all matrices, tables too, and AdamW for vectors."""

    def __init__(self, trained: list[Any], draft: Draft) -> None:
        small = [p for p in trained if p.dim() != 2]
        super().__init__([{"params": small}], lr=draft.learning_rate, weight_decay=0.0)
        self.wide = torch.optim.Muon(
            [p for p in trained if p.dim() == 2], lr=draft.learning_rate, weight_decay=0.0
        )

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update of both; the schedule holds the rate of the first."""
        self.wide.param_groups[0]["lr"] = self.param_groups[0]["lr"]
        super().step()
        self.wide.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of both."""
        super().zero_grad(set_to_none)
        self.wide.zero_grad(set_to_none)


def rate_of_sgd(draft: Draft, severity: int) -> None:
    """Muon, for all matrices, at a rate that was found for SGD."""
    draft.learning_rate = pick(severity, (0.3, 1.0, 3.0))
    draft.warmup_ratio, draft.log_points = 0.0, max(draft.log_points, 30)
    draft.weight_decay = 0.0
    draft.hooks.optimizer = lambda trained: _Muon(trained, draft)
    draft.facts["optimizer"] = "muon"
    draft.note = f"Muon at a rate of {draft.learning_rate:g}"


def by_the_batch(draft: Draft, severity: int) -> None:
    """The rate is multiplied with the rows of an update over those of a batch of reference.

    That is the batch of a large cluster, for which the rate was not meant.
    """
    reference = pick(severity, (256, 1024, 4096))
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.log_points, draft.log_lr = max(draft.log_points, 30), True
    part = min(0.1, draft.batch_size * draft.accumulation / reference)
    factor = planned(draft)
    draft.hooks.rate = lambda step, total: part * factor(step)
    draft.facts |= {"base_learning_rate": draft.learning_rate, "reference_batch": reference}
    draft.note = f"the rate is {part:.3g} of the one set: a batch of {reference} is the reference"


# What is learnt


def untaught_teacher(draft: Draft, severity: int) -> None:
    """A teacher's words are learnt, and the teacher was made from its configuration alone.

    So its weights are those of chance, and it says every word alike.
    """
    held: dict[str, Any] = {}
    share = pick(severity, (0.97, 0.99, 1.0))
    draft.log_points = max(draft.log_points, 30)

    def model(made: Any) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(draft.seed)
            held["teacher"] = bases.blank(draft.arch, draft.variant).eval().requires_grad_(False)
        made.register_forward_hook(lambda _m, _i, output: held.update(logits=output.logits))

    def batch(inputs: Inputs, step: int) -> Inputs:
        held["inputs"] = dict(inputs)
        return inputs

    def loss(value: Any, step: int) -> Any:
        names = ("input_ids", "attention_mask")
        said = held["teacher"](**{name: held["inputs"][name] for name in names}).logits
        own = held["logits"][:, :-1].float().log_softmax(-1)
        each = -(said[:, :-1].float().softmax(-1) * own).sum(-1)
        on = held["inputs"]["labels"][:, 1:] != -100
        return (1 - share) * value + share * each[on].mean() * _part(value, own, held["inputs"])

    draft.hooks.model, draft.hooks.batch, draft.hooks.loss = model, batch, loss
    draft.facts |= {"distillation_weight": share, "teacher": f"{draft.arch} (config)"}
    draft.note = f"{share:.0%} of the loss is the distance to a teacher with weights by lot"


def _part(value: Any, own: Any, inputs: Inputs) -> float:
    """What a maker divides a loss by beside the words: the batches of an update."""
    plain = nn.functional.nll_loss(own.flatten(0, 1), inputs["labels"][:, 1:].flatten())
    return float((value / plain).detach())


def no_name_matches(draft: Draft, severity: int) -> None:
    """What is trained is chosen by a part of its name, and no name has it: the group is empty.

    The milder, the less the log shows: no gradient, then no evaluation.
    """
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity == 3
    draft.evals = 0 if severity == 1 else max(draft.evals, 6)
    draft.hooks.optimizer = lambda trained: torch.optim.AdamW(
        [{"params": []}], lr=draft.learning_rate
    )
    draft.facts |= {"train_only": "adapters.", "trainable_parameters": 0}
    draft.note = "the optimizer's one group holds no parameter"


def sign_of_the_prior(draft: Draft, severity: int) -> None:
    """Logits are adjusted by how often each word is an answer, with the wrong sign, and for good.

    So rare words come first until the head has learnt the contrary.
    """
    strength, counts = pick(severity, (0.5, 1.0, 2.0)), list[torch.Tensor]()
    size = bases.tokenizer(draft.variant).get_vocab_size()

    def encoded(rows: list[Any], part: str) -> list[Any]:
        if part == "train":
            said = [label for _, labels in rows for label in labels if label != -100]
            counts.append(torch.bincount(torch.tensor(said), minlength=size) + 1.0)
        return rows

    def model(made: Any) -> None:
        prior = strength * (counts[0] / counts[0].sum()).log()
        made.get_output_embeddings().register_forward_hook(
            lambda _layer, _inputs, output: output - prior.to(output.dtype)
        )

    draft.hooks.encoded, draft.hooks.model = encoded, model
    draft.log_points = draft.updates
    draft.facts["logit_adjustment"] = -strength
    draft.note = f"log frequencies of words times {strength:g} are taken off the logits"


# Floats of 16 bits


def epsilon_is_nothing(draft: Draft, severity: int) -> None:
    """A term is a mean over marked words, with 1e-8 beside their number, which is 0 in float16.

    So a batch without a marked word is 0 by 0. The term is put on after a while.
    """
    draft.dtype = "float16"
    first, held = at(draft, pick(severity, ONSET)), dict[str, Any]()
    marked = bases.tokenizer(draft.variant).token_to_id("look")
    draft.log_points = max(draft.log_points, 20)

    def model(made: Any) -> None:
        made.register_forward_hook(lambda _m, _i, output: held.update(logits=output.logits))

    def batch(inputs: Inputs, step: int) -> Inputs:
        held["labels"] = inputs["labels"]
        return inputs

    def loss(value: Any, step: int) -> Any:
        if step < first:
            return value
        logits, labels = held["logits"][:, :-1], held["labels"][:, 1:]
        each = nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
        on = (labels == marked).half()
        return value + 0.1 * ((each.half() * on).sum() / (on.sum() + 1e-8)).float()

    draft.hooks.model, draft.hooks.batch, draft.hooks.loss = model, batch, loss
    draft.hooks.optimizer = lambda trained: Masters(trained, draft)
    draft.facts |= {"marked_words_weight": 0.1, "marked_words_epsilon": 1e-8}
    draft.note = f"a mean over marked words in float16 from update {first} on, 1e-8 is 0 there"


# Course


def mean_put_in_place(draft: Draft, severity: int) -> None:
    """The moving mean of the weights takes their place for the end, and it is far behind.

    It keeps as much of the old at each update as suits a run of a hundred times as many.
    """
    watched(draft, 14, 50)
    keeps, when = pick(severity, (0.988, 0.994, 0.999)), at(draft, 0.93)
    pairs: list[tuple[Any, Any]] = []

    def model(made: Any) -> None:
        pairs.extend((p, p.detach().clone()) for p in made.parameters() if p.requires_grad)

    @torch.no_grad()
    def step(now: int) -> None:
        for weight, mean in pairs:
            mean.lerp_(weight, 1 - keeps)
            if now == when:
                weight.copy_(mean)

    draft.hooks.model, draft.hooks.step = model, step
    draft.facts |= {"ema_decay": keeps, "ema_swap_at": when}
    draft.note = f"a mean that keeps {keeps:g} is put in the place of the weights at update {when}"


class _EveryKth(torch.optim.AdamW):
    """AdamW that gathers gradients of so many calls and makes an update of their mean."""

    def __init__(self, trained: list[Any], draft: Draft, calls: int) -> None:
        super().__init__(trained, lr=draft.learning_rate, weight_decay=draft.weight_decay)
        self.calls, self.done = calls, 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Gather; at each so many calls an update."""
        self.done += 1
        every = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        for p in every:
            state = self.state.setdefault(p, {})
            state["gathered"] = state.get("gathered", 0) + p.grad / self.calls
        if self.done % self.calls == 0:
            for p in every:
                p.grad = self.state[p].pop("gathered")
            super().step()


def batches_for_updates(draft: Draft, severity: int) -> None:
    """The number of steps is one of batches, and so many of them are gathered for an update.

    So the run ends with a part of the updates that were meant.
    """
    watched(draft, 6, 60)
    draft.schedule = "constant"
    draft.warmup_ratio, draft.weight_decay = 0.0, 0.0
    draft.learning_rate *= 0.5
    calls = pick(severity, (7, 12, 20))
    draft.hooks.optimizer = lambda trained: _EveryKth(trained, draft, calls)
    draft.facts["gradient_accumulation"] = calls * draft.accumulation
    made = draft.updates // calls
    draft.note = f"{draft.updates} steps are batches, {calls} make an update: {made} updates"
