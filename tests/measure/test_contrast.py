"""Formulas of contrastive losses against direct computation and simulation."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huohou.measure import contrast, ranking

COUNTS = st.integers(2, 500)


def in_batch(logits: np.ndarray) -> float:
    """Mean cross-entropy of the diagonal, directly; of a loss near 0 every digit is right."""
    others = np.exp(logits - logits.diagonal()[:, None])
    np.fill_diagonal(others, 0.0)
    return float(np.log1p(others.sum(axis=1)).mean())


@given(COUNTS, st.floats(-30, 30))
def test_lead_and_loss_undo_each_other(n: int, lead: float) -> None:
    assert contrast.lead_of(contrast.contrast_loss(n, lead), n) == pytest.approx(lead, abs=1e-4)


@given(st.integers(2, 40), st.floats(0.1, 30), st.integers(0, 2**32 - 1))
@example(2, 20.0, 13372)  # a loss of 1e-16, which is not 0
def test_no_cosines_leave_the_bounds(n: int, scale: float, seed: int) -> None:
    cosines = np.random.default_rng(seed).uniform(-1, 1, (n, n))
    loss = in_batch(scale * cosines)
    low, high = contrast.contrast_bounds(n, scale)
    assert low - 1e-9 <= loss <= high + 1e-9
    others = (cosines.sum() - cosines.trace()) / (n * (n - 1))
    gap = scale * (cosines.trace() / n - others)
    assert contrast.lead_of(loss, n) <= gap + 1e-6  # Jensen: the loss bounds the scale from below


@given(st.integers(2, 200), st.floats(0, 1))
def test_a_calibrated_guess_costs_what_is_needed(n: int, accuracy: float) -> None:
    parts = [accuracy, *[(1 - accuracy) / (n - 1)] * (n - 1)]
    entropy = -sum(p * math.log(p) for p in parts if p > 0)
    assert contrast.needed_loss(accuracy, n) == pytest.approx(entropy)
    assert contrast.needed_loss(accuracy, n) <= math.log(n) + 1e-9


def test_first_among_fewer_is_no_more_than_counted() -> None:
    random = np.random.default_rng(3)
    ranks = np.minimum(200, random.geometric(0.08, 4000))
    shares = {k: float((ranks <= k).mean()) for k in (1, 3, 5, 10, 50, 200)}
    drawn = np.array([random.choice(199, 31, replace=False).min() for _ in range(4000)])
    counted = float((drawn >= ranks - 1).mean())
    assert counted - 0.08 < contrast.among_fewer(shares, 200, 32) < counted + 0.02


@pytest.mark.parametrize(("measure", "k"), [("accuracy", 3), ("mrr", 10), ("ndcg", 10)])
def test_what_guessing_brings(measure: str, k: int) -> None:
    ranks = np.random.default_rng(1).integers(1, 41, 200_000)
    gains = {"accuracy": ranks * 0 + 1.0, "mrr": 1 / ranks, "ndcg": 1 / np.log2(ranks + 1)}
    scores = np.where(ranks <= k, gains[measure], 0.0)
    mean, spread = ranking.guessed(measure, k, 40)
    assert mean == pytest.approx(scores.mean(), rel=0.02)
    assert spread == pytest.approx(scores.std(), rel=0.02)


def test_an_arbitrary_order_costs_the_floor_at_least() -> None:
    random = np.random.default_rng(2)
    lists = np.concatenate([np.full((20_000, 1), 9.0), random.normal(0, 0.2, (20_000, 5))], axis=1)
    i, j = np.triu_indices(6, 1)
    hinge = np.maximum(0, 0.1 - (lists[:, i] - lists[:, j])).mean()
    assert hinge >= contrast.ordered_floor(0.1, 6) - 1e-3


@pytest.mark.parametrize(
    "bad", [lambda: contrast.contrast_loss(1, 0.0), lambda: contrast.needed_loss(2, 3)]
)
def test_what_cannot_be_is_refused(bad) -> None:
    with pytest.raises(ValueError, match="not"):
        bad()
