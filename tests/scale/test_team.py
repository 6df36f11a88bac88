"""What the workers of a team compare, without starting any."""

import pickle
from typing import Any

import pytest
import torch

from huohou.errors import RunFailedError
from huohou.recipes.team import Team


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf")])
def test_weights_that_diverged_alike_are_the_same(
    monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """Two workers, of whom each hears what was sent, not the very objects."""

    def heard(_: Team, told: Any) -> list[Any]:
        return [pickle.loads(pickle.dumps(told)) for _ in range(2)]

    monkeypatch.setattr(Team, "all", heard)
    weights = [torch.full((3,), value, requires_grad=True), torch.ones(2, requires_grad=True)]
    Team(1, 2).check_same(weights)


def test_weights_that_differ_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def heard(_: Team, value: Any) -> list[Any]:
        told.append(value)
        return list(told)

    monkeypatch.setattr(Team, "all", heard)
    Team(0, 2).check_same([torch.ones(2, requires_grad=True)])
    with pytest.raises(RunFailedError, match="not the same"):
        Team(1, 2).check_same([torch.tensor([1.0, 1.0000001], requires_grad=True)])
