"""Calibration measures against brute force and against forecasts whose truth is known."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from huohou.measure.calibration import (
    auroc,
    brier,
    brier_skill,
    calibration_error,
    reliability,
    resampled,
)
from huohou.measure.recalibration import fit_isotonic, fit_platt, threshold, upper_bound

forecasts = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 0.99, 1.0]), st.integers(0, 1)),
    min_size=1,
    max_size=40,
)


@given(forecasts, st.integers(1, 12))
def test_bins_hold_every_answer_once_and_never_split_a_tie(
    pairs: list[tuple[float, int]], bins: int
) -> None:
    stated, right = zip(*pairs, strict=True)
    table = reliability(stated, right, bins)
    assert sum(one.n for one in table) == len(pairs)
    assert len(table) <= bins
    assert all(a.high < b.low for a, b in pairwise(table))
    assert sum(one.n * one.right for one in table) == pytest.approx(sum(right))
    assert all(one.right_low <= one.right <= one.right_high for one in table)


@given(forecasts, st.randoms(use_true_random=False))
def test_the_order_of_the_questions_does_not_matter(
    pairs: list[tuple[float, int]], dice: object
) -> None:
    shuffled = list(pairs)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    for measure in (calibration_error, brier, brier_skill, auroc):
        one, other = (measure(*zip(*p, strict=True)) for p in (pairs, shuffled))
        assert one == pytest.approx(other) or one is other is None


@given(forecasts)
def test_auroc_counts_pairs(pairs: list[tuple[float, int]]) -> None:
    hits = [p for p, right in pairs if right]
    misses = [p for p, right in pairs if not right]
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(hits, misses)]
    stated, right = zip(*pairs, strict=True)
    expected = pytest.approx(np.mean(wins)) if wins else None
    assert auroc(stated, right) == expected


def test_one_bin_is_the_difference_of_the_means() -> None:
    stated, right = [0.2, 0.4, 0.9], [1, 0, 1]
    assert calibration_error(stated, right, 1) == pytest.approx(abs(0.5 - 2 / 3))


def test_a_true_forecast_is_calibrated_and_an_overconfident_one_is_not() -> None:
    rng = np.random.default_rng(1)
    truth = rng.beta(5, 1, 20_000)
    right = (rng.random(20_000) < truth).astype(float)
    bold = truth ** (1 / 4)
    assert calibration_error(truth, right) < 0.01
    assert calibration_error(bold, right) > 0.08
    skill, bold_skill = brier_skill(truth, right), brier_skill(bold, right)
    assert skill is not None and bold_skill is not None and skill > max(bold_skill, 0)
    assert auroc(truth, right) == pytest.approx(auroc(bold, right))  # order alone counts


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_curves_bring_an_overconfident_forecast_back(fit: object) -> None:
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.05, 0.95, 8_000)
    right = (rng.random(8_000) < truth).astype(float)
    bold = 1 / (1 + np.exp(-3 * np.log(truth / (1 - truth))))
    half = slice(0, 4_000), slice(4_000, None)
    curve = fit(bold[half[0]], right[half[0]])  # type: ignore[operator]
    mended = curve(bold[half[1]])
    assert calibration_error(mended, right[half[1]]) < 0.03
    assert calibration_error(bold[half[1]], right[half[1]]) > 0.1
    assert (np.diff(curve(np.linspace(0, 1, 50))) >= -1e-12).all()


def test_platt_never_gives_certainty_where_every_answer_was_right() -> None:
    assert fit_platt([0.9] * 20, [1] * 20)([0.9])[0] < 0.97


@given(forecasts)
def test_isotonic_is_the_best_rising_curve(pairs: list[tuple[float, int]]) -> None:
    stated, right = (np.array(side, float) for side in zip(*pairs, strict=True))
    mended = fit_isotonic(stated, right)(stated)
    assert ((mended >= 0) & (mended <= 1)).all()
    assert np.mean((mended - right) ** 2) <= np.mean((stated - right) ** 2) + 1e-12
    order = np.argsort(stated)
    assert (np.diff(mended[order]) >= -1e-12).all()


@settings(deadline=None)
@given(st.integers(1, 60), st.data())
def test_the_bound_leaves_no_more_than_its_level(n: int, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, n - 1))
    bound = upper_bound(wrong, n)
    assert binom.cdf(wrong, n, bound) == pytest.approx(0.05, abs=1e-6)
    assert upper_bound(n, n) == 1.0


def test_a_threshold_keeps_its_promise_on_other_questions() -> None:
    broken = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = np.clip(rng.beta(8, 0.3, 6_000), 0, 1)
        right = (rng.random(6_000) < truth).astype(float)
        found = threshold(truth, right, 0.02)
        assert found is not None and 0.5 < found.coverage < 1 and found.error <= found.bound <= 0.02
        broken += bool((1 - truth[truth >= found.value]).mean() > 0.02)
    assert broken <= 3  # of 60, at a level of 95 %


def test_no_threshold_where_the_surest_are_wrong_too() -> None:
    assert threshold([0.99] * 1000, [1, 0] * 500, 0.01) is None


def test_an_interval_of_any_statistic_draws_whole_groups() -> None:
    stated, right = [0.9] * 50 + [0.2] * 50, [1.0] * 45 + [0.0] * 5 + [0.0] * 40 + [1.0] * 10
    alone = resampled(auroc, stated, right)
    grouped = resampled(auroc, stated, right, [i // 10 for i in range(100)])
    value = auroc(stated, right)
    assert alone is not None and grouped is not None and value is not None
    assert alone[0] < value < alone[1]
    assert grouped[1] - grouped[0] > alone[1] - alone[0]
    assert resampled(auroc, [0.9] * 50, [1.0] * 49 + [0.0]) is None  # often none is wrong


@pytest.mark.parametrize(
    ("stated", "right"),
    [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([float("nan")], [1]), ([0.5], [0.5])],
)
def test_what_is_no_forecast_is_refused(stated: list[float], right: list[float]) -> None:
    for measure in (calibration_error, brier, auroc, fit_platt):
        with pytest.raises(ValueError, match=r"confidence|right nor wrong"):
            measure(stated, right)
