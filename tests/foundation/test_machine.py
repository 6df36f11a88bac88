"""What is imported at once is not searched for garbage."""

import gc
import sys
from types import ModuleType

import pytest

from huohou import machine
from huohou.machine import importing


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Modules that were there each time that everything was set aside for good."""
    seen: list[int] = []
    monkeypatch.setattr(gc, "freeze", lambda: seen.append(len(sys.modules)))
    return seen


def bring(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    for number in range(count):
        monkeypatch.setitem(sys.modules, f"brought_{number}", ModuleType(f"brought_{number}"))


@pytest.mark.parametrize(("beyond", "times"), [(0, 0), (1, 1)])
def test_only_what_brings_many_modules_is_set_aside(
    monkeypatch: pytest.MonkeyPatch, frozen: list[int], beyond: int, times: int
) -> None:
    """A server opens models again and again: of those nothing may stay for good."""
    with importing():
        assert not gc.isenabled()
        bring(monkeypatch, machine.MANY_MODULES + beyond)
    assert gc.isenabled()
    assert len(frozen) == times


def test_garbage_is_searched_for_again_whatever_happens() -> None:
    with pytest.raises(ImportError, match="no such library"), importing(), importing():
        raise ImportError("no such library")
    assert gc.isenabled()


def test_who_has_switched_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with importing():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
