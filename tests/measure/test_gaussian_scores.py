"""Scores of Gaussian texts against slow arithmetic, and CSD as an inner product."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from huohou.measure.gaussian import SCORES, SEARCHABLE, csd, csd_vectors, search_vectors

RNG = np.random.default_rng(0)


def unit(count: int, dim: int) -> np.ndarray:
    found = RNG.normal(size=(count, dim))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def slow(name: str, mu_q: list, var_q: list, mu_p: list, var_p: list) -> float:
    total = 0.0
    for a, v, b, w in zip(mu_q, var_q, mu_p, var_p, strict=True):
        match name:
            case "cosine":
                total += a * b
            case "csd":
                total -= (a - b) ** 2 + v + w
            case "w2":
                total -= (a - b) ** 2 + (math.sqrt(v) - math.sqrt(w)) ** 2
            case "mls":
                total -= 0.5 * ((a - b) ** 2 / (v + w) + math.log(v + w))
    return total


@pytest.mark.parametrize("name", sorted(SCORES))
@pytest.mark.parametrize("width", [1, 6])
def test_scores_are_those_of_slow_arithmetic(name: str, width: int) -> None:
    mu_q, mu_p = unit(4, 6), unit(5, 6)
    log_q, log_p = RNG.normal(-2, 1, (4, width)), RNG.normal(-2, 1, (5, 6))
    found = SCORES[name](mu_q, log_q, mu_p, log_p)
    var_q = np.broadcast_to(np.exp(log_q), mu_q.shape)
    expected = [
        [slow(name, a, v, b, w) for b, w in zip(mu_p, np.exp(log_p), strict=True)]
        for a, v in zip(mu_q, var_q, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", SEARCHABLE)
def test_an_inner_product_ranks_as_the_score(name: str) -> None:
    mu_q, mu_p = unit(20, 64), unit(300, 64)
    log_q, log_p = RNG.normal(-4, 1, (20, 64)), RNG.normal(-4, 1, (300, 64))
    query = search_vectors(name, mu_q, log_q, "query")
    passage = search_vectors(name, mu_p, log_p, "passage")
    assert query.shape[1] == passage.shape[1] == {"cosine": 64, "csd": 65, "w2": 129}[name]
    expected = np.argsort(-SCORES[name](mu_q, log_q, mu_p, log_p), axis=1)
    np.testing.assert_array_equal(np.argsort(-(query @ passage.T), axis=1), expected)


# Eighths and variances that are powers of 2: every sum is exact, so that ties are ties in both.
EIGHTHS = st.integers(-8, 8).map(lambda n: n / 8)
POWERS = st.integers(-6, 2).map(lambda n: n * math.log(2))


@given(st.data(), st.integers(1, 6), st.integers(1, 12), st.booleans())
def test_csd_by_search_ranks_exactly_as_brute_force(
    data: st.DataObject, dim: int, count: int, scalar: bool
) -> None:
    mu_q = data.draw(arrays(float, (3, dim), elements=EIGHTHS))
    mu_p = data.draw(arrays(float, (count, dim), elements=EIGHTHS))
    log_q = data.draw(arrays(float, (3, 1 if scalar else dim), elements=POWERS))
    log_p = data.draw(arrays(float, (count, 1 if scalar else dim), elements=POWERS))
    brute = csd(mu_q, log_q, mu_p, log_p)
    product = csd_vectors(mu_q, log_q, "query") @ csd_vectors(mu_p, log_p, "passage").T
    for far, near in zip(brute.round(9), product.round(9), strict=True):  # exp rounds
        np.testing.assert_array_equal(
            np.argsort(-far, kind="stable"), np.argsort(-near, kind="stable")
        )


def test_a_passage_that_is_unsure_loses_and_a_query_does_not() -> None:
    mu = unit(1, 8)
    passages = np.vstack([mu, mu])
    sure_first = np.array([[-4.0], [0.0]])
    found = csd(mu, None, passages, sure_first)
    assert found[0, 0] > found[0, 1]
    unsure = csd(mu, np.array([[1.0]]), passages, sure_first)
    np.testing.assert_allclose(np.diff(unsure), np.diff(found))


def test_scores_without_what_they_need() -> None:
    with pytest.raises(ValueError, match="variance"):
        SCORES["mls"](unit(1, 2), None, unit(1, 2), None)
    with pytest.raises(ValueError, match="mls"):
        search_vectors("mls", unit(1, 2), None, "query")
