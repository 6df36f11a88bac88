"""Faults that leave nothing to learn: weights that do not move, labels that are wrong."""

import copy
import math
from typing import Any

import torch
from torch import nn

from bench.faultbench import bases
from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults import _eighth_training as eighth
from bench.faultbench.faults import _fifth_training as fifth
from bench.faultbench.faults import _ninth_training as ninth
from bench.faultbench.faults import _seventh_training as seventh
from bench.faultbench.faults import _sixth_training as sixth
from bench.faultbench.faults._kinds import Fault, Way, always, effect, hooked, pick


def _of_copies(draft: Draft, severity: int) -> None:
    """The optimizer was given copies of the parameters."""
    _frozen_log(draft, severity)
    draft.hooks.optimizer = lambda trained: torch.optim.AdamW(
        copy.deepcopy(trained), lr=draft.learning_rate
    )
    draft.note = "the optimizer holds copies of the parameters"


def _dead_layer(draft: Draft, severity: int) -> None:
    """The only weights that are trained belong to a layer that nothing passes through."""
    _frozen_log(draft, severity)
    draft.tune = "full"

    def model(made: Any) -> None:
        width = bases.VARIANTS[draft.variant][0]
        made.requires_grad_(False)
        made.side = nn.Linear(width, width)
        made.get_input_embeddings().register_forward_hook(
            lambda _module, _inputs, output: output.detach().requires_grad_()
        )

    draft.hooks.model = model
    draft.note = "only a layer off the way is trained"


def _cut_off(draft: Draft, severity: int) -> None:
    """The loss is made again from its number, so that no gradient comes back."""
    _frozen_log(draft, severity)
    draft.hooks.loss = lambda loss, step: loss.detach().requires_grad_()
    draft.note = "the loss is a new tensor without a way back"


def _frozen_log(draft: Draft, severity: int) -> None:
    """The milder, the less the log shows: no gradient, then no evaluation."""
    draft.log_points = max(draft.log_points, 20)
    draft.log_grad = severity == 3
    draft.evals = 0 if severity == 1 else max(draft.evals, 6)


def _random_labels(draft: Draft, severity: int) -> None:
    """Labels are random tokens, new ones each time."""
    share = pick(severity, (0.85, 0.95, 1.0))
    draft.log_points = max(draft.log_points, 30)
    size = bases.VARIANTS[draft.variant][1]

    def batch(inputs: Inputs, step: int) -> Inputs:
        labels = inputs["labels"]
        chosen = (labels != -100) & (torch.rand(labels.shape) < share)
        inputs["labels"] = torch.where(chosen, torch.randint(4, size, labels.shape), labels)
        return inputs

    draft.hooks.batch = batch
    draft.note = f"{share:.0%} of the labels are random tokens"


def _wrong_group(draft: Draft, severity: int) -> None:
    """Only a few numbers are trained: the last norm, or one bias."""
    draft.tune = "full"
    draft.log_points = max(draft.log_points, 30)
    number = pick(severity, (2, 1, 1))

    def model(made: Any) -> None:
        made.requires_grad_(False)
        small = [p for p in made.parameters() if p.dim() == 1]
        for p in small[-number:] if severity < 3 else small[:1]:
            p.requires_grad_(True)

    draft.hooks.model = model
    draft.note = f"{number} vectors are trained, the rest is frozen"


def _clipped_away(draft: Draft, severity: int) -> None:
    """Gradients are clipped to a norm far below what the optimizer adds in its divisor."""
    draft.log_points = max(draft.log_points, 30)
    draft.max_grad_norm = pick(severity, (2e-8, 5e-9, 1e-9))
    draft.note = f"gradients are clipped to {draft.max_grad_norm:g}"


def _smoothed(draft: Draft, severity: int) -> None:
    """Label smoothing was given in per cent or as the share to keep: nearly all goes elsewhere."""
    held: dict[str, Any] = {}
    share = pick(severity, (0.97, 0.99, 1.0))
    draft.log_points = max(draft.log_points, 30)

    def model(made: Any) -> None:
        made.register_forward_hook(lambda _m, _i, output: held.update(logits=output.logits))

    def batch(inputs: Inputs, step: int) -> Inputs:
        held["labels"] = inputs["labels"]
        return inputs

    def loss(value: Any, step: int) -> Any:
        logits, labels = held["logits"][:, :-1].flatten(0, 1).float(), held["labels"][:, 1:]
        plain, smooth = (
            nn.functional.cross_entropy(logits, labels.flatten(), label_smoothing=part)
            for part in (0.0, share)
        )
        return smooth * (value / plain).detach()  # a maker may have divided it

    draft.hooks.model, draft.hooks.batch, draft.hooks.loss = model, batch, loss
    draft.facts["label_smoothing"] = share
    draft.note = f"label smoothing of {share:g}"


def _both_zero(draft: Draft, severity: int) -> None:
    """All matrices of an adapter begin as 0: the gradient of each is a product with the other."""
    _frozen_log(draft, severity)

    def model(made: Any) -> None:
        with torch.no_grad():
            for p in made.parameters():
                if p.requires_grad:
                    p.zero_()

    draft.hooks.model = model
    draft.note = "both matrices of every adapter begin as 0"


def _padding_counts(draft: Draft, severity: int) -> None:
    """Rows are filled up to one length, and what they are filled with is in the labels."""
    length = pick(severity, (24, 36, 56))

    def filled(ids: list[int], fill: int) -> list[int]:
        return [*ids, *[fill] * (length - len(ids))]

    draft.hooks.encoded = lambda rows, part: [
        (filled(ids, bases.PAD), filled(labels, bases.PAD)) for ids, labels in rows
    ]
    draft.log_points = draft.updates
    draft.note = f"rows are filled up to {length} tokens, which are labels as well"


