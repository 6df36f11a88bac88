"""Device and number format: measured, with the numbers in the reason."""

import time

import pytest

from huohou import models
from huohou.errors import ModelError
from huohou.models import device


@pytest.fixture(autouse=True)
def fresh() -> None:
    device.measure_matmul.cache_clear()


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], tuple[float, float]]:
    """Rates to be measured, by format and tokens; what is asked for is taken out."""
    planned: dict[tuple[str, int], tuple[float, float]] = {}

    def measured(_device: str, dtype: str, tokens: int) -> tuple[float, float]:
        return planned.pop((dtype, tokens))

    monkeypatch.setattr(device, "measure_layouts", measured)
    return planned


def test_it_measures_this_machine_and_says_so() -> None:
    import torch

    threads = torch.get_num_threads()
    began = time.monotonic()
    chosen = models.choose_dtype("cpu")
    assert time.monotonic() - began < 20  # 0.2 s on a free machine; others may be busy here
    rate = models.measure_matmul("cpu", chosen.value, device.FEWER_TOKENS)
    assert 1e8 < rate < 1e14
    assert f"{chosen.value} {rate / 1e9:.3g}" in chosen.reason
    assert torch.get_num_threads() == threads


def test_a_rate_is_measured_once() -> None:
    assert models.measure_matmul("cpu", "float32") == models.measure_matmul("cpu", "float32")


def test_hopeless_bfloat16_costs_one_small_measurement(
    rates: dict[tuple[str, int], tuple[float, float]],
) -> None:
    full = (150e9, 80e9)
    rates[("float32", device.PROBE_TOKENS)] = rates[("float32", device.FEWER_TOKENS)] = full
    rates[("bfloat16", device.PROBE_TOKENS)] = (30e9, 0.3e9)
    chosen = models.choose_dtype("cpu")
    assert chosen.value == "float32"
    assert "float32 104 GFLOP/s, bfloat16 0.594" in chosen.reason
    assert rates == {}


@pytest.mark.parametrize(("half", "value"), [(129e9, "float32"), (131e9, "bfloat16")])
def test_bfloat16_has_to_pay(
    half: float, value: str, rates: dict[tuple[str, int], tuple[float, float]]
) -> None:
    for tokens in (device.PROBE_TOKENS, device.FEWER_TOKENS):
        rates[("float32", tokens)] = (100e9, 100e9)
        rates[("bfloat16", tokens)] = (half, half)
    assert models.choose_dtype("cpu").value == value


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
