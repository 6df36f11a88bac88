"""The statistics: sizes that are known, and error rates that are held."""

import random

import pytest

from huohou.diagnose.curves import lowest, noise, trend


def walk(rng: random.Random, n: int, phi: float) -> list[float]:
    """A series without trend whose neighbours depend on each other."""
    values = [rng.gauss(0, 1)]
    for _ in range(n - 1):
        values.append(phi * values[-1] + rng.gauss(0, (1 - phi**2) ** 0.5))
    return values


@pytest.mark.parametrize(("phi", "bound"), [(0.0, 0.02), (0.3, 0.03), (0.6, 0.06)])
def test_trend_test_finds_no_trend_where_there_is_none(phi: float, bound: float) -> None:
    rng = random.Random(0)
    series = [walk(rng, n, phi) for n in (12, 30, 100) for _ in range(200)]
    assert sum(trend(values).rises(0.01) for values in series) / len(series) <= bound


def test_trend_test_finds_a_trend() -> None:
    rng = random.Random(0)
    for n in (12, 40, 1000):
        values = [i / n * 3 + rng.gauss(0, 0.5) for i in range(n)]
        found = trend(values)
        assert found.rises() and not found.falls()
        assert found.low <= 3 <= found.high * 1.1
        assert trend([-v for v in values]).falls()


def test_interval_of_the_change_holds_the_truth() -> None:
    rng = random.Random(1)
    held = 0
    for _ in range(200):
        found = trend([2.0 * i / 29 + rng.gauss(0, 0.5) for i in range(30)])
        held += found.low <= 2.0 <= found.high
    assert held >= 0.9 * 200


def test_noise_is_that_of_the_series() -> None:
    rng = random.Random(0)
    values = [5 - i / 200 + rng.gauss(0, 0.2) for i in range(500)]
    assert noise(values) == pytest.approx(0.2, rel=0.15)
    values[100] = 50.0
    assert noise(values) == pytest.approx(0.2, rel=0.15), "a spike is no noise"


def test_constant_and_short_series() -> None:
    flat = trend([1.0] * 10)
    assert flat.change == 0 and not flat.rises() and not flat.falls()
    assert noise([1.0, 2.0]) == 0.0
    assert lowest([2.0]) == 2.0
    assert trend([1.0, 2.0, 3.0, 4.0]).change == pytest.approx(3.0)