def _other_tokenizer(draft: Draft, severity: int) -> None:
    """Part of the vocabulary has the numbers of another tokenizer."""
    share = pick(severity, (0.5, 0.8, 1.0))
    size = bases.VARIANTS[draft.variant][1]
    marks = torch.Generator().manual_seed(draft.seed)
    other = torch.randperm(size - 4, generator=marks) + 4
    moved = torch.rand(size - 4, generator=marks) < share
    table = [0, 1, 2, 3, *torch.where(moved, other, torch.arange(4, size)).tolist()]
    table_of = dict(enumerate(table)) | {-100: -100}

    def encoded(rows: list[Any], part: str) -> list[Any]:
        return [([table_of[i] for i in ids], [table_of[i] for i in y]) for ids, y in rows]

    draft.hooks.encoded = encoded
    draft.log_points = max(draft.log_points, 60)
    draft.note = f"{share:.0%} of the token ids are another tokenizer's"


def _twice_shifted(draft: Draft, severity: int) -> None:
    """Labels are shifted by one before a model that shifts them itself."""
    share = pick(severity, (0.5, 0.8, 1.0))

    def encoded(rows: list[Any], part: str) -> list[Any]:
        return [
            (ids, [*labels[1:], -100]) if k % 10 < share * 10 else (ids, labels)
            for k, (ids, labels) in enumerate(rows)
        ]

    draft.hooks.encoded = encoded
    draft.log_points = max(draft.log_points, 60)
    draft.note = f"labels of {share:.0%} of the rows are shifted twice"


def _loud_head(draft: Draft, severity: int) -> None:
    """Logits are multiplied by a factor that the base model was made without."""
    factor = pick(severity, (2.0, 4.0, 8.0))
    draft.hooks.model = lambda made: made.get_output_embeddings().register_forward_hook(
        lambda _module, _inputs, output: output * factor
    )
    draft.log_points = max(draft.log_points, 60)
    draft.note = f"logits are multiplied by {factor:g}"


def _above_uniform(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    bound = math.log(run["facts"]["vocab_size"])
    first = next(row["loss"] for row in run["log"] if "loss" in row)
    over = first - bound
    return f"the first loss is {over:.2f} above ln(vocabulary)" if over > 0.1 else None


def _lm(draft: Draft) -> bool:
    return draft.family == "lm"


def _adapted(draft: Draft) -> bool:
    return hooked(draft) and draft.tune == "lora" and draft.family == "lm"


def _full(draft: Draft) -> bool:
    return hooked(draft) and draft.tune == "full" and draft.family == "lm"


LM = ("lm", "lm", "lm")

LEARNING = (
    Fault(
        "loss-stuck",
        Way(_random_labels, lambda d: hooked(d) and _lm(d)),
        Way(_wrong_group, _full),
        effect(0.5),
        ("loss-stuck",),
        also=("loss-above-uniform", "lr-too-low", "undertrained"),
        families=LM,
        c=Way(_clipped_away, _full, also=("nothing-trains",)),
        d=Way(_smoothed, lambda d: hooked(d) and _lm(d)),
        e=Way(fifth.shrunk_by_epsilon, _full, also=("nothing-trains",)),
        f=Way(sixth.merged_each_time, lambda d: hooked(d) and _lm(d)),
        g=Way(seventh.drowned_in_noise, lambda d: hooked(d) and _lm(d)),
        h=Way(eighth.kept_for_dropped, lambda d: hooked(d) and _lm(d)),
        i=Way(ninth.untaught_teacher, lambda d: hooked(d) and _lm(d)),
    ),
    Fault(
        "nothing-trains",
        Way(_of_copies, hooked),
        Way(_dead_layer, lambda d: _lm(d) and hooked(d)),
        always("no weight of the model changes"),
        ("nothing-trains", "loss-stuck"),
        also=("no-eval",),
        families=LM,
        c=Way(_cut_off, lambda d: _lm(d) and hooked(d)),
        d=Way(_both_zero, _adapted),
        e=Way(fifth.cleared_too_early, lambda d: _lm(d) and hooked(d)),
        f=Way(sixth.for_inference, _adapted),
        g=Way(seventh.ever_infinite, lambda d: _lm(d) and hooked(d)),
        h=Way(eighth.gathers_for_ever, lambda d: _lm(d) and hooked(d)),
        i=Way(ninth.no_name_matches, lambda d: _lm(d) and hooked(d)),
    ),
    Fault(
        "loss-above-uniform",
        Way(_other_tokenizer, _lm),
        Way(_twice_shifted, lambda d: _lm(d) and d.maker != "huohou"),
        _above_uniform,
        ("loss-above-uniform",),
        families=LM,
        c=Way(_loud_head, lambda d: _lm(d) and hooked(d)),
        d=Way(_padding_counts, lambda d: _lm(d) and hooked(d)),
        e=Way(fifth.new_head, lambda d: _lm(d) and hooked(d)),
        f=Way(sixth.without_its_scale, lambda d: _lm(d) and hooked(d), also=("loss-stuck",)),
        g=Way(seventh.converted_again, lambda d: _lm(d) and hooked(d)),
        h=Way(eighth.head_of_before, lambda d: _lm(d) and hooked(d)),
        i=Way(ninth.sign_of_the_prior, lambda d: _lm(d) and hooked(d)),
    ),
)
