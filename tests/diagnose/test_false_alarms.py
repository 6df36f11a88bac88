"""Healthy runs draw no alarm: made curves of many shapes, each with a seed."""

import math
import random

import pytest

from huohou.diagnose.engine import diagnose
from huohou.record.record import Point, Record

# What a sound run may be told: it was watched too little, or it could have gone on.
ALLOWED = {"no-eval", "few-evals", "undertrained"}
RUNS = 60
SHAPES = ("plain", "flat evaluations", "harder data", "staircase", "at its end", "spikes")


def healthy(rng: random.Random, shape: str) -> Record:
    """A healthy run: falling to a floor, with noise that may be autocorrelated."""
    n = rng.choice([10, 15, 30, 50, 100, 300])
    evaluations = rng.choice([0, 3, 5, 6, 8, 12, 20])
    start = rng.uniform(0.8, 3 if shape == "at its end" else 6)
    end, rate = start * rng.uniform(0.05, 0.8), rng.uniform(3, 12)
    sigma, phi = rng.choice([0.003, 0.01, 0.03, 0.08, 0.15]), rng.choice([0, 0, 0.3, 0.6])
    spread = rng.choice([0.001, 0.005, 0.02, 0.05])

    def course(u: float) -> float:
        if shape == "at its end":
            return end
        return end + (start - end) * math.exp(-rate * u)

    drift, losses = 0.0, []
    for i in range(n):
        drift = phi * drift + rng.gauss(0, sigma * math.sqrt(1 - phi**2))
        losses.append(course((i + 0.5) / n) * math.exp(drift))
    if shape == "staircase":
        losses = [v * (1 - 0.12 * (3 * i // n)) for i, v in enumerate(losses)]
    if shape == "harder data":
        half, jump = n // 2, 0.6 * (losses[0] - losses[n // 2 - 1])
        losses = [
            v if i < half else v + jump * math.exp(-4 * (i - half) / (n - half))
            for i, v in enumerate(losses)
        ]
    if shape == "spikes":
        losses[rng.randrange(n)] *= 2.5
    floor = 0.7 * start if shape == "flat evaluations" else None
    evals = [
        (floor or 1.1 * course((i + 1) / evaluations)) * (1 + rng.gauss(0, spread))
        for i in range(evaluations)
    ]
    return Record(
        {"path": shape},
        {
            "loss": tuple(Point(v, 10 * (i + 1), 3 * (i + 1) / n) for i, v in enumerate(losses)),
            "eval_loss": tuple(
                Point(v, round(10 * n * (i + 1) / evaluations), 3 * (i + 1) / evaluations)
                for i, v in enumerate(evals)
            ),
            "learning_rate": tuple(
                Point(1e-4 * (1 + math.cos(math.pi * i / n)), 10 * (i + 1)) for i in range(n)
            ),
        },
        {"finished": True},
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_healthy_runs_draw_no_alarm(shape: str) -> None:
    alarms = []
    for seed in range(RUNS):
        result = diagnose(healthy(random.Random(f"{shape} {seed}"), shape))
        named = {f.code for f in result.findings if f.severity != "info"} - ALLOWED
        alarms += [(seed, named)] if named else []
    assert len(alarms) <= 0.02 * RUNS, alarms
