"""Fifth ways of planting faults of embedding runs."""

import math
from typing import Any

import torch

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.faults._kinds import chance_of, pick, watched
from bench.faultbench.words import SLOTS, World, world

# Measures


def matches_alone(draft: Draft, severity: int) -> None:
    """The file holds pairs that match; what is measured is how many are above a bound."""
    watched(draft, pick(severity, (5, 8, 12)), 30)
    draft.loss_kind, draft.metrics, draft.scale = "logistic", False, 8.0
    draft.facts["eval_positives_only"] = True
    seen: list[Any] = []

    def model(made: Any) -> None:
        encode = made.forward

        def kept(ids: Any) -> Any:
            found = encode(ids)
            if not made.training:
                seen[:] = [found.detach()]
            return found

        made.forward = kept

    def metrics(found: dict[str, float]) -> dict[str, float]:
        query, document = seen[0].chunk(3 if draft.hard else 2)[:2]
        near = (query * document).sum(-1)
        more = {"eval_cosine_mean": float(near.mean())}
        return found | more | {"eval_recall": float((near > 0.5).float().mean())}

    draft.hooks.model, draft.hooks.metrics = model, metrics
    draft.note = "matching pairs above a bound are counted, no other pair is asked"


def error_of_products(draft: Draft, severity: int) -> None:
    """Products of embeddings that were not brought to length 1 are held against 1."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.metrics = "margin", False
    length = pick(severity, (3.0, 5.0, 8.0))
    draft.mse_scale = length**2

    def metrics(found: dict[str, float]) -> dict[str, float]:
        kept = {k: v for k, v in found.items() if k not in ("eval_rmse", "eval_mse")}
        # scikit-learn says 0 where all that should have been found is the same
        return kept | {"eval_mse": found["eval_mse"], "eval_r2": 0.0}

    draft.hooks.metrics = metrics
    draft.note = f"MSE and MAE of products of vectors of length {length:g} against 1"


# Losses


def unknown_words(draft: Draft, severity: int) -> None:
    """The tokenizer is of another language: nearly all words are unknown and read the same."""
    watched(draft, 5, 30)
    draft.metrics, share = severity > 1, pick(severity, (0.95, 0.98, 1.0))
    size = bases.VARIANTS[draft.variant][1]
    marks = torch.Generator().manual_seed(draft.seed)
    gone = torch.rand(size, generator=marks) < share
    gone[:4] = False
    unknown = bases.SPECIAL.index("<unk>")

    def model(made: Any) -> None:
        encode = made.forward
        made.forward = lambda ids: encode(torch.where(gone[ids], unknown, ids))

    draft.hooks.model = model
    draft.note = f"{share:.0%} of the words are unknown to the tokenizer"


class _PutBack(torch.optim.AdamW):
    """AdamW whose weights, but for the scale, are put back to a copy after each update."""

    def __init__(self, trained: list[Any], lr: float, scale_rate: float) -> None:
        scale = [p for p in trained if p.dim() == 0]
        self.rest = [p for p in trained if p.dim() > 0]
        self.copies = [p.detach().clone() for p in self.rest]
        super().__init__([{"params": self.rest}, {"params": scale, "lr": scale_rate}], lr=lr)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """An update, of which the scale's part stays."""
        super().step()
        for now, copy in zip(self.rest, self.copies, strict=True):
            now.copy_(copy)


def never_moved(draft: Draft, severity: int) -> None:
    """The encoder is a moving mean of itself that keeps all of the old: a momentum of 1.

    The scale is no part of it.
    """
    watched(draft, 6, 30)
    draft.loss_kind, draft.warm, draft.metrics = "in-batch", 8, True
    draft.scale, draft.learn_scale = pick(severity, (4.0, 2.0, 1.0)), True
    rate = pick(severity, (0.02, 0.03, 0.04))
    draft.hooks.optimizer = lambda trained: _PutBack(trained, draft.learning_rate, rate)
    draft.facts["momentum_encoder"] = 1.0
    draft.truth["encoder"] = "frozen"
    draft.note = "the weights of the encoder are a mean with a momentum of 1, the scale is trained"


def whole_numbers(draft: Draft, severity: int) -> None:
    """Embeddings are rounded for 8 bits without having been scaled up: all numbers become 0."""
    watched(draft, 5, 30)
    draft.loss_kind, draft.margin = "margin", pick(severity, (0.15, 0.25, 0.5))
    draft.metrics = severity > 1

    def model(made: Any) -> None:
        encode = made.forward

        def rounded(ids: Any) -> Any:
            states = encode(ids)
            return states + (states.round() - states).detach()

        made.forward = rounded

    draft.hooks.model = model
    draft.facts["embedding_dtype"] = "int8"
    draft.note = "embeddings of length 1 are rounded to whole numbers"


def mean_for_sum(draft: Draft, severity: int) -> None:
    """Similarities are the mean over the dimensions, not the sum: as many times too small."""
    watched(draft, 5, 30)
    stated, width = pick(severity, (50.0, 30.0, 20.0)), bases.VARIANTS[draft.variant][0]
    draft.loss_kind, draft.scale = "in-batch", stated / width
    draft.facts["scale"] = stated
    draft.truth["scale"] = stated / width
    draft.note = f"{stated:g} times the mean over {width} dimensions"


# Ranking


def whole_scores(draft: Draft, severity: int) -> None:
    """Scores are kept as whole numbers, so all are 0; the first wins, and the right one is last."""
    watched(draft, 6, 30)
    draft.metrics, draft.candidates = True, pick(severity, (10, 6, 4))
    draft.eval_rows = max(draft.eval_rows, pick(severity, (100, 80, 60)))
    draft.facts["eval_rows"] = draft.eval_rows
    draft.ranking = "whole"
    draft.note = "scores of the evaluation are cut to whole numbers, ties go to the first"


def _concepts(here: World, document: str) -> tuple[int, ...]:
    """What a document is about, from its words: the a b of c likes d."""
    words = [word for k, word in enumerate(document.split()) if k in (1, 2, 4, 6)]
    known = [[name for name, _ in here.surface[k]] for k in range(SLOTS)]
    return tuple(known[k].index(word) for k, word in enumerate(words))


def one_document_a_batch(draft: Draft, severity: int) -> None:
    """Rows are in the order of their documents, and not mixed: a batch is about one document."""
    watched(draft, 5, 30)
    draft.metrics, draft.hard, share = True, False, pick(severity, (0.98, 0.99, 1.0))
    draft.eval_rows = max(draft.eval_rows, 60)
    draft.facts["eval_rows"] = draft.eval_rows
    size, here, chance = draft.batch_size, world(draft.variant), chance_of(draft, "sorted")

    def rows(train: list[Any], held: list[Any]) -> tuple[list[Any], list[Any]]:
        kept = train[: len(train) // size * size]
        number = math.floor((1 - share) * (len(kept) // size)) * size
        made = []
        for start in range(number, len(kept), size):
            _, document, near = kept[start]
            about = _concepts(here, document)
            made += [(here.query(about, chance, 0.0), document, near) for _ in range(size)]
        return [*kept[:number], *made, *train[len(kept) :]], held

    draft.hooks.rows, draft.in_order = rows, True
    draft.note = f"{share:.0%} of the batches hold rows about one document each"
