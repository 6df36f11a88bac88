"""Whether a resume went on is read off the first losses, and not guessed."""

import math
import random

import pytest

from huohou.diagnose.aftercheck import after_check


def course(steps: int, noise: float, seed: int) -> list[float]:
    """A loss that falls from about 3 to about 0.5 with noise."""
    chance = random.Random(seed)
    return [0.5 + 2.5 * math.exp(-3 * k / steps) + chance.gauss(0, noise) for k in range(steps)]


def judged(before: list[float], after: list[float]) -> str:
    found = after_check(before, before, after)
    assert found is not None
    return found.judgement


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.2])
def test_a_resume_that_went_on_and_one_that_did_not(noise: float) -> None:
    """200 runs of each kind, stopped at random steps: none is taken for the other."""
    for seed in range(200):
        whole = course(120, noise, seed)
        stop = random.Random(seed).randint(60, 110)
        went_on = judged(whole[:stop], whole[stop:])
        began_anew = judged(whole[:stop], course(120, noise, seed + 1000))
        assert went_on == "good"
        assert began_anew == "lost"


def test_noise_that_hides_the_fall_is_said_to_hide_it() -> None:
    for seed in range(50):
        chance = random.Random(seed)
        flat = [1.0 + chance.gauss(0, 0.3) for _ in range(40)]
        again = [1.0 + chance.gauss(0, 0.3) for _ in range(10)]
        assert judged(flat, again) in ("undecided", "good")
        assert judged([1.0] * 40, [1.0] * 5) == "undecided"


def test_too_few_losses_and_nan() -> None:
    whole = course(40, 0.01, 1)
    assert after_check(whole, whole, whole[:4]) is None
    assert judged(whole, [math.nan] * 5) == "undecided"
