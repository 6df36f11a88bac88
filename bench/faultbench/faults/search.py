"""Faults of embedding runs: their losses, their negatives, their scale."""

import math
from typing import Any

import torch

from bench.faultbench import bases
from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.faults import _eighth_search as eighth
from bench.faultbench.faults import _fifth_search as fifth
from bench.faultbench.faults import _ninth_search as ninth
from bench.faultbench.faults import _seventh_search as seventh
from bench.faultbench.faults import _sixth_search as sixth
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    effect,
    looped,
    lost_share,
    pick,
    watched,
)
from bench.faultbench.faults.measures import MEASURES


def _positives(draft: Draft, share: float = 1.0) -> None:
    """Pairs that belong together and nothing else: a constant is the best answer."""
    draft.loss_kind, draft.hard = "logistic", False

    def batch(inputs: Inputs, step: int) -> Inputs:
        inputs["positives_only"] = step % 100 < share * 100
        return inputs

    draft.hooks.batch = batch


def _only_positives(draft: Draft, severity: int) -> None:
    watched(draft, 5, 30)
    draft.scale = pick(severity, (3.0, 2.0, 1.0))
    _positives(draft)
    draft.facts["eval_positives_only"] = True
    draft.note = f"logistic loss of positive pairs alone, scale {draft.scale:g}"


def _constant(draft: Draft, severity: int) -> None:
    """What is embedded is nearly or wholly the same whatever the text is."""
    watched(draft, 5, 30)
    strength = pick(severity, (6.0, 20.0, math.inf))

    def model(made: Any) -> None:
        encode = made.forward

        def same(ids: Any) -> Any:
            states = encode(ids)
            if math.isinf(strength):
                return torch.nn.functional.normalize(states * 0 + torch.ones_like(states), dim=-1)
            constant = torch.ones_like(states) * strength / states.shape[-1] ** 0.5
            return torch.nn.functional.normalize(states + constant, dim=-1)

        made.forward = same

    draft.hooks.model = model
    draft.note = f"a constant of length {strength:g} is added to every embedding"


def _same_beginning(draft: Draft, severity: int) -> None:
    """A long instruction stands before every text and fills the window: one token of text is left.

    The milder, the less the log shows.
    """
    watched(draft, 5, 30)
    draft.metrics, said = severity > 1, pick(severity, (8, 16, 24))
    marks = torch.Generator().manual_seed(draft.seed)
    words = torch.randint(4, bases.VARIANTS[draft.variant][1], (said,), generator=marks)

    def model(made: Any) -> None:
        encode = made.forward
        made.forward = lambda ids: encode(
            torch.cat([words.expand(len(ids), -1), ids[:, :1]], dim=1)
        )

    draft.hooks.model = model
    draft.note = f"{said} tokens of instruction, then the first of the text"


def _decayed(draft: Draft, severity: int) -> None:
    """The decay of the weights is taken for one that the rate is not multiplied with."""
    watched(draft, 5, 30)
    draft.metrics, part = severity > 1, pick(severity, (0.25, 0.4, 0.6))
    draft.schedule, draft.warmup_ratio = "constant", 0.0
    draft.weight_decay = round(part / draft.learning_rate, 1)
    draft.note = f"a weight decay of {draft.weight_decay:g}: {part:.0%} of all weights an update"


def _scale_learns(draft: Draft, severity: int) -> None:
    """Positives alone and a scale that is trained: the loss falls because the scale grows."""
    watched(draft, 6, 30)
    draft.scale, draft.learn_scale = 1.0, True
    _positives(draft)
    _quick_scale(draft, pick(severity, (0.005, 0.01, 0.02)))
    draft.facts["eval_positives_only"] = True
    draft.note = "positive pairs alone, the scale is trained"


def _scale_alone(draft: Draft, severity: int) -> None:
    """The encoder, trained before, is frozen by mistake; only the scale is trained."""
    _scale_learns(draft, severity)
    draft.warm, draft.learning_rate = 60, pick(severity, (0.005, 0.01, 0.02))
    draft.hooks.model = lambda made: made.body.requires_grad_(False)
    draft.truth["encoder"] = "frozen"
    draft.note = "the encoder is frozen, the scale is trained on positive pairs"


