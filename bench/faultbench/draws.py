"""Healthy runs: settings drawn widely around good ones, each from its own seed."""

import math
import random

from bench.faultbench import bases
from bench.faultbench.draft import Draft

GOOD = {  # learning rate that suits the tiny models
    ("lm", "full"): 2.5e-3,
    ("lm", "lora"): 6e-3,
    ("embedding", "full"): 1.5e-3,
    ("embedding", "lora"): 6e-3,
}
MAKERS = {
    "lm": {"loop": 0.45, "transformers": 0.4, "huohou": 0.15},
    "embedding": {"loop": 0.7, "sentence-transformers": 0.3},
}
LOSSES = {"in-batch": 0.5, "margin": 0.25, "logistic": 0.25}
VARIED = ("test6", "test7", "test8")  # splits whose draws are varied further
FURTHER = ("test7", "test8")  # and further still
FURTHEST = ("test8",)
MOST_ROWS = 1500  # rows run through the model in a run, so that one takes a second or two


def healthy(split: str, seed: int, family: str | None = None) -> Draft:
    """The healthy draft of a seed; whether the run is sound in truth is seen afterwards."""
    chance = random.Random(f"healthy:{split}:{seed}")
    kind = chance.choices(("lm", "embedding"), (0.62, 0.38))[0]
    kind = family or kind
    archs = (bases.LM if kind == "lm" else bases.EMBEDDING)[split]
    draft = Draft(kind, chance.choice(archs), chance.randrange(3), "loop", seed)
    names = MAKERS[kind]
    draft.maker = chance.choices(list(names), list(names.values()))[0]
    draft.tune = "lora" if chance.random() < 0.33 else "full"
    if draft.maker == "huohou":
        draft.tune, draft.answer_only = "lora", True
    else:
        draft.answer_only = chance.random() < 0.75
    _length(draft, chance)
    _course(draft, chance)
    _objective(draft, chance)
    _log(draft, chance)
    if split in VARIED:
        _vary(draft, random.Random(f"varied:{split}:{seed}"))
    if split in FURTHER:
        _vary_further(draft, random.Random(f"further:{split}:{seed}"))
    if split in FURTHEST:
        _vary_furthest(draft, random.Random(f"furthest:{split}:{seed}"))
    return draft


def _length(draft: Draft, chance: random.Random) -> None:
    draft.batch_size = chance.choices((4, 8, 16, 32), (2, 4, 4, 1))[0]
    draft.accumulation = chance.choices((1, 2, 4), (16, 3, 1))[0]
    long = draft.batch_size == 4 and chance.random() < 0.4
    asked = _between(chance, 200, 375) if long else _between(chance, 45, 150)
    while draft.accumulation > 1 and MOST_ROWS / (draft.batch_size * draft.accumulation) < 40:
        draft.accumulation //= 2
    updates = min(asked, MOST_ROWS / (draft.batch_size * draft.accumulation))
    draft.num_epochs = float(chance.choices((1, 2, 3, 4, 5), (3, 3, 3, 2, 2))[0])
    rows = updates * draft.batch_size * draft.accumulation / draft.num_epochs
    while rows < 150 and draft.num_epochs > 1:
        draft.num_epochs -= 1
        rows = updates * draft.batch_size * draft.accumulation / draft.num_epochs
    draft.rows = max(60, round(rows))


def _course(draft: Draft, chance: random.Random) -> None:
    draft.learning_rate = GOOD[draft.family, draft.tune] * 3 ** chance.uniform(-1, 1)
    draft.schedule = chance.choices(
        ("linear", "cosine", "constant_with_warmup", "constant"), (4, 4, 1, 1)
    )[0]
    draft.warmup_ratio = chance.choice((0.0, 0.03, 0.1))
    if draft.schedule == "constant":
        draft.warmup_ratio = 0.0
    draft.weight_decay = chance.choice((0.0, 0.0, 0.01, 0.1))
    draft.dropout = chance.choice((0.0, 0.0, 0.05, 0.1))
    draft.rank = chance.choice((4, 8, 16))
    draft.alpha = 2.0 * draft.rank
    draft.desks = chance.choice((0.0, 0.15, 0.3))


