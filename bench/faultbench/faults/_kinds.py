"""What a fault is, and what several of them use."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.faultbench.draft import Draft, Hooks

Plant = Callable[[Draft, int], None]  # draft, severity 1 to 3
Run = dict[str, Any]
# run, its twin's truth, spread -> why it can be decided, or None
Fact = Callable[[Run, Run, float], str | None]


@dataclass(frozen=True)
class Way:
    """One way of planting a fault. needs: healthy drafts that it can be planted in."""

    plant: Plant
    needs: Callable[[Draft], bool] = lambda draft: True
    codes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fault:
    """A fault. codes: those that name it, the main one first; tier: evidence that it needs.

    fact: the rule by which a run counts as decidable, None for those that no log can show;
    seeds: how many a severity.
    """

    name: str
    a: Way
    b: Way
    fact: Fact | None
    codes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    tier: str = "log"
    seeds: int = 3
    families: tuple[str, ...] = field(default=("lm", "lm", "embedding"))
    c: Way = field(kw_only=True)
    d: Way = field(kw_only=True)
    e: Way = field(kw_only=True)
    f: Way = field(kw_only=True)
    g: Way = field(kw_only=True)
    h: Way = field(kw_only=True)
    i: Way = field(kw_only=True)

    def planted(self, way: str) -> Way:
        """The way of a letter, a to i."""
        ways = (self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h, self.i)
        return dict(zip("abcdefghi", ways, strict=True))[way]


def pick(severity: int, values: tuple[Any, Any, Any]) -> Any:
    """The value of a severity."""
    return values[severity - 1]


def at(draft: Draft, share: float) -> int:
    """The update at a share of the run."""
    return max(1, round(share * draft.updates))


def looped(draft: Draft) -> bool:
    """Made by the plain loop."""
    return draft.maker == "loop"


def hooked(draft: Draft) -> bool:
    """Made by the plain loop or transformers' Trainer: code can be planted everywhere."""
    return draft.maker in ("loop", "transformers")


def watched(draft: Draft, evals: int = 8, points: int = 30) -> None:
    """At least so many evaluations and log lines."""
    draft.evals = max(draft.evals, evals)
    draft.log_points = max(draft.log_points, points)


def chance_of(draft: Draft, name: str) -> random.Random:
    """A source of chance for planting."""
    return random.Random(f"{name}:{draft.seed}")


def few_rows(draft: Draft, rows: int, longer: float = 1.3) -> None:
    """The same number of updates, and some more, on few rows."""
    updates = draft.updates * longer
    while draft.accumulation > 1:
        draft.accumulation //= 2
    draft.batch_size = min(draft.batch_size, max(4, rows))
    draft.rows = rows
    draft.num_epochs = float(max(6, round(updates / draft.per_epoch)))


def in_passes(draft: Draft, passes: int, longer: float = 1.0) -> None:
    """The same number of updates, or a part more, in so many passes over other rows."""
    draft.rows = max(1, round(longer * draft.rows * draft.num_epochs / passes))
    draft.num_epochs = float(passes)


def planned(draft: Draft) -> Callable[[int], float]:
    """The factor of the rate by step: warm-up, then linear or cosine to 0, as the draft says."""
    warm, total, cosine = draft.warmup, draft.updates, draft.schedule.startswith("cosine")
    if draft.schedule == "warmup_stable_decay":
        return _stable_first(draft)
    if draft.schedule == "inverse_sqrt":
        return _inverse_root(draft)
    least = draft.least_rate if draft.schedule == "cosine_with_min_lr" else 0.0
    power = draft.power if draft.schedule == "polynomial" else 1.0

    def factor(step: int) -> float:
        if step < warm:
            return step / warm
        part = min(1.0, (step - warm) / max(1, total - warm))
        half = 0.5 * (1 + math.cos(math.pi * part))
        return least + (1 - least) * half if cosine else (1 - part) ** power

    return factor


def _inverse_root(draft: Draft) -> Callable[[int], float]:
    """Warm-up, then the root of its length over that of the run so far."""
    warm = draft.warmup
    known = warm or 10_000
    return lambda step: step / warm if step < warm else (known / (step + known - warm)) ** 0.5


def _stable_first(draft: Draft) -> Callable[[int], float]:
    """Warm-up, a stable part, and half a cosine, a line or 1 less a root, to 0."""
    warm, total = draft.warmup, draft.updates
    decay: int = draft.schedule_options(total)["num_decay_steps"]

    def factor(step: int) -> float:
        if step < warm:
            return step / warm
        part = min(1.0, max(0.0, (step - (total - decay)) / decay))
        if draft.decay_shape:
            return 1 - (part if draft.decay_shape == "linear" else part**0.5)
        return 0.5 * (1 + math.cos(math.pi * part))

    return factor


def taught(model: Any, draft: Draft, parts: Sequence[Sequence[int]], passes: int) -> None:
    """Train a language model on parts of the draft's rows, by number, before the run begins."""
    import torch

    from bench.faultbench.tasks import LanguageTask

    task, chance = LanguageTask(replace(draft, hooks=Hooks())), chance_of(draft, "taught")
    fit = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for part in parts:
        for _ in range(passes * len(part) // 8):
            task.loss(model, task.batch(chance.sample(part, 8))).backward()
            fit.step()
            fit.zero_grad()


# Rules that decide


def lost_share(run: Run, twin: Run) -> float:
    """Part of the twin's gain that the run did not make."""
    from bench.faultbench.truth import lost

    return lost(run["truth"], twin)


def effect(least: float = 0.0) -> Fact:
    """The end is worse in truth than the twin's by more than chance, and by a least part."""

    def fact(run: Run, twin: Run, spread: float) -> str | None:
        share = lost_share(run, twin)
        bound = max(spread, least)
        if share > bound:
            return f"{share:.0%} of the healthy twin's gain is lost (chance: {spread:.0%})"
        return None

    return fact


def stated(key: str, least: float, words: str) -> Fact:
    """A number that planting or training left in the truth is large enough."""

    def fact(run: Run, twin: Run, spread: float) -> str | None:
        value = run["truth"].get(key, -math.inf)
        return words.format(value) if value >= least else None

    return fact


def always(words: str) -> Fact:
    """True by the way it was made."""
    return lambda run, twin, spread: words


def shown(kind: str, name: str, test: Callable[[float], bool], words: str) -> Fact:
    """A value that the run's own log holds."""

    def fact(run: Run, twin: Run, spread: float) -> str | None:
        hits = sum(row["kind"] == kind and name in row and test(row[name]) for row in run["log"])
        return words.format(hits) if hits else None

    return fact