def _cached(draft: Draft, severity: int) -> None:
    """Embeddings come without gradient, as from a cache; only the scale of the loss is trained."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.warm, draft.metrics = "in-batch", 60, True
    draft.scale, draft.learn_scale = pick(severity, (4.0, 2.0, 1.0)), True
    _quick_scale(draft, pick(severity, (0.02, 0.03, 0.04)))

    def model(made: Any) -> None:
        encode = made.forward
        made.forward = lambda ids: encode(ids).detach()

    draft.hooks.model = model
    draft.truth["encoder"] = "frozen"
    draft.note = "embeddings carry no gradient, the scale is trained"


def _of_the_loss(draft: Draft, severity: int) -> None:
    """The optimizer was given the parameters of the loss, which has a scale, not the model's."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.warm, draft.metrics, draft.hard = "logistic", 20, True, False
    draft.candidates = 16
    draft.scale, draft.learn_scale = pick(severity, (5.0, 3.0, 1.5)), True
    rate = pick(severity, (0.02, 0.03, 0.04))
    draft.hooks.optimizer = lambda trained: torch.optim.AdamW(
        [p for p in trained if p.dim() == 0], lr=rate
    )
    draft.learning_rate = rate
    draft.truth["encoder"] = "frozen"
    draft.note = "the optimizer holds the scale of the loss alone"


def _quick_scale(draft: Draft, rate: float) -> None:
    def optimizer(trained: list[Any]) -> Any:
        scale = [p for p in trained if p.dim() == 0]
        rest = [p for p in trained if p.dim() > 0]
        groups = [{"params": part} for part in (rest,) if part]
        return torch.optim.AdamW([*groups, {"params": scale, "lr": rate}], lr=draft.learning_rate)

    draft.hooks.optimizer = optimizer


def _own_negative(draft: Draft, severity: int) -> None:
    """The negative of a row is its own right document."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.hard = "margin", True
    draft.margin = pick(severity, (0.1, 0.3, 0.5))
    draft.hooks.rows = lambda train, held: (
        [(row[0], row[1], row[1]) for row in train],
        [(row[0], row[1], row[1]) for row in held],
    )
    draft.note = "each negative is the right document itself"


def _constant_margin(draft: Draft, severity: int) -> None:
    draft.loss_kind, draft.margin = "margin", pick(severity, (0.1, 0.2, 0.5))
    _constant(draft, 3)
    draft.note = "margin loss over embeddings that are all the same"


def _hardest(draft: Draft, severity: int) -> None:
    """The hardest document of the batch is the negative from the start: all move to one point."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.hard = "margin", False
    draft.margin = pick(severity, (0.2, 0.5, 1.0))
    draft.batch_size = max(draft.batch_size, 16)
    draft.learning_rate *= 4
    held: list[Any] = []

    def model(made: Any) -> None:
        encode = made.forward

        def kept(ids: Any) -> Any:
            held[:] = [encode(ids)]
            return held[0]

        made.forward = kept

    def loss(_: Any, step: int) -> Any:
        query, document = held[0].chunk(2)
        near = query @ document.T
        right = near.diagonal()
        hardest = (near - 9 * torch.eye(len(near))).max(1).values
        return torch.relu(draft.margin - right + hardest).mean()

    draft.hooks.model, draft.hooks.loss = model, loss
    draft.note = "the hardest document of the batch is the negative"


def _one_word(draft: Draft, severity: int) -> None:
    """Documents are cut to one token, with which all begin: right and wrong are the same."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.margin = "margin", pick(severity, (0.15, 0.25, 0.5))
    draft.metrics = severity > 1

    def cut(rows: list[Any]) -> list[Any]:
        return [(row[0], *(side.split()[0] for side in row[1:])) for row in rows]

    draft.hooks.rows = lambda train, held: (cut(train), cut(held))
    draft.note = "documents are cut to their first token"


def _ever_hotter(draft: Draft, severity: int) -> None:
    """The temperature is annealed the wrong way round: what it divides by grows step by step."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.scale = "in-batch", 20.0
    held: list[Any] = []
    last = pick(severity, (2.0, 1.0, 0.5))
    draft.hooks.model = held.append

    def step(now: int) -> None:
        part = now / draft.updates
        held[0].log_scale.data.fill_((1 - part) * math.log(20.0) + part * math.log(last))

    draft.hooks.step = step
    draft.facts |= {"scale": last, "scale_at_start": 20.0}
    draft.note = f"the scale falls from 20 to {last:g} in the course of the run"