def _objective(draft: Draft, chance: random.Random) -> None:
    if draft.family == "lm":
        return
    draft.loss_kind = chance.choices(list(LOSSES), list(LOSSES.values()))[0]
    if draft.maker == "sentence-transformers" and draft.loss_kind == "logistic":
        draft.loss_kind = "in-batch"
    if draft.maker == "sentence-transformers":
        draft.accumulation = 1
    draft.batch_size = max(draft.batch_size, 8)
    draft.scale = chance.choice((15.0, 20.0, 25.0)) if draft.loss_kind == "in-batch" else 8.0
    draft.margin = chance.choice((0.1, 0.2, 0.3, 0.5))
    draft.candidates = chance.choice((4, 6, 8, 10, 16))
    draft.hard = chance.random() < 0.3
    draft.rows = min(draft.rows, round(MOST_ROWS / draft.num_epochs))


def _log(draft: Draft, chance: random.Random) -> None:
    draft.eval_rows = round(_between(chance, 20, 128))
    kind = chance.random()
    draft.evals = (
        0 if kind < 0.1 else chance.randint(1, 4) if kind < 0.22 else chance.randint(5, 20)
    )
    draft.metrics = chance.random() < 0.6
    draft.log_points = round(_between(chance, 12, 400))
    while draft.log_every > 20:
        draft.log_points *= 2
    draft.log_lr = chance.random() < 0.9
    draft.log_grad = chance.random() < 0.7
    draft.window = chance.random() < 0.75


def _vary(draft: Draft, chance: random.Random) -> None:
    """What else people set: other batches, intervals in round numbers, other names of schedules."""
    if chance.random() < 0.35:
        before = draft.batch_size
        draft.batch_size = {4: 6, 8: 10, 16: 12, 32: 24}[before]
        most = round(1.2 * MOST_ROWS / draft.num_epochs)
        draft.rows = max(draft.rows, min(most, round(draft.rows * draft.batch_size / before)))
    others = {"linear": "polynomial", "cosine": "cosine_with_restarts"}  # of one cycle
    if chance.random() < 0.2:
        draft.schedule = others.get(draft.schedule, draft.schedule)
    if chance.random() < 0.3 and not draft.schedule.startswith("constant"):
        draft.warmup_ratio = chance.choice((0.05, 0.06, 0.2))
    draft.max_grad_norm = chance.choice((1.0, 1.0, 1.0, 0.3, 0.5, 5.0))
    if chance.random() < 0.2:
        draft.weight_decay = chance.choice((0.001, 0.05))
    if chance.random() < 0.3:
        draft.rank = chance.choice((2, 6, 32))
        draft.alpha = draft.rank * chance.choice((1.5, 2.0))
    if chance.random() < 0.3:
        draft.scale = chance.choice((12.0, 18.0, 30.0)) if draft.loss_kind == "in-batch" else 8.0
        draft.margin, draft.candidates = chance.choice((0.15, 0.4)), chance.choice((5, 12, 20))
    _round_intervals(draft, chance)


def _vary_further(draft: Draft, chance: random.Random) -> None:
    """Odd batches, schedules with a stable part or a least rate, lines by the pass."""
    if chance.random() < 0.35:
        before = draft.batch_size
        odd = {4: 5, 6: 7, 8: 9, 10: 14, 12: 18, 16: 20, 24: 28, 32: 40}
        draft.batch_size = odd.get(before, before)
        most = round(1.2 * MOST_ROWS / draft.num_epochs)
        draft.rows = max(draft.rows, min(most, round(draft.rows * draft.batch_size / before)))
    if chance.random() < 0.25 and not draft.schedule.startswith("constant"):
        draft.schedule = chance.choice(("warmup_stable_decay", "cosine_with_min_lr"))
        draft.decay_share = chance.choice((0.2, 0.3, 0.5))
        draft.least_rate = chance.choice((0.01, 0.05, 0.1))
    if chance.random() < 0.2:
        draft.dropout = chance.choice((0.02, 0.15))
    if chance.random() < 0.2:
        draft.max_grad_norm = chance.choice((2.0, 10.0))
    _lines_by_pass(draft, chance)


