"""How a training hears of signals."""

import signal
from pathlib import Path

import pytest

from huohou.jobs.stopping import StopWatch
from interrupting import coming_again


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_another_is_heard(
    first: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shutdown sends several at once: the training stops, and does not stand still."""
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.getsignal(name) for name in names}
    monkeypatch.setattr(StopWatch, "_watch", lambda _: None)
    try:
        watch = StopWatch(tmp_path, None)
        assert not watch.asked()
        with coming_again(signal.SIGTERM):
            signal.raise_signal(first)
        assert watch.asked()
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