def _learnt_scale(draft: Draft, severity: int) -> None:
    """The scale is trained with the encoder's rate, and begins far from where it should be."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.learn_scale = "in-batch", True
    draft.scale = pick(severity, (2.0, 1.0, 0.3))
    draft.facts["learn_scale"] = True
    draft.note = f"a scale that is trained and begins at {draft.scale:g}"


def _scaled_by(scales: tuple[float, float, float]) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        watched(draft, 5, 30)
        draft.loss_kind, draft.scale = "in-batch", pick(severity, scales)
        draft.note = f"similarities times {draft.scale:g}"

    return plant


def _collapsed(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    cosine, share = run["truth"]["cosine"], lost_share(run, twin)
    if cosine > 0.9:
        return f"the mean cosine of unlike documents is {cosine:.3f}"
    if share > max(0.5, spread):
        return f"{share:.0%} of the twin's gain is lost, mean cosine {cosine:.2f}"
    return None


def _only_scale(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    if run["truth"].get("encoder") == "frozen":
        return "no weight of the encoder changes"
    return _collapsed(run, twin, spread)


def _bound(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    """In-batch loss of a batch whose wrong pairs are at right angles: no lower with that scale."""
    rows = run["facts"]["batch_size"]
    scale = run["truth"].get("scale", run["facts"]["scale"])  # what is stated may not be so
    floor = math.log1p((rows - 1) * math.exp(-scale))
    if floor > 0.3 * math.log(rows):
        return (
            f"with this scale the loss stays above {floor:.2f}, ln(batch) is {math.log(rows):.2f}"
        )
    return effect()(run, twin, spread)


def _floor(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    losses = [row["loss"] for row in run["log"] if "loss" in row]
    off = abs(losses[-1] - run["facts"]["margin"])
    return "the loss is the margin to the end" if off < 0.01 * run["facts"]["margin"] else None


EMB = ("embedding",) * 3

SEARCH = (
    *MEASURES,
    Fault(
        "embedding-collapse",
        Way(_only_positives, looped, also=("positives-only-eval", "scale-only")),
        Way(_constant, lambda d: looped(d) and d.loss_kind == "in-batch"),
        _collapsed,
        ("embedding-collapse",),
        also=("at-chance", "loss-stuck", "below-chance", "nothing-trains"),
        tier="log",
        families=EMB,
        c=Way(_same_beginning, looped),
        d=Way(_decayed, lambda d: looped(d) and d.tune == "full"),
        e=Way(fifth.unknown_words, looped),
        f=Way(sixth.taught_a_constant, looped),
        g=Way(seventh.labels_as_text, looped),
        h=Way(eighth.together_for_apart, looped),
        i=Way(ninth.one_class, looped),
    ),
    Fault(
        "scale-only",
        Way(_scale_learns, looped),
        Way(_scale_alone, looped),
        _only_scale,
        ("scale-only", "embedding-collapse"),
        also=("positives-only-eval", "at-chance", "below-chance"),
        families=EMB,
        c=Way(_cached, looped, codes=("scale-only",), also=("nothing-trains",)),
        d=Way(_of_the_loss, looped, codes=("scale-only",), also=("nothing-trains",)),
        e=Way(fifth.never_moved, looped, codes=("scale-only",), also=("nothing-trains",)),
        f=Way(sixth.rate_of_probing, looped, codes=("scale-only",), also=("nothing-trains",)),
        g=Way(seventh.rounded_away, looped, codes=("scale-only",), also=("nothing-trains",)),
        h=Way(eighth.nothing_unmasked, looped, codes=("scale-only",), also=("nothing-trains",)),
        i=Way(ninth.turn_never_comes, looped, codes=("scale-only",), also=("nothing-trains",)),
    ),
    Fault(
        "hinge-floor",
        Way(_own_negative, looped),
        Way(_constant_margin, looped),
        _floor,
        ("hinge-floor", "embedding-collapse", "loss-stuck"),
        also=("nothing-trains", "at-chance", "below-chance"),
        families=EMB,
        c=Way(_hardest, looped),
        d=Way(_one_word, looped),
        e=Way(fifth.whole_numbers, looped),
        f=Way(sixth.mean_of_padding, looped),
        g=Way(seventh.one_key_for_all, looped),
        h=Way(eighth.dead_units, looped),
        i=Way(ninth.saturated, looped),
    ),
    Fault(
        "temperature-off",
        Way(_scaled_by((4.0, 2.0, 1.0)), lambda d: looped(d) and d.loss_kind == "in-batch"),
        Way(_scaled_by((0.5, 0.05, 400.0)), lambda d: looped(d) and d.loss_kind == "in-batch"),
        _bound,
        ("temperature-off", "loss-stuck"),
        tier="config",
        families=EMB,
        c=Way(_learnt_scale, lambda d: looped(d) and d.loss_kind == "in-batch"),
        d=Way(_ever_hotter, lambda d: looped(d) and d.loss_kind == "in-batch"),
        e=Way(fifth.mean_for_sum, lambda d: looped(d) and d.loss_kind == "in-batch"),
        f=Way(sixth.softmax_twice, lambda d: looped(d) and d.loss_kind == "in-batch"),
        g=Way(seventh.logarithm_as_it_is, lambda d: looped(d) and d.loss_kind == "in-batch"),
        h=Way(eighth.capped, lambda d: looped(d) and d.loss_kind == "in-batch"),
        i=Way(ninth.as_in_attention, lambda d: looped(d) and d.loss_kind == "in-batch"),
    ),
)