def _lines_by_pass(draft: Draft, chance: random.Random) -> None:
    """A line for the first update, lines and evaluations that come out even with a pass."""
    draft.log_first = chance.random() < 0.3
    per = draft.per_epoch
    if chance.random() < 0.3:
        parts = [n for n in (1, 2, 3, 4, 5, 8, 16) if 1 <= per / n <= 15]
        draft.log_points = max(1, round(draft.num_epochs * chance.choice(parts or [8])))
        while draft.log_every > 20:
            draft.log_points *= 2
    if draft.evals and draft.num_epochs > 1 and chance.random() < 0.3:
        draft.evals = round(draft.num_epochs) * chance.choice((1, 2, 4))


def _vary_furthest(draft: Draft, chance: random.Random) -> None:
    """Rates in round numbers, parts of passes, another mean of squares, a first evaluation."""
    if chance.random() < 0.4:
        draft.learning_rate = float(f"{draft.learning_rate:.0e}")
    if chance.random() < 0.25:
        odd = {8: 11, 9: 11, 10: 13, 12: 13, 16: 22, 20: 22, 24: 30, 28: 30, 32: 48, 40: 48}
        draft.batch_size = odd.get(draft.batch_size, draft.batch_size)
    if chance.random() < 0.25 and not draft.schedule.startswith("constant"):
        _other_schedule(draft, chance)
    if chance.random() < 0.25:
        draft.beta2 = chance.choice((0.95, 0.98, 0.99))
    if chance.random() < 0.15:
        draft.max_grad_norm = chance.choice((0.1, 100.0))
    if chance.random() < 0.2:
        passes = chance.choice((0.9, 1.5, 2.5))
        draft.rows = round(draft.rows * draft.num_epochs / passes)
        draft.num_epochs = passes
    _gathered(draft, chance)
    draft.eval_first, draft.log_rows = chance.random() < 0.25, chance.random() < 0.2


def _other_schedule(draft: Draft, chance: random.Random) -> None:
    """A polynomial that is bent, another shape of the last part, or one over a root."""
    draft.schedule = chance.choice(("polynomial", "warmup_stable_decay", "inverse_sqrt"))
    draft.power, draft.decay_shape = chance.choice((1.5, 2.0)), chance.choice(("linear", "1-sqrt"))
    draft.decay_share = chance.choice((0.2, 0.3, 0.5))
    if draft.schedule == "inverse_sqrt":  # without a warm-up it hardly falls
        draft.warmup_ratio = max(draft.warmup_ratio, 0.05)


def _gathered(draft: Draft, chance: random.Random) -> None:
    """The rows of an update come in two to four batches; a batch has four rows or more."""
    parts, rows = chance.choice((2, 3, 4)), draft.batch_size * draft.accumulation
    own = draft.family == "lm" and draft.maker in ("loop", "transformers")
    if own and chance.random() < 0.3 and rows >= 4 * parts:
        draft.batch_size, draft.accumulation = rows // parts, parts


def _round_intervals(draft: Draft, chance: random.Random) -> None:
    """Logged and evaluated after so many updates as one would set by hand."""
    if chance.random() < 0.4:
        every = [n for n in (1, 2, 5, 10, 20, 25) if draft.updates >= 10 * n]
        draft.log_points = round(draft.updates / chance.choice(every or [1]))
    if draft.evals and chance.random() < 0.4:
        every = [n for n in (5, 10, 20, 25, 50) if 3 * n <= draft.updates <= 30 * n]
        draft.evals = draft.updates // chance.choice(every or [10])


def _between(chance: random.Random, low: float, high: float) -> float:
    """Uniform in the logarithm."""
    return math.exp(chance.uniform(math.log(low), math.log(high)))
