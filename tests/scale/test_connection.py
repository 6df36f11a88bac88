"""What is said where a Ray cluster cannot be joined, or none begun on this machine."""

import re
from typing import Any

import pytest

from huohou.errors import RunFailedError
from huohou.jobs.connection import connected


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ("10.0.0.5:6379", "`ray start --address=10.0.0.5:6379` here first"),
        (None, "could not be started on this machine: the raylet is gone."),
    ],
)
def test_what_to_do_fits_what_was_tried(
    monkeypatch: pytest.MonkeyPatch, there: str | None, told: str
) -> None:
    """Ray itself is not asked: it would look for a cluster for a minute."""
    import ray

    def fails(**_: Any) -> None:
        raise ConnectionError("the raylet is gone\nmore of it")

    monkeypatch.setattr(ray, "init", fails)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if there:
        monkeypatch.setenv("RAY_ADDRESS", there)
    with pytest.raises(RunFailedError, match=re.escape(told)), connected("ray"):
        pass
