"""Which device and number format to train with, each with its reason: measured, not assumed.

Some CPUs multiply bfloat16 twice as fast as float32, others hundreds of times slower, and slowest
in the layout of a backward pass. So both layouts are timed, for a fifth of a second. Formats are
compared on one core: what else the machine is doing hardly shows there, and a plan made twice
should choose the same.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from huohou.errors import ModelError
from huohou.models.library import first_line
from huohou.text import say

if TYPE_CHECKING:
    import torch

# A linear layer of a small model: tokens of a batch, inputs, outputs (SmolLM2-135M's MLP).
TOKENS, INPUTS, OUTPUTS = 560, 576, 1536
FEWER_TOKENS = 192  # where one core does it alone
PROBE_TOKENS = 16  # enough to see that a format is hopelessly slow without waiting for it
HOPELESS = 4e9  # flop/s: not worth a full measurement
BUDGET_SECONDS = 0.025  # of one measurement
WORTH_IT = 1.3  # bfloat16 keeps 8 bits of each number: it must pay
DTYPES = ("float32", "bfloat16")


class Chosen(NamedTuple):
    """Something decided for the user, and why."""

    value: str
    reason: str


def choose_device(wanted: str = "auto") -> Chosen:
    """The device to train on: ``cuda``, ``mps`` or ``cpu``, or the one that is wanted.

    Raises ModelError when the wanted device is not there.
    """
    there = devices()
    best = next(iter(there))
    if wanted == "auto":
        return Chosen(best, say(f"models.device_{best.split(':')[0]}", name=there[best]))
    found = wanted if wanted in there else {"cuda": "cuda:0"}.get(wanted, wanted)
    if found not in there:
        raise ModelError("models.no_device", device=wanted, known=", ".join(there))
    return Chosen(wanted, say("models.device_wanted", device=wanted, name=there[found]))


def devices() -> dict[str, str]:
    """Devices that torch can use here, best first, with their names and memory or cores."""
    import torch

    found: dict[str, str] = {}
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(i)
        found[f"cuda:{i}"] = f"{facts.name}, {facts.total_memory / 1e9:.0f} GB"
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU"
    threads, capability = torch.get_num_threads(), torch.backends.cpu.get_cpu_capability()
    found["cpu"] = say("models.cpu_name", threads=threads, capability=capability)
    return found


def survey() -> dict[str, Any]:
    """For a bug report: devices, and how fast the best one multiplies (flop/s), or what is wrong.

    Keys: devices, speed, problem (None when torch works).
    """
    try:
        there = devices()
        best = next(iter(there))
        speed = dict(zip(DTYPES, compare_formats(best), strict=True))
    except (ImportError, OSError, RuntimeError) as error:  # a torch that is absent or broken
        return {"devices": {}, "speed": {}, "problem": first_line(error)}
    return {"devices": there, "speed": speed, "problem": None}


def choose_dtype(device: str, wanted: str = "auto") -> Chosen:
    """``float32`` or ``bfloat16`` on this device, by a measurement when it is not given.

    Raises ModelError when an unknown format is wanted.
    """
    if wanted != "auto":
        if wanted not in DTYPES:
            raise ModelError("models.no_dtype", dtype=wanted, known=", ".join(DTYPES))
        return Chosen(wanted, say("models.dtype_wanted", dtype=wanted))
    full, half = compare_formats(device)
    value = "bfloat16" if half >= WORTH_IT * full else "float32"
    where = say("models.one_core") if device == "cpu" else device
    reason = say(
        f"models.dtype_{value}", where=where, full=_giga(full), half=_giga(half), worth=WORTH_IT
    )
    return Chosen(value, reason)


def compare_formats(device: str) -> tuple[float, float]:
    """flop/s in float32 and in bfloat16; of one core where the device is the CPU."""
    with one_core(device):
        full, half = (measure_matmul(device, dtype, FEWER_TOKENS) for dtype in DTYPES)
    return full, half


@contextmanager
def one_core(device: str) -> Iterator[None]:
    """torch computes on one core while the body runs, where it computes on cores at all."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1 if device == "cpu" else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def measure_matmul(device: str, dtype: str, tokens: int = TOKENS) -> float:
    """Floating-point operations a second of a small model's linear layers, measured once a process.

    The time of a product in the layout of a forward pass and of one in the layout of a backward
    pass, (tokens x 576) with (576 x 1536) and its transpose, are added up: a linear layer that is
    not itself trained needs both.
    """
    sample = measure_layouts(device, dtype, PROBE_TOKENS)
    if min(sample) < HOPELESS and device == "cpu":
        return _both(sample)
    return _both(measure_layouts(device, dtype, tokens))


def measure_layouts(device: str, dtype: str, tokens: int) -> tuple[float, float]:
    """Operations a second of a linear layer's product forward, and of the one for its inputs'
    gradient (tokens x outputs times outputs x inputs)."""
    import torch

    kind = getattr(torch, dtype)
    weight = torch.randn(OUTPUTS, INPUTS).to(device, kind)
    inputs = torch.randn(tokens, INPUTS).to(device, kind)
    gradient = torch.randn(tokens, OUTPUTS).to(device, kind)
    operations = 2.0 * tokens * INPUTS * OUTPUTS
    with torch.no_grad():
        forward = _seconds(lambda: torch.nn.functional.linear(inputs, weight), device)
        backward = _seconds(lambda: gradient @ weight, device)
    return operations / forward, operations / backward


def _both(rates: tuple[float, float]) -> float:
    return 2.0 / sum(1.0 / rate for rate in rates)


def _seconds(work: "Callable[[], torch.Tensor]", device: str) -> float:
    """Seconds of the quickest call: others' work on the machine only ever adds to it."""
    import torch

    accelerator: Any = torch.get_device_module(device)
    times: list[float] = []
    end = math.inf  # the first call warms up
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        work()
        accelerator.synchronize()
        times.append(time.perf_counter() - began)
        end = min(end, time.perf_counter() + BUDGET_SECONDS)
    return min(times)


def _giga(rate: float) -> str:
    return f"{rate / 1e9:.3g}"
