"""Made runs with a seed: faults, and sound runs that look like one."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from huohou.record.record import Point, Record

EVERY = 10


def course(rng: random.Random, n: int, start: float, end: float, rate: float) -> list[float]:
    """An exponential fall with relative noise that may be autocorrelated."""
    sigma, phi = rng.choice([0.003, 0.01, 0.03]), rng.choice([0.0, 0.0, 0.4])
    drift, values = 0.0, []
    for i in range(n):
        drift = phi * drift + rng.gauss(0, sigma * math.sqrt(1 - phi**2))
        values.append((end + (start - end) * math.exp(-rate * (i + 0.5) / n)) * math.exp(drift))
    return values


def record(
    losses: Sequence[float],
    rates: Sequence[float] = (),
    evals: Sequence[float] = (),
    *,
    epochs: float = 3.0,
    seam: int | None = None,
    seconds: Sequence[float] = (),
    facts: dict[str, Any] | None = None,
    **more: Sequence[float],
) -> Record:
    """A run that logs every ten steps. seam: index at which a second process goes on; seconds:
    time of each line."""
    n = len(losses)

    def point(i: int, value: float) -> Point:
        seg = int(seam is not None and i >= seam)
        t = seconds[i] if seconds else None
        return Point(value, EVERY * (i + 1), epochs * (i + 1) / n, t, seg)

    series = {"loss": losses, "learning_rate": rates, **more}
    made = {k: tuple(point(i, v) for i, v in enumerate(s)) for k, s in series.items() if s}
    at = [round((i + 1) * n / len(evals)) - 1 for i in range(len(evals))]
    if evals:
        made["eval_loss"] = tuple(point(i, v) for i, v in zip(at, evals, strict=True))
    return Record({"path": "simulated"}, made, {"finished": True, **(facts or {})})


def cosine(n: int, peak: float, *, warm: int = 3, of: int | None = None) -> list[float]:
    """A cosine schedule with a warm-up; of: the length it was made for."""
    whole = of or n
    return [
        peak * min(1.0, (i + 1) / warm) * (1 + math.cos(math.pi * max(i - warm, 0) / whole)) / 2
        for i in range(n)
    ]


def _size(rng: random.Random) -> tuple[int, float, float]:
    start = rng.uniform(1.5, 6)
    return rng.choice([30, 60, 120, 300]), start, start * rng.uniform(0.1, 0.5)


# Faults


def lr_too_high(rng: random.Random) -> Record:
    """Up when the rate reaches its peak, a slow way down that does not lead below the start."""
    n, start, _ = _size(rng)
    top = start * rng.uniform(1.5, 3)
    warm = max(2, n // 20)
    losses = [start * (1 - 0.02 * i) for i in range(warm)]
    losses += course(rng, n - warm, top, start * rng.uniform(0.9, 1.2), 3)
    return record(losses, cosine(n, 1e-2, warm=warm))


def swinging(rng: random.Random) -> Record:
    """A loss that is thrown up again and again for some lines."""
    n, start, end = _size(rng)
    n = max(n, 60)
    losses = course(rng, n, start, end, 5)
    at = n // 8
    while at < n - 4:
        for i in range(rng.choice([3, 4])):
            losses[at + i] += (start - end) * rng.uniform(0.5, 1.0) * 0.7**i
        at += rng.randint(n // 9, n // 6)
    return record(losses, [5e-3] * n)


def lr_too_low(rng: random.Random) -> Record:
    """A straight line that is hardly not level."""
    n, start, _ = _size(rng)
    losses = [start * (1 - 0.06 * i / n) * math.exp(rng.gauss(0, 0.004)) for i in range(max(n, 60))]
    norms = [1.5 * math.exp(rng.gauss(0, 0.05)) for _ in losses]
    known = rng.random() < 0.5
    rates = [2e-6] * len(losses) if known else []
    return record(losses, rates, grad_norm=norms, facts={"lora_rank": 8} if known else {})


def leak(rng: random.Random) -> Record:
    """Learnt by heart, and the evaluation with it."""
    n, start, _ = _size(rng)
    n = max(n, 60)
    losses = course(rng, n, start, 0.03 * start, 6)
    k = rng.choice([8, 10, 20])
    evals = [losses[round((i + 1) * n / k) - 1] * math.exp(rng.gauss(0, 0.01)) for i in range(k)]
    return record(losses, cosine(n, 2e-4), evals, epochs=rng.choice([8, 10, 20]))


def lost_weights(rng: random.Random) -> Record:
    """The second life begins where the first began."""
    n, start, end = _size(rng)
    half = n // 2
    first, again = course(rng, half, start, end, 6), course(rng, n - half, start, end, 8)
    return record([*first, *again], cosine(n, 2e-4), seam=half if rng.random() < 0.5 else None)


def lost_schedule(rng: random.Random) -> Record:
    """The schedule begins anew at the seam."""
    n, start, end = _size(rng)
    at = rng.randint(n // 3, n // 2)
    rates = [*cosine(n, 2e-4)[:at], *cosine(n - at, 2e-4, warm=rng.choice([1, 3]))]
    return record(course(rng, n, start, end, 6), rates, seam=at if rng.random() < 0.5 else None)


def lost_optimizer(rng: random.Random) -> Record:
    """A bump at the seam: the averages of Adam began at 0."""
    n, start, end = _size(rng)
    n = max(n, 60)
    at = n // 2
    losses = course(rng, n, start, end, 9)
    for i in range(at, n):
        losses[i] += 0.3 * (start - end) * math.exp(-(i - at) / 4)
    return record(losses, cosine(n, 2e-4), seam=at)


def stalled(rng: random.Random) -> Record:
    """Two hours without a line, or lines that become five times as slow."""
    n, start, end = _size(rng)
    gaps = [20 * math.exp(rng.gauss(0, 0.2)) for _ in range(n)]
    if rng.random() < 0.5:
        gaps[n // 2] += 7200
    else:
        gaps = [g * (5 if i > 0.7 * n else 1) for i, g in enumerate(gaps)]
    times = [1e9 + sum(gaps[: i + 1]) for i in range(n)]
    return record(course(rng, n, start, end, 5), cosine(n, 2e-4), seconds=times)


def mismatch(rng: random.Random) -> Record:
    """A schedule made for three times as many updates."""
    n, start, end = _size(rng)
    return record(course(rng, n, start, end, 5), cosine(n, 2e-4, of=3 * n))


FAULTS: dict[str, tuple[Callable[[random.Random], Record], str]] = {
    "lr too high": (lr_too_high, "lr-too-high diverged"),
    "swings": (swinging, "lr-too-high"),
    "lr too low": (lr_too_low, "lr-too-low"),
    "leak": (leak, "leak-suspected"),
    "lost weights": (lost_weights, "resume-lost-weights"),
    "lost schedule": (lost_schedule, "resume-lost-optimizer"),
    "lost optimizer": (lost_optimizer, "resume-lost-optimizer"),
    "stalled": (stalled, "stalled"),
    "mismatch": (mismatch, "schedule-mismatch"),
}


# Sound runs that look like a fault


def restarts(rng: random.Random) -> Record:
    """A cosine with restarts; the loss rises a little at each."""
    n, start, end = _size(rng)
    cycles = rng.choice([2, 3, 4])
    each = n // cycles
    rates = [2e-4 * (1 + math.cos(math.pi * (i % each) / each)) / 2 for i in range(each * cycles)]
    losses = course(rng, each * cycles, start, end, 5)
    for k in range(1, cycles):
        for i in range(k * each, min(k * each + 5, len(losses))):
            losses[i] += 0.1 * (start - end) * math.exp(-(i - k * each) / 3)
    return record(losses, rates, _near(losses))


def curriculum(rng: random.Random) -> Record:
    """Harder rows from the middle on."""
    n, start, end = _size(rng)
    half = n // 2
    losses = course(rng, half, start, end, 6)
    losses += course(rng, n - half, end + rng.uniform(0.3, 0.6) * (start - end), 1.2 * end, 5)
    return record(losses, cosine(n, 2e-4), grad_norm=[1.0 * math.exp(rng.gauss(0, 0.1))] * n)


def resumed(rng: random.Random) -> Record:
    """A resume as it should be."""
    n, start, end = _size(rng)
    losses = course(rng, n, start, end, 5)
    return record(losses, cosine(n, 2e-4), _near(losses), seam=rng.randint(n // 4, 3 * n // 4))


def staircase(rng: random.Random) -> Record:
    """Down at the beginning of each pass: rows are seen again."""
    n, start, end = _size(rng)
    passes = rng.choice([3, 4])
    losses = [
        v * (1 - 0.2 * (passes * i // n) / passes)
        for i, v in enumerate(course(rng, n, start, end, 4))
    ]
    return record(losses, cosine(n, 2e-4), epochs=float(passes))


def rewards(rng: random.Random) -> Record:
    """GRPO: the loss stays about 0 and the reward rises."""
    n = rng.choice([30, 60, 120])
    losses = [rng.gauss(0, 0.003) for _ in range(n)]
    return record(losses, cosine(n, 1e-6), reward=[0.2 + 0.5 * i / n for i in range(n)])


def overflow(rng: random.Random) -> Record:
    """bf16, one update left out for an infinite gradient."""
    n, start, end = _size(rng)
    norms = [math.exp(rng.gauss(0, 0.2)) for _ in range(n)]
    norms[rng.randrange(n)] = math.inf
    losses = course(rng, n, start, end, 5)
    return record(losses, cosine(n, 2e-4), _near(losses), grad_norm=norms, facts={"dtype": "bf16"})


def dropout(rng: random.Random) -> Record:
    """Evaluation below training throughout, after many passes."""
    n, start, end = _size(rng)
    losses = course(rng, n, start, end, 5)
    return record(losses, cosine(n, 2e-4), _near(losses, 0.75), epochs=rng.choice([2, 6, 10]))


def small_evaluation(rng: random.Random) -> Record:
    """Few rows to evaluate on: each figure is off by some percent."""
    n, start, end = _size(rng)
    losses = course(rng, n, start, end, 6)
    evals = [v * math.exp(rng.gauss(0, 0.08)) for v in _near(losses, 1.2, rng.choice([6, 12, 20]))]
    return record(losses, cosine(n, 2e-4), evals)


def converged(rng: random.Random) -> Record:
    """Nothing was left to learn."""
    n, _, _ = _size(rng)
    level = rng.uniform(0.3, 1.5)
    losses = [level * math.exp(rng.gauss(0, 0.03)) for _ in range(n)]
    return record(losses, cosine(n, 2e-4), [level * rng.uniform(0.99, 1.01) for _ in range(6)])


def small_batches(rng: random.Random) -> Record:
    """One row a batch: lines differ by a third, some by more."""
    n, start, end = _size(rng)
    losses = [v * math.exp(rng.gauss(0, 0.3)) for v in course(rng, n, start, end, 6)]
    for _ in range(n // 30):
        losses[rng.randrange(n)] *= 2.5
    return record(losses, cosine(n, 2e-4), _near(course(rng, n, start, end, 6)))


def warm_hump(rng: random.Random) -> Record:
    """A small hump when the warm-up ends, and down from there."""
    n, start, end = _size(rng)
    losses = course(rng, n, start, end, 6)
    for i in range(n // 20):
        losses[i] *= 1.04
    return record(losses, cosine(n, 2e-4), _near(losses))


def pauses(rng: random.Random) -> Record:
    """Evaluations and checkpoints take their time."""
    n, start, end = _size(rng)
    gaps = [8 * math.exp(rng.gauss(0, 0.3)) + (200 if i % 10 == 9 else 0) for i in range(n)]
    times = [1e9 + sum(gaps[: i + 1]) for i in range(n)]
    losses = course(rng, n, start, end, 5)
    return record(losses, cosine(n, 2e-4), _near(losses), seconds=times)


def generalises(rng: random.Random) -> Record:
    """Ten passes over rows that teach the task: both losses fall, the gap opens a little."""
    n, start, _ = _size(rng)
    losses = course(rng, n, start, start * rng.uniform(0.05, 0.3), 5)
    k = 10
    evals = [v * (1 + 0.03 * (i + 1)) for i, v in enumerate(_near(losses, 1.0, k))]
    return record(losses, cosine(n, 2e-4), evals, epochs=10.0)


def _near(losses: Sequence[float], factor: float = 1.05, count: int = 6) -> list[float]:
    """Evaluations a little above the training loss."""
    n = len(losses)
    at = [round((i + 1) * n / count) - 1 for i in range(count)]
    return [
        factor * sum(losses[max(0, i - 2) : i + 1]) / len(losses[max(0, i - 2) : i + 1]) for i in at
    ]


LOOK_ALIKES: dict[str, Callable[[random.Random], Record]] = {
    made.__name__: made
    for made in (
        *(restarts, curriculum, resumed, staircase, rewards, overflow, dropout, small_evaluation),
        *(converged, small_batches, warm_hump, pauses, generalises),
    )
}
