"""The constants that losses and rankings sit on, on the numbers of real reports."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from huohou.measure import ranking, reference

VALIDATION = [0.2236, 0.1658, 0.1262, 0.0982, 0.0777]  # document 000
TRAINING = [0.2720, 0.1930, 0.1449, 0.1115, 0.0875]


@given(st.floats(-700, 700))
def test_softplus_is_its_formula(x: float) -> None:
    direct = math.log1p(math.exp(x)) if x < 0 else x + math.log1p(math.exp(-x))
    assert reference.softplus(x) == pytest.approx(direct)
    assert reference.softplus(x) >= max(0.0, x)


@given(st.floats(-50, 50))
def test_logit_of_undoes_softplus(s: float) -> None:
    assert reference.logit_of(reference.softplus(-s)) == pytest.approx(s, abs=1e-5)


@pytest.mark.parametrize("loss", [0.0, -1.0, math.nan])
def test_no_logistic_loss(loss: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        reference.logit_of(loss)


def test_document_000_is_one_number_growing() -> None:
    scale = reference.logit_of(VALIDATION[-1])
    assert round((scale - 1) ** 2, 1) == 2.3  # its MSE
    assert round(scale - 1, 1) == 1.5  # its MAE
    lagged = reference.lagged_means(VALIDATION, first=0.3133)
    assert TRAINING[1:] == pytest.approx(lagged[1:], rel=0.01)
    assert lagged[0] == pytest.approx(TRAINING[0], rel=0.015)


def test_document_001_is_below_chance() -> None:
    assert [round(ranking.top_k_chance(k, 6), 3) for k in (1, 3, 5)] == [0.167, 0.5, 0.833]
    assert round(ranking.at_most(15, 50, 0.5), 3) == 0.003
    assert reference.sits_on(0.0998, reference.constants(margin=0.1)) == "margin"


@given(st.integers(1, 60), st.floats(1e-9, 1), st.data())
def test_tails_of_the_binomial_meet(n: int, chance: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    both = ranking.at_most(hits, n, chance) + ranking.at_least(hits, n, chance)
    assert both == pytest.approx(1 + float(binom.pmf(hits, n, chance)), abs=1e-9)


def test_what_is_no_ranking() -> None:
    with pytest.raises(ValueError, match="candidates"):
        ranking.top_k_chance(1, 0)
    with pytest.raises(ValueError, match="hits"):
        ranking.at_most(3, 2, 0.5)
    with pytest.raises(ValueError, match="token"):
        reference.uniform_loss(0)


def test_lengths() -> None:
    assert reference.lagged_means([1.0]) == []
    assert reference.sits_on(1.0, {}) is None
