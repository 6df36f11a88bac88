"""Device and number format: measured, with the numbers in the reason."""

import pytest

from huohou import models
from huohou.errors import ModelError
from huohou.models import device


def test_it_measures_this_machine_and_says_so() -> None:
    import torch

    threads = torch.get_num_threads()
    chosen = models.choose_dtype("cpu")
    rate = models.measure_step("cpu", chosen.value, 1)
    assert 1e8 < rate < 1e14
    assert f"{chosen.value} {rate / 1e9:.3g}" in chosen.reason
    assert torch.get_num_threads() == threads


def test_a_rate_is_measured_once() -> None:
    assert models.measure_step("cpu", "float32") == models.measure_step("cpu", "float32")


@pytest.mark.parametrize(("half", "value"), [(124e9, "float32"), (126e9, "bfloat16")])
def test_bfloat16_has_to_pay(half: float, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"float32": 100e9, "bfloat16": half}
    monkeypatch.setattr(device, "measure_step", lambda _device, dtype, _threads: rates[dtype])
    chosen = models.choose_dtype("cpu")
    assert chosen.value == value
    assert "float32 100" in chosen.reason


def test_what_is_wanted_is_taken_or_refused() -> None:
    assert models.choose_dtype("cpu", "bfloat16").value == "bfloat16"
    assert models.choose_device("cpu").value == "cpu"
    with pytest.raises(ModelError, match=r"float16.*float32, bfloat16"):
        models.choose_dtype("cpu", "float16")
    with pytest.raises(ModelError, match=r"cuda:9.*cpu"):
        models.choose_device("cuda:9")


def test_the_best_device_is_named_with_its_reason() -> None:
    there = models.devices()
    chosen = models.choose_device()
    assert chosen.value == next(iter(there))
    assert "cpu" in there
    assert there[chosen.value] in chosen.reason
